//! On what a queued job waits, and what would help.

use fleetfoot_model::Timestamp;
use fleetfoot_model::job::{Job, JobState, Waiting};
use fleetfoot_model::runner::{Runner, RunnerState};
use serde::Serialize;

/// What a queued job waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    /// `capacity`, `image`, `rateLimit`, `nextTry`, `runner`, or `attention` when nothing has looked at it yet.
    pub kind: &'static str,
    /// In words; when it is over is told beside it, as each reader has another zone.
    pub on: String,
    /// Since when.
    pub since: Timestamp,
    /// When it is tried again, if that is known.
    pub until: Option<Timestamp>,
    /// What a person could do about it.
    pub remedy: &'static str,
}

impl Wait {
    /// The wait of a job that is queued; none for any other. `runner` is the one meant for it, if its row is known.
    pub fn of(job: &Job, runner: Option<&Runner>) -> Option<Self> {
        let JobState::Queued { waiting, runner: name } = &job.state else { return None };
        let (kind, until) = match waiting {
            Some(Waiting::Capacity { .. }) => ("capacity", None),
            Some(Waiting::Image { .. }) => ("image", None),
            Some(Waiting::Throttled { until, .. }) => ("rateLimit", Some(*until)),
            Some(Waiting::Backoff { until, .. }) => ("nextTry", Some(*until)),
            None if name.is_some() => ("runner", None),
            None => ("attention", None),
        };
        let (on, remedy) = if let Some(waiting) = waiting {
            (words(job, waiting), waiting.remedy())
        } else {
            let (on, remedy) = if name.is_some() { for_runner(runner) } else { UNSEEN };
            (on.to_owned(), remedy)
        };
        Some(Self { kind, on, since: job.changed_at, until, remedy })
    }
}

fn words(job: &Job, waiting: &Waiting) -> String {
    match waiting {
        Waiting::Throttled { reason, .. } => format!("waits for a rate limit ({reason})"),
        Waiting::Backoff { reason, .. } => format!("waits to try again ({reason})"),
        Waiting::Capacity { .. } | Waiting::Image { .. } => job.wait_in_words(waiting),
    }
}

const UNSEEN: (&str, &str) = (
    "waits to be looked at",
    "this takes moments; if it does not, is the fleet running? docs/troubleshooting.md tells where to look",
);

fn for_runner(runner: Option<&Runner>) -> (&'static str, &'static str) {
    match runner.map(|runner| &runner.state) {
        Some(RunnerState::Reserved) => {
            ("waits for its runner's task to be accepted", "wait; this takes seconds")
        }
        Some(RunnerState::Launched) => {
            ("waits for its runner to come up and register", "wait; a warm pool would have one ready")
        }
        Some(RunnerState::Registered) => (
            "waits for GitHub to give it to its runner, which is registered and idle",
            "wait; if GitHub shows the job as started or ended, a webhook is late, and `cleanup` asks GitHub itself",
        ),
        Some(RunnerState::Busy(_) | RunnerState::Stopped(_)) => (
            "waits for another runner: the one that was meant for it is not available any more",
            "wait; `cleanup` finds this within minutes and another is launched",
        ),
        None => ("waits for its runner", "wait; this takes seconds"),
    }
}
