//! One job with everything that happened to it.

use fleetfoot_model::ids::{JobId, RunnerName};
use fleetfoot_model::job::Job;
use fleetfoot_model::ledger::{self, Ledger, LedgerError};
use fleetfoot_model::runner::Runner;
use serde::{Serialize, Serializer};

use super::job;
use super::wait::Wait;
use crate::view::{self, JobView, RunnerDetails, StepView};

/// A job, its runner and what happened to both.
#[derive(Debug, Clone, PartialEq)]
pub struct JobTimeline {
    /// The job's row.
    pub job: Job,
    /// Its runner's row; none if it has none, or one that is not this fleet's.
    pub runner: Option<Runner>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TimelineView<'a> {
    job: JobView<'a>,
    phase: job::JobPhase,
    /// Its page at GitHub, if that is an `https` address.
    page: Option<String>,
    wait: Option<Wait>,
    timeline: Vec<StepView<'a>>,
    runner: Option<RunnerDetails<'a>>,
}

impl Serialize for JobTimeline {
    /// `job` as `fleetfoot jobs list --json` shows it, `phase`, `page`, `wait`, `timeline`, and `runner` as
    /// `fleetfoot runners details --json` shows it.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { job, runner } = self;
        let line = job::line(job, runner.as_ref());
        TimelineView {
            job: JobView::from(job),
            phase: line.phase,
            page: line.page,
            wait: line.wait,
            timeline: view::steps(&job.timeline),
            runner: runner.as_ref().map(RunnerDetails::from),
        }
        .serialize(serializer)
    }
}

/// Reads a job and its runner: two rows at most. None if the fleet does not know the job.
///
/// # Errors
/// Those of the ledger.
pub async fn job_timeline(ledger: &dyn Ledger, id: JobId) -> Result<Option<JobTimeline>, LedgerError> {
    let Some(row) = ledger::job(ledger, id).await? else { return Ok(None) };
    let runner = runner_of(ledger, &row.value).await?;
    Ok(Some(JobTimeline { job: row.value, runner }))
}

/// The runner that is meant for a job, has it or had it. None if there is none, or one that is not this fleet's, such as
/// GitHub's own.
///
/// # Errors
/// Those of the ledger.
pub async fn runner_of(ledger: &dyn Ledger, job: &Job) -> Result<Option<Runner>, LedgerError> {
    match view::runner_of(&job.state).and_then(|name| name.parse::<RunnerName>().ok()) {
        Some(name) => Ok(ledger::runner(ledger, &name).await?.map(|row| row.value)),
        None => Ok(None),
    }
}
