//! Jobs whose runner lost its machine: whether GitHub is to be asked to run them again, and how far that is.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::config::Config;
use crate::events::{Fact, JobDescription, JobRerunRefused, JobRerunRequested};
use crate::ids::{JobId, Repository, RunId};
use crate::job::{Job, JobState};
use crate::ledger::{self, Ledger, LedgerError};
use crate::runner::{Runner, RunnerState, StopReason};

/// The most attempts of a workflow run that the fleet brings about, the first included. What is interrupted three times
/// does not fit Spot, and GitHub itself allows 50.
pub const MOST_RUN_ATTEMPTS: u32 = 3;

/// How far running a job again is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum Rerun {
    /// It is to be asked for. GitHub runs nothing again before the whole workflow run has ended.
    #[serde(rename_all = "camelCase")]
    Wanted {
        /// What became of the machine.
        reason: String,
        /// Since when.
        since: Timestamp,
        /// When to ask next.
        ask_at: Timestamp,
        /// Whether it was asked for and the answer is not known: GitHub may have done it.
        is_asked: bool,
    },
    /// GitHub took the request.
    Requested {
        /// When.
        at: Timestamp,
    },
    /// It will not be run again by the fleet.
    Refused {
        /// Why.
        reason: String,
        /// Since when.
        at: Timestamp,
    },
}

impl Rerun {
    /// Whether GitHub is still to be asked.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Wanted { .. })
    }
}

impl Job {
    /// GitHub runs it again. Answers the fact.
    pub fn rerun_requested(&mut self, now: Timestamp) -> Option<Fact> {
        let Some(Rerun::Wanted { reason, .. }) = self.rerun.clone() else { return None };
        self.rerun = Some(Rerun::Requested { at: now });
        self.timeline.note(now, "GitHub was asked to run it again");
        let JobDescription { id, repository, name, html_url, run_attempt, .. } =
            JobDescription::clone(&self.description);
        Some(JobRerunRequested { job: id, repository, name, html_url, run_attempt, reason }.into())
    }

    /// GitHub does not run it again. Answers the fact.
    pub fn rerun_refused(&mut self, reason: &str, now: Timestamp) -> Fact {
        self.leave_failed(reason, now);
        let JobDescription { id, repository, name, html_url, .. } = JobDescription::clone(&self.description);
        JobRerunRefused { job: id, repository, name, html_url, reason: reason.to_owned() }.into()
    }

    /// It is not run again, and nobody need hear of it.
    pub fn leave_failed(&mut self, reason: &str, now: Timestamp) {
        self.rerun = Some(Rerun::Refused { reason: reason.to_owned(), at: now });
        self.timeline.note(now, format!("it is not run again: {reason}"));
    }
}

/// Looks whether a job failed because its runner lost its machine, and notes what is to be done about it. The end of the
/// job and the end of the task are told in either order: whoever hears of the later one calls this, and it counts once.
/// Answers whether the job changed.
pub fn after_loss(job: &mut Job, runner: &Runner, config: &Config, now: Timestamp) -> bool {
    let RunnerState::Stopped(lost) = &runner.state else { return false };
    if job.rerun.is_some() || !lost.is_loss() || !failed_on(job, runner) {
        return false;
    }
    let attempt = job.description.run_attempt;
    if !config.recovery.rerun_interrupted {
        let key = "rerun_interrupted = true under [recovery]";
        job.leave_failed(&format!("its runner was {}; {key} would do that", in_words(lost)), now);
    } else if attempt >= MOST_RUN_ATTEMPTS {
        let why = format!("attempt {attempt} of its workflow run is the last that the fleet makes");
        job.leave_failed(&why, now);
    } else {
        // A runner that is only missed so far may yet turn out to have ended by itself. And what else of the same run
        // was lost is to be asked for together with it: nobody knows how to do so one after the other.
        let (reason, ask_at) = (lost.to_string(), now + config.timeouts.grace);
        job.timeline.note(now, format!("its runner was {}: it is to be run again", in_words(lost)));
        job.rerun = Some(Rerun::Wanted { reason, since: now, ask_at, is_asked: false });
    }
    true
}

/// The same for the job that a runner had, where that job is not at hand.
///
/// # Errors
/// The ledger's.
pub async fn see_to_loss(
    ledger: &dyn Ledger,
    runner: &Runner,
    config: &Config,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let RunnerState::Stopped(reason) = &runner.state else { return Ok(()) };
    let (true, Some(job)) = (reason.is_loss(), runner.job) else { return Ok(()) };
    let Some(mut row) = ledger::job(ledger, job).await? else { return Ok(()) };
    if after_loss(&mut row.value, runner, config, now) {
        ledger::put(ledger, row).await?;
    }
    Ok(())
}

/// Whether the job ended badly on this runner. GitHub calls a job that was cut off failed or cancelled.
fn failed_on(job: &Job, runner: &Runner) -> bool {
    let JobState::Finished { conclusion, runner: Some(name), .. } = &job.state else { return false };
    ["failure", "cancelled"].contains(&conclusion.as_str()) && name == runner.name.as_str()
}

fn in_words(lost: &StopReason) -> &'static str {
    match lost {
        StopReason::Interrupted => "interrupted by Spot",
        StopReason::MachineFailed { .. } => "lost with its machine",
        _ => "lost with its task",
    }
}

/// The jobs that are asked for together: those of one attempt of a workflow run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RerunRequest {
    /// Where the run belongs.
    pub repository: Repository,
    /// The run.
    pub run: RunId,
    /// The attempt that failed, from 1. A run that is further was run again already.
    pub attempt: u32,
    /// The jobs, at least one. GitHub runs one job again, or all of a run that failed.
    pub jobs: Vec<JobId>,
}
