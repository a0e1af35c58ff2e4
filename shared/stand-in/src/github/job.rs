//! A job at the stand-in GitHub: what was ordered, where it is, and what happened to it.

use fleetfoot_model::events::JobDescription;
use fleetfoot_model::ids::{CommitSha, GithubRunnerId, JobId, Repository, RunId};
use fleetfoot_model::ports::{JobReport, JobStatus};
use fleetfoot_model::spec::Label;
use fleetfoot_model::{SignedDuration, Timestamp};

use crate::agenda::Entry;

/// A job that someone's push is to bring about. It is the only one of its workflow run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobOrder {
    /// Where it belongs.
    pub repository: Repository,
    /// Whether that repository is public. Default false.
    pub public: bool,
    /// Its `runs-on`.
    pub labels: Vec<Label>,
    /// Its workflow's name. Default `CI`.
    pub workflow: String,
    /// Its own name. Default `build`.
    pub name: String,
    /// How long it runs on a runner. Default 60 s.
    pub run_for: SignedDuration,
    /// How it ends, if nothing stops it. Default `success`.
    pub conclusion: String,
    /// When someone cancels it, from now. Default: never.
    pub cancel_after: Option<SignedDuration>,
    /// Where its code comes from. Default: `repository`.
    pub head_repository: Option<Repository>,
    /// Whether it waits for an approval first. Default false.
    pub needs_approval: bool,
}

impl JobOrder {
    /// An ordinary job.
    pub fn new(repository: Repository, labels: Vec<Label>) -> Self {
        Self {
            repository,
            public: false,
            labels,
            workflow: "CI".to_owned(),
            name: "build".to_owned(),
            run_for: SignedDuration::from_secs(60),
            conclusion: "success".to_owned(),
            cancel_after: None,
            head_repository: None,
            needs_approval: false,
        }
    }
}

/// A job's assignment to a runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The runner's name.
    pub runner: String,
    /// Since when.
    pub from: Timestamp,
    /// When it was taken back, because the runner did not pick the job up.
    pub until: Option<Timestamp>,
}

/// What happened to a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobHistory {
    /// When it was ordered.
    pub ordered_at: Timestamp,
    /// When it was queued first; later than `ordered_at` if it needed an approval.
    pub queued_at: Option<Timestamp>,
    /// Each assignment to a runner. More than one: it was not picked up, and queued again.
    pub assignments: Vec<Assignment>,
    /// Each start on a runner. More than one would mean that it ran twice.
    pub starts: Vec<(Timestamp, String)>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// How.
    pub conclusion: Option<String>,
    /// When its runner died, if that happened while it ran.
    pub runner_died_at: Option<Timestamp>,
}

impl JobHistory {
    /// When it started, and on which runner.
    pub fn started(&self) -> Option<(Timestamp, &str)> {
        self.starts.first().map(|(at, runner)| (*at, runner.as_str()))
    }

    /// Whether a runner of this name had it at a time: from the assignment on, until the end.
    pub fn was_on(&self, runner: &str, at: Timestamp) -> bool {
        let had = |it: &Assignment| {
            let end = it.until.or(self.completed_at);
            it.runner == runner && it.from <= at && end.is_none_or(|end| at < end)
        };
        self.assignments.iter().any(had)
    }
}

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// For an approval.
    Waiting,
    Queued,
    /// A runner was chosen and does not know it yet.
    Assigned(GithubRunnerId),
    Running(GithubRunnerId),
    Completed,
}

/// A job.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: JobId,
    pub(crate) run: RunId,
    pub(crate) order: JobOrder,
    pub(crate) stage: Stage,
    pub(crate) history: JobHistory,
    /// The runner that has it or had it.
    pub(crate) runner: Option<(GithubRunnerId, String)>,
    /// Whether someone cancelled it while it ran.
    pub(crate) cancelled: bool,
    /// Which attempt of its run it belongs to, from 1.
    pub(crate) attempt: u32,
    /// The same job in the next attempt, if it was run again.
    pub(crate) rerun_as: Option<JobId>,
    /// Until it is cancelled or dropped.
    pub(crate) timers: Vec<Entry>,
    /// Until it is queued again because nobody picked it up.
    pub(crate) pickup_timer: Option<Entry>,
}

impl Job {
    pub(crate) fn new(id: JobId, run: RunId, order: JobOrder, now: Timestamp) -> Self {
        Self {
            id,
            run,
            order,
            stage: Stage::Waiting,
            history: JobHistory { ordered_at: now, ..JobHistory::default() },
            runner: None,
            cancelled: false,
            attempt: 1,
            rerun_as: None,
            timers: Vec::new(),
            pickup_timer: None,
        }
    }

    /// GitHub's word for its state.
    pub(crate) fn status(&self) -> &'static str {
        match self.stage {
            Stage::Waiting => "waiting",
            Stage::Queued | Stage::Assigned(_) => "queued",
            Stage::Running(_) => "in_progress",
            Stage::Completed => "completed",
        }
    }

    /// GitHub's word for the state of its run, which ends a little later than its only job.
    pub(crate) fn run_status(&self, now: Timestamp, end: SignedDuration) -> &'static str {
        let ends_at = self.history.completed_at.map(|at| at + end);
        if ends_at.is_some_and(|at| now < at) { "in_progress" } else { self.status() }
    }

    pub(crate) fn report(&self) -> JobReport {
        let runner = self.runner.clone().filter(|_| !self.history.starts.is_empty());
        let status = match self.stage {
            Stage::Waiting => JobStatus::Blocked,
            Stage::Queued | Stage::Assigned(_) => JobStatus::Queued,
            Stage::Running(id) => JobStatus::Running {
                runner: runner.map_or_else(String::new, |(_, name)| name),
                runner_id: Some(id),
                started_at: seconds(self.history.started().map_or(self.history.ordered_at, |(at, _)| at)),
            },
            Stage::Completed => JobStatus::Completed {
                conclusion: self.history.conclusion.clone().unwrap_or_default(),
                runner_id: runner.as_ref().map(|(id, _)| *id),
                runner: runner.map(|(_, name)| name),
                completed_at: seconds(self.history.completed_at.unwrap_or_default()),
            },
        };
        JobReport { description: self.description(), status }
    }

    fn description(&self) -> JobDescription {
        JobDescription {
            id: self.id,
            run_id: self.run,
            run_attempt: self.attempt,
            repository: self.order.repository.clone(),
            public: self.order.public,
            workflow: self.order.workflow.clone(),
            name: self.order.name.clone(),
            labels: self.order.labels.clone(),
            html_url: self.html_url(),
            head_sha: Some(self.head_sha()),
            created_at: seconds(self.history.ordered_at),
        }
    }

    /// The commit that was pushed: another one for each run, and the same in each attempt.
    pub(crate) fn head_sha(&self) -> CommitSha {
        format!("{:040x}", self.run.0).parse().expect("40 hexadecimal digits are a hash")
    }

    pub(crate) fn html_url(&self) -> String {
        format!("https://github.com/{}/actions/runs/{}/job/{}", self.order.repository, self.run, self.id)
    }
}

/// GitHub tells times in whole seconds.
pub(crate) fn seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
