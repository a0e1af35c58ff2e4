//! Stopping a runner with the job that it runs.

use fleetfoot_model::Timestamp;
use fleetfoot_model::dismiss::Dismisser;
use fleetfoot_model::ids::{JobId, RunnerName};
use fleetfoot_model::ledger::{self, Ledger};
use fleetfoot_model::ports::GitHubError;
use fleetfoot_model::runner::RunnerState;

use super::{End, Terminated, Terminator};
use crate::failure::{Failure, OrFail};
use crate::times::Times;

/// What its timeline and its task are told.
const REASON: &str = "terminated by hand with its job";

/// A runner that runs a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Victim {
    /// The runner.
    pub(super) runner: RunnerName,
    /// What it runs.
    pub(super) job: JobId,
    /// The job's name and repository, if it is known.
    what: Option<(String, String)>,
    /// Since when.
    since: Timestamp,
}

impl Victim {
    /// What will be killed.
    pub(super) fn line(&self, times: &Times) -> String {
        let Self { runner, job, what, since } = self;
        let what = what.as_ref().map(|(name, repository)| format!(" ({name}) of {repository}"));
        format!(
            "{runner} runs job {job}{} since {}",
            what.unwrap_or_default(),
            times.date_time_and_age(*since)
        )
    }
}

/// Those among them that run a job.
pub(super) async fn victims(ledger: &dyn Ledger, names: &[RunnerName]) -> Result<Vec<Victim>, Failure> {
    let mut victims = Vec::new();
    for name in names {
        let row = ledger::runner(ledger, name).await.or_fail(format!("runner {name} cannot be read"))?;
        let Some(runner) = row.map(|row| row.value) else { continue };
        let RunnerState::Busy(id) = runner.state else { continue };
        let job = ledger::job(ledger, id).await.or_fail(format!("job {id} cannot be read"))?;
        let job = job.map(|row| row.value);
        victims.push(Victim {
            runner: name.clone(),
            job: id,
            since: job.as_ref().and_then(|job| job.started_at).unwrap_or(runner.changed_at),
            what: job.map(|job| (job.description.name.clone(), job.description.repository.to_string())),
        });
    }
    Ok(victims)
}

impl Terminator<'_> {
    /// Stops a runner with the job that was agreed to, and no other. GitHub is asked to remove it first, which it does if
    /// the job has just ended; its refusal is what `--force` is there to pass over.
    pub(super) async fn kill(&self, victim: &Victim, now: Timestamp) -> Result<Terminated, Failure> {
        let Victim { runner: name, job, .. } = victim;
        let runner = super::super::find(self.ledger, name).await?;
        if runner.state != RunnerState::Busy(*job) {
            return Err(Failure::new(format!("runner {name} does not run job {job} any more"))
                .hint(format!("`fleetfoot runners details {name}` tells what it does now")));
        }
        let dismisser = Dismisser { ledger: self.ledger, github: self.github, fleet: self.fleet };
        let unregistered = dismisser.unregister(&runner, now).await;
        let refusal = match unregistered {
            Ok(()) | Err(GitHubError::Busy) => None,
            Err(error) => Some(error.to_string()),
        };
        let Some(task) = &runner.task else {
            return Err(Failure::new(format!("runner {name} has no task that could be stopped")).hint(
                "`cleanup` looks after such runners every minute: cancel the job at GitHub, and it goes",
            ));
        };
        let written = ledger::update_runner(self.ledger, name, |runner| {
            runner.timeline.note(now, REASON);
            Some(Vec::new())
        });
        written.await.or_fail(format!("runner {name} cannot be written"))?;
        let stopped = self.fleet.stop(task, REASON).await;
        stopped.or_fail(format!("the task of runner {name} cannot be stopped"))?;
        let mut notes = vec![format!("runner {name} was told to stop, which kills job {job}")];
        notes.extend(
            refusal.map(|it| format!("GitHub could not be asked to remove it: {it}; `cleanup` does that")),
        );
        Ok(Terminated { end: End::Killed, job: Some(*job), notes })
    }
}
