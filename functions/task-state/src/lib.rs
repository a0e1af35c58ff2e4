//! Follows a runner's task by the version of its events, says why it stopped, frees its capacity, prices it, and sees to
//! its job if that still waits.

mod stopped;

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::Timestamp;
use fleetfoot_model::config::Config;
use fleetfoot_model::decide::task::is_interruption;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::events::{Fact, RunnerInterrupted, RunnerStarted};
use fleetfoot_model::foreign::{TASK_STATE_CHANGE, TaskStateChange};
use fleetfoot_model::function::{EventFunction, FunctionError};
use fleetfoot_model::ids::{RunnerName, TaskId};
use fleetfoot_model::ledger::{self, Ledger};
use fleetfoot_model::ports::{Fleet, GitHub};
use fleetfoot_model::runner::{Arrival, Runner, RunnerState};

/// The function `task-state`.
pub struct TaskState {
    /// Rows.
    pub ledger: Arc<dyn Ledger>,
    /// Asked about a job only when its runner ended without a word about it.
    pub github: Arc<dyn GitHub>,
    /// Where tasks run.
    pub fleet: Arc<dyn Fleet>,
    /// The fleet's configuration.
    pub config: Arc<Config>,
}

#[async_trait]
impl EventFunction for TaskState {
    async fn handle(&self, event: &Envelope, now: Timestamp) -> Result<Vec<Fact>, FunctionError> {
        let (name, task, change) = match read(event)? {
            Some(read) if read.0.belongs_to(&self.config.fleet) => read,
            _ => return Ok(Vec::new()),
        };
        // For a task without a row, which is another fleet's or older than the ledger, both do nothing: `cleanup` sees to
        // it.
        if change.last_status == "STOPPED" {
            return self.task_stopped(&name, &task, &change, now).await;
        }
        self.task_moved(&name, &task, &change, now).await
    }
}

impl TaskState {
    async fn task_moved(
        &self,
        name: &RunnerName,
        task: &TaskId,
        change: &TaskStateChange,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let row = ledger::update_runner(&*self.ledger, name, |runner| {
            let is_news = runner.is_live() && change.version > runner.task_version;
            is_news.then(|| {
                runner.task_version = change.version;
                note_progress(runner, task, change, now);
                Vec::new()
            })
        })
        .await?;
        let Some(runner) = row.filter(|runner| runner.task_version == change.version) else {
            return Ok(Vec::new());
        };
        if is_interruption(change) {
            return Ok(vec![RunnerInterrupted { runner: name.clone(), job: runner.job }.into()]);
        }
        if change.last_status == "RUNNING" {
            let Runner { job, reserved_at, started_at: up_at, .. } = runner;
            let reserved_at = Some(reserved_at);
            let (runner, task) = (name.clone(), task.clone());
            return Ok(vec![RunnerStarted { runner, task, job, reserved_at, up_at }.into()]);
        }
        Ok(Vec::new())
    }
}

fn note_progress(runner: &mut Runner, task: &TaskId, change: &TaskStateChange, now: Timestamp) {
    runner.task.get_or_insert_with(|| task.clone());
    runner.arrival = Arrival::of(change).or(runner.arrival.take());
    if runner.state == RunnerState::Reserved {
        runner.move_to(RunnerState::Launched, now, format!("launched as task {task}"));
    }
    if is_interruption(change) {
        runner.timeline.note(now, "Spot takes its capacity back within two minutes");
    } else if change.last_status == "RUNNING" && runner.started_at.is_none() {
        runner.started_at = Some(change.started_at.unwrap_or(now));
        runner.timeline.note(now, "its task runs");
    }
}

/// The runner, its task and what changed; `None` for a task that is not a runner's.
fn read(event: &Envelope) -> Result<Option<(RunnerName, TaskId, TaskStateChange)>, FunctionError> {
    if event.detail_type != TASK_STATE_CHANGE {
        return Err(FunctionError::Malformed(format!("task-state takes no {:?}", event.detail_type)));
    }
    let change: TaskStateChange = serde_path_to_error::deserialize(&event.detail)
        .map_err(|error| FunctionError::Malformed(format!("detail.{error}")))?;
    let Some(Ok(name)) = change.started_by.as_deref().map(str::parse) else { return Ok(None) };
    let task = change
        .task_arn
        .parse()
        .map_err(|error| FunctionError::Malformed(format!("detail.taskArn: {error}")))?;
    Ok(Some((name, task, change)))
}
