//! A runner in a line.

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::{JobId, PoolName, Repository, RunnerName};
use fleetfoot_model::price::{Prices, usd};
use fleetfoot_model::runner::{Runner, RunnerState, StopReason};
use serde::Serialize;

use super::MOST_SHOWN;
use super::lines::brief;
use super::rows::Rows;

/// Where a runner is, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RunnerPhase {
    /// Reserved, or its task is on its way.
    Starting,
    /// Registered, without a job.
    Idle,
    /// It has a job.
    Busy,
    /// It is being let go, or has stopped and GitHub may still know it.
    Leaving,
    /// It ended as it should.
    Done,
    /// It ended otherwise.
    Failed,
}

impl RunnerPhase {
    /// The phase of a runner.
    pub fn of(runner: &Runner) -> Self {
        match &runner.state {
            RunnerState::Busy(_) => Self::Busy,
            RunnerState::Stopped(reason) if is_failure(reason) => Self::Failed,
            RunnerState::Stopped(_) if runner.is_settled() => Self::Done,
            RunnerState::Stopped(_) => Self::Leaving,
            _ if runner.dismissed.is_some() => Self::Leaving,
            RunnerState::Registered => Self::Idle,
            RunnerState::Reserved | RunnerState::Launched => Self::Starting,
        }
    }

    /// One word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Idle => "idle",
            Self::Busy => "busy",
            Self::Leaving => "leaving",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// Whether a runner should not have ended so.
pub(super) fn is_failure(reason: &StopReason) -> bool {
    !matches!(reason, StopReason::Done | StopReason::Stopped { .. })
}

/// A runner.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunnerLine {
    /// Its name.
    pub name: RunnerName,
    /// `reserved`, `launched`, `registered`, `busy` or `stopped`.
    pub state: &'static str,
    /// The same for people.
    pub phase: RunnerPhase,
    /// Its class.
    pub class: String,
    /// What it is: class, size, processors, how its capacity is bought, image.
    pub spec: String,
    /// The pool that it was launched for.
    pub pool: Option<PoolName>,
    /// The job it is meant for, has or had.
    pub job: Option<JobId>,
    /// That job's name, if its row was read.
    pub job_name: Option<String>,
    /// For whom it works.
    pub repository: Option<Repository>,
    /// Why it is let go or stopped.
    pub reason: Option<String>,
    /// When its capacity was taken.
    pub reserved_at: Timestamp,
    /// When its task ran first.
    pub started_at: Option<Timestamp>,
    /// When its task ended.
    pub stopped_at: Option<Timestamp>,
    /// List price of its time, once it stopped.
    pub cost_usd: Option<f64>,
    /// List price of an hour of it, with which a running one's cost can be told.
    pub usd_per_hour: f64,
}

/// The runners that are shown.
pub(super) fn lines(rows: &Rows<'_>, prices: &Prices) -> Vec<RunnerLine> {
    let ended = rows.ended_runners.iter().take(MOST_SHOWN);
    rows.open_runners.iter().chain(ended).map(|runner| line(rows, runner, prices)).collect()
}

fn line<'a>(rows: &Rows<'a>, runner: &'a Runner, prices: &Prices) -> RunnerLine {
    let stopped = match &runner.state {
        RunnerState::Stopped(reason) => Some(reason.to_string()),
        _ => None,
    };
    let job = runner.job.and_then(|id| rows.job(id));
    RunnerLine {
        name: runner.name.clone(),
        state: runner.state.name(),
        phase: RunnerPhase::of(runner),
        class: runner.spec.class.to_string(),
        spec: runner.spec.to_string(),
        pool: runner.pool.clone(),
        job: runner.job,
        job_name: job.map(|job| brief(&job.description.name)),
        repository: rows.repository_of(runner).cloned(),
        reason: stopped.or_else(|| runner.dismissed.clone()).map(|reason| brief(&reason)),
        reserved_at: runner.reserved_at,
        started_at: runner.started_at,
        stopped_at: runner.stopped_at,
        cost_usd: runner.cost_micro_usd.map(usd),
        usd_per_hour: prices.usd_per_hour(&runner.spec, runner.capacity()),
    }
}
