//! Jobs and runs: how a job stands, which jobs are queued, where a run's code comes from.

use std::collections::BTreeSet;

use fleetfoot_model::Timestamp;
use fleetfoot_model::foreign::{HeadRepository, WorkflowJob};
use fleetfoot_model::ids::{JobId, Repository, RunId};
use fleetfoot_model::ports::{GitHubError, JobReport, JobStatus};
use serde::Deserialize;
use serde_json::Value;

use crate::pages;
use crate::report::report;
use crate::session::Session;
use crate::wire::Call;

/// In which runs a queued job may be: one where some jobs are done already is called in progress.
const RUN_STATUSES: [&str; 2] = ["queued", "in_progress"];
/// How many runs of each status one call looks into: 20 in all.
const RUNS_PER_STATUS: usize = 10;
/// How many pages of a run's jobs are read: a matrix makes 256 jobs at most, and a run may have two.
const JOB_PAGES: usize = 5;

#[derive(Deserialize)]
struct Run {
    id: u64,
    #[serde(default)]
    repository: Option<RunRepository>,
    #[serde(default)]
    head_repository: Option<HeadRepository>,
}

#[derive(Deserialize)]
struct RunRepository {
    #[serde(default)]
    private: Option<bool>,
}

impl Run {
    /// GitHub always says it in a run, unlike in a job.
    fn is_public(&self) -> bool {
        self.repository.as_ref().and_then(|repository| repository.private) == Some(false)
    }
}

pub(crate) async fn job(
    session: &Session,
    repository: &Repository,
    id: JobId,
) -> Result<JobReport, GitHubError> {
    let call = Call::get(format!("repos/{repository}/actions/jobs/{id}"));
    let job: WorkflowJob = session.ask(&call).await?.read(&call)?;
    // Whether the repository is public would cost a second request; the job's row knows it from the webhook.
    report(job, repository, false, session.now())
        .map_err(|error| GitHubError::Invalid(format!("job {id} cannot be read: {error}")))
}

pub(crate) async fn head_repository(
    session: &Session,
    repository: &Repository,
    id: RunId,
) -> Result<Option<Repository>, GitHubError> {
    let call = Call::get(format!("repos/{repository}/actions/runs/{id}"));
    let run: Run = session.ask(&call).await?.read(&call)?;
    run.head_repository
        .map(|head| head.full_name.parse())
        .transpose()
        .map_err(|error| GitHubError::Unavailable(format!("the head of run {id} cannot be read: {error}")))
}

/// The queued jobs in at most 20 runs. Which runs, if there are more, changes with the time, so that each has its turn.
pub(crate) async fn queued(
    session: &Session,
    repository: &Repository,
) -> Result<Vec<JobReport>, GitHubError> {
    let mut found = Vec::new();
    // A run may begin between the two lists.
    let mut seen = BTreeSet::new();
    for status in RUN_STATUSES {
        let call = Call::get(format!("repos/{repository}/actions/runs")).query("status", status);
        let list = pages::list(session, &call, "workflow_runs", 1).await?;
        for run in turn(readable::<Run>(list.entries, &call), session.now()) {
            if seen.insert(run.id) {
                found.extend(queued_in(session, repository, &run).await?);
            }
        }
    }
    Ok(found)
}

async fn queued_in(
    session: &Session,
    repository: &Repository,
    run: &Run,
) -> Result<Vec<JobReport>, GitHubError> {
    let call =
        Call::get(format!("repos/{repository}/actions/runs/{}/jobs", run.id)).query("filter", "latest");
    let list = match pages::list(session, &call, "jobs", JOB_PAGES).await {
        Ok(list) => list,
        // The run was deleted since it was listed.
        Err(GitHubError::NotFound(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut queued = Vec::new();
    for job in readable::<WorkflowJob>(list.entries, &call) {
        let id = job.id;
        match report(job, repository, run.is_public(), session.now()) {
            Ok(report) if report.status == JobStatus::Queued => queued.push(report),
            Ok(_) => {}
            Err(error) => tracing::warn!(job.id = id, %error, "a job cannot be read and is passed over"),
        }
    }
    Ok(queued)
}

/// One entry that cannot be read must not hide the others.
fn readable<T: for<'de> Deserialize<'de>>(entries: Vec<Value>, call: &Call) -> Vec<T> {
    let read = |entry| {
        let entry = T::deserialize::<Value>(entry);
        if entry.is_err() {
            tracing::warn!(github.call = %call, "an entry cannot be read and is passed over");
        }
        entry.ok()
    };
    entries.into_iter().filter_map(read).collect()
}

/// Some of the runs, beginning at a place that the second scatters: whatever the period of the calls, no run is left
/// out for ever.
fn turn(mut runs: Vec<Run>, now: Timestamp) -> Vec<Run> {
    if runs.len() > RUNS_PER_STATUS {
        let scattered = now.as_second().unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let start = usize::try_from(scattered).unwrap_or_default() % runs.len();
        runs.rotate_left(start);
        runs.truncate(RUNS_PER_STATUS);
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_many_runs_has_its_turn_whatever_the_period() {
        for period in [60, 300, 600, 3600] {
            let mut seen = BTreeSet::new();
            for n in 0..200 {
                let runs = (0..100).map(|id| Run { id, repository: None, head_repository: None }).collect();
                let now = Timestamp::from_second(1_795_255_200 + n * period).unwrap();
                let chosen = turn(runs, now);
                assert_eq!(chosen.len(), RUNS_PER_STATUS);
                seen.extend(chosen.into_iter().map(|run| run.id));
            }
            assert_eq!(seen.len(), 100, "period {period}");
        }
    }
}
