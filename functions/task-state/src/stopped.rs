//! A task stopped: its capacity is free, its registration must not stay behind, and its job must not be left alone.

use fleetfoot_model::Timestamp;
use fleetfoot_model::decide::{retry, task};
use fleetfoot_model::dismiss::Dismisser;
use fleetfoot_model::events::{Fact, RunnerStopped};
use fleetfoot_model::foreign::TaskStateChange;
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::{RunnerName, TaskId};
use fleetfoot_model::job::Waiting;
use fleetfoot_model::ledger::{self, Change};
use fleetfoot_model::ports::{GitHubError, JobStatus};
use fleetfoot_model::price::{Prices, usd};
use fleetfoot_model::rerun;
use fleetfoot_model::runner::{Arrival, Registration, Runner, RunnerState, StopReason};

use crate::TaskState;

impl TaskState {
    pub(crate) async fn task_stopped(
        &self,
        name: &RunnerName,
        task: &TaskId,
        change: &TaskStateChange,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let prices = &self.config.prices;
        let stop_it = |runner: &mut Runner| stop(runner, task, change, prices, now);
        let row = ledger::update_runner(&*self.ledger, name, stop_it).await?;
        let Some(runner) = row else { return Ok(Vec::new()) };
        let RunnerState::Stopped(reason) = runner.state.clone() else { return Ok(Vec::new()) };
        let cost_usd = usd(runner.cost_micro_usd.unwrap_or(0));
        let mut facts: Vec<Fact> = vec![
            RunnerStopped { runner: name.clone(), job: runner.job, reason: reason.clone(), cost_usd }.into(),
        ];
        facts.extend(self.see_to_job(&runner, &reason, now).await?);
        rerun::see_to_loss(&*self.ledger, &runner, &self.config, now).await?;
        self.see_to_registration(&runner, &reason, now).await;
        Ok(facts)
    }

    /// A job that still waits for this runner gets another, unless it turns out to have left the queue.
    async fn see_to_job(
        &self,
        runner: &Runner,
        reason: &StopReason,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let Some(id) = runner.job else { return Ok(Vec::new()) };
        let Some(mut job) = ledger::job(&*self.ledger, id).await? else { return Ok(Vec::new()) };
        if job.value.runner() != Some(&runner.name) {
            return Ok(Vec::new());
        }
        if runner.github_id.is_none() {
            // It never was registered, so nothing can have run on it.
            let fact = retry::after_failure(&mut job.value, &reason.to_string(), &self.config, now);
            ledger::put(&*self.ledger, job).await?;
            return Ok(vec![fact]);
        }
        let (until, why) = match self.github.job(&job.value.description.repository, id).await {
            Ok(report) if report.fact().is_some() => return Ok(report.fact().into_iter().collect()),
            Ok(report) if report.status == JobStatus::Queued && *reason != StopReason::Done => {
                let fact = retry::after_failure(&mut job.value, &reason.to_string(), &self.config, now);
                ledger::put(&*self.ledger, job).await?;
                return Ok(vec![fact]);
            }
            // The runner did a job, and which one has not been told yet. When it is, this job may get that one's runner.
            Ok(_) => (now + self.config.timeouts.grace, "its runner ran another job".to_owned()),
            Err(GitHubError::RateLimited { until }) => {
                (until, "GitHub's limit, while asking how the job stands".to_owned())
            }
            Err(error) => {
                (now + self.config.timeouts.grace, format!("how the job stands could not be asked: {error}"))
            }
        };
        // Counted, so that a runner that ends at once without a job is not launched for ever.
        job.value.replacements += 1;
        let waiting = retry::after_takeovers(&job.value, &self.config, now)
            .unwrap_or(Waiting::Backoff { until, reason: why });
        let fact = job.value.defer(waiting, now);
        ledger::put(&*self.ledger, job).await?;
        Ok(vec![fact])
    }

    /// GitHub removes an ephemeral runner after its job. What ended otherwise is removed here; if that fails, or if it is
    /// not clear yet, the row stays open and `cleanup` sees to it.
    async fn see_to_registration(&self, runner: &Runner, reason: &StopReason, now: Timestamp) {
        let ran_to_its_end = *reason == StopReason::Done && runner.registration == Registration::Present;
        if ran_to_its_end {
            return;
        }
        let dismisser = Dismisser { ledger: &*self.ledger, github: &*self.github, fleet: &*self.fleet };
        // An error leaves the registration as it is in the row.
        let _ = dismisser.unregister(runner, now).await;
    }
}

/// Ends a runner's row. A second telling changes nothing, unless the runner was only missed so far: `cleanup` may notice
/// moments before the fleet tells that a task is gone, and not know why and at what cost.
fn stop(
    runner: &mut Runner,
    task: &TaskId,
    change: &TaskStateChange,
    prices: &Prices,
    now: Timestamp,
) -> Option<Vec<Change>> {
    let was_missed = runner.state == RunnerState::Stopped(StopReason::Lost);
    if !runner.is_live() && !was_missed {
        return None;
    }
    let was_busy = matches!(runner.state, RunnerState::Busy(_));
    let reason = task::stop_reason(change, runner.dismissed.as_deref().filter(|_| !was_busy));
    runner.task.get_or_insert_with(|| task.clone());
    runner.task_version = runner.task_version.max(change.version);
    runner.arrival = Arrival::of(change).or(runner.arrival.take());
    price(runner, change, prices, now);
    if was_missed {
        let what = format!("ended: {reason}");
        runner.move_to(RunnerState::Stopped(reason), now, what);
        return Some(Vec::new());
    }
    let released = runner.stop(reason, now);
    Some(released.into_iter().map(Change::Release).collect())
}

/// From the start of the image pull, as AWS bills it.
fn price(runner: &mut Runner, change: &TaskStateChange, prices: &Prices, now: Timestamp) {
    let began = change.pull_started_at.or(change.started_at).or(runner.started_at);
    runner.price(prices, began, change.stopped_at.unwrap_or(now));
}
