//! A job and its states. They only move forward: a late `JobQueued` after `JobStarted` changes nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::check::Check;
use crate::events::{Fact, JobDeferred, JobDescription, JobExpired, JobQueued, JobRejected, QueueCause};
use crate::ids::{JobId, RunnerName};
use crate::rerun::Rerun;
use crate::spec::Spec;
use crate::timeline::Timeline;
pub use crate::waiting::{Waited, Waiting};

/// Where a job is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum JobState {
    /// Has not started.
    Queued {
        /// On what it waits, if it has no runner.
        waiting: Option<Waiting>,
        /// The runner meant for it.
        runner: Option<RunnerName>,
    },
    /// GitHub gave it to a runner, of ours or not.
    Running {
        /// That runner.
        runner: String,
        /// Since when.
        since: Timestamp,
    },
    /// Ended at GitHub.
    Finished {
        /// GitHub's word.
        conclusion: String,
        /// The runner that had it.
        runner: Option<String>,
        /// When.
        at: Timestamp,
    },
    /// Will get no runner.
    Rejected {
        /// Why.
        reason: String,
        /// Since when.
        at: Timestamp,
    },
    /// Given up after its time.
    Expired {
        /// Why.
        reason: String,
        /// Since when.
        at: Timestamp,
    },
}

/// How the fleet heard of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "by")]
pub enum Heard {
    /// By a webhook.
    Webhook {
        /// GitHub's GUID of the delivery; a repeated one has the same.
        delivery: String,
    },
    /// By asking GitHub for queued jobs: its webhook was lost.
    Search,
}

impl Heard {
    /// What a job that is told of by an event was heard of by. `causation` is what that event names as its cause.
    pub fn of(cause: QueueCause, causation: Option<String>) -> Option<Self> {
        match cause {
            QueueCause::Webhook => causation.map(|delivery| Self::Webhook { delivery }),
            QueueCause::Recovered => Some(Self::Search),
            QueueCause::RunnerTaken | QueueCause::RunnerStopped | QueueCause::Retry | QueueCause::Turn => {
                None
            }
        }
    }
}

/// A job's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// What GitHub said of it.
    #[serde(with = "crate::shared")]
    pub description: Arc<JobDescription>,
    /// How the fleet heard of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<Heard>,
    /// What its labels mean, once they are read.
    pub spec: Option<Spec>,
    /// Where it is.
    pub state: JobState,
    /// When it started, if it did.
    pub started_at: Option<Timestamp>,
    /// When the fleet heard of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_at: Option<Timestamp>,
    /// How many runners were launched for it.
    pub launches: u32,
    /// How many of them failed it.
    pub failures: u32,
    /// How often its runner was taken by another job.
    pub replacements: u32,
    /// Whether it is to be run again because its runner lost its machine, and how far that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rerun: Option<Rerun>,
    /// What its commit is to show of it, and how far that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// When its state last changed.
    pub changed_at: Timestamp,
    /// What happened to it.
    pub timeline: Timeline,
}

impl Job {
    /// A job that was just heard of.
    pub fn new(description: JobDescription, now: Timestamp) -> Self {
        Self {
            description: Arc::new(description),
            heard: None,
            spec: None,
            state: JobState::Queued { waiting: None, runner: None },
            started_at: None,
            heard_at: Some(now),
            launches: 0,
            failures: 0,
            replacements: 0,
            rerun: None,
            check: None,
            changed_at: now,
            timeline: Timeline::default(),
        }
    }

    /// Its id.
    pub fn id(&self) -> JobId {
        self.description.id
    }

    /// Whether it has neither started nor ended.
    pub fn is_queued(&self) -> bool {
        matches!(self.state, JobState::Queued { .. })
    }

    /// Whether it may still change.
    pub fn is_open(&self) -> bool {
        matches!(self.state, JobState::Queued { .. } | JobState::Running { .. })
    }

    /// Whether it was given up here, whatever GitHub does with it.
    pub fn is_given_up(&self) -> bool {
        matches!(self.state, JobState::Rejected { .. } | JobState::Expired { .. })
    }

    /// When it ended, if it did.
    pub fn ended_at(&self) -> Option<Timestamp> {
        match &self.state {
            JobState::Finished { at, .. } | JobState::Rejected { at, .. } | JobState::Expired { at, .. } => {
                Some(*at)
            }
            JobState::Queued { .. } | JobState::Running { .. } => None,
        }
    }

    /// Whether it may still change, or GitHub is still to be asked or told something about it.
    pub fn is_unsettled(&self) -> bool {
        self.is_open()
            || self.rerun.as_ref().is_some_and(Rerun::is_open)
            || self.check.as_ref().is_some_and(Check::is_open)
    }

    /// The runner meant for it while it is queued.
    pub fn runner(&self) -> Option<&RunnerName> {
        match &self.state {
            JobState::Queued { runner, .. } => runner.as_ref(),
            _ => None,
        }
    }

    /// On what it waits.
    pub fn waiting(&self) -> Option<&Waiting> {
        match &self.state {
            JobState::Queued { waiting, .. } => waiting.as_ref(),
            _ => None,
        }
    }

    /// What a wait of it is for, as people are told: its image by name, which the wait itself knows by its key only.
    pub fn wait_in_words(&self, waiting: &Waiting) -> String {
        match (waiting, self.spec.as_ref().and_then(|spec| spec.image.as_ref())) {
            (Waiting::Image { .. }, Some(image)) => format!("waits for its image to be made ({image})"),
            _ => waiting.to_string(),
        }
    }

    /// For what it waits until now, and since when.
    pub fn waited(&self) -> Option<Waited> {
        Some(Waited { kind: self.waiting()?.kind().to_owned(), since: self.changed_at })
    }

    /// Gives it a runner while it is queued.
    pub fn assign(&mut self, runner: &RunnerName, now: Timestamp, why: &str) {
        if self.is_queued() {
            self.move_to(
                JobState::Queued { waiting: None, runner: Some(runner.clone()) },
                now,
                format!("{why}: runner {runner}"),
            );
        }
    }

    /// Takes its runner away while it is queued; it waits again.
    pub fn unassign(&mut self, waiting: Option<Waiting>, now: Timestamp, why: &str) {
        if self.is_queued() {
            self.move_to(JobState::Queued { waiting, runner: None }, now, why.to_owned());
        }
    }

    /// Lets it wait while it is queued. Answers whether that changed anything.
    pub fn wait(&mut self, waiting: Waiting, now: Timestamp) -> bool {
        if !self.is_queued() || self.waiting() == Some(&waiting) {
            return false;
        }
        let what = self.wait_in_words(&waiting);
        self.move_to(JobState::Queued { waiting: Some(waiting), runner: None }, now, what);
        true
    }

    /// GitHub gave it to a runner. Answers whether that changed anything.
    pub fn start(&mut self, runner: &str, started_at: Timestamp, now: Timestamp) -> bool {
        if matches!(self.state, JobState::Running { .. } | JobState::Finished { .. }) {
            return false;
        }
        self.started_at = Some(started_at);
        self.move_to(
            JobState::Running { runner: runner.to_owned(), since: started_at },
            now,
            format!("started on runner {runner}"),
        );
        true
    }

    /// It ended at GitHub. Answers whether that changed anything.
    pub fn finish(
        &mut self,
        conclusion: &str,
        runner: Option<&str>,
        completed_at: Timestamp,
        now: Timestamp,
    ) -> bool {
        if matches!(self.state, JobState::Finished { .. }) {
            return false;
        }
        let state = JobState::Finished {
            conclusion: conclusion.to_owned(),
            runner: runner.map(str::to_owned),
            at: completed_at,
        };
        self.move_to(state, now, format!("finished: {conclusion}"));
        true
    }

    /// It will get no runner. A job that runs or ended cannot be rejected.
    pub fn reject(&mut self, reason: &str, now: Timestamp) -> bool {
        if !self.is_queued() {
            return false;
        }
        self.move_to(
            JobState::Rejected { reason: reason.to_owned(), at: now },
            now,
            format!("rejected: {reason}"),
        );
        true
    }

    /// It is given up.
    pub fn expire(&mut self, reason: &str, now: Timestamp) -> bool {
        if !self.is_open() {
            return false;
        }
        self.move_to(
            JobState::Expired { reason: reason.to_owned(), at: now },
            now,
            format!("expired: {reason}"),
        );
        true
    }

    /// The fact that it will get no runner.
    pub fn rejected(&self, reason: &str) -> Fact {
        let JobDescription { id, repository, name, html_url, .. } = JobDescription::clone(&self.description);
        JobRejected { job: id, repository, name, html_url, reason: reason.to_owned() }.into()
    }

    /// The fact that it was given up.
    pub fn expired(&self, reason: &str) -> Fact {
        let JobDescription { id, repository, name, html_url, .. } = JobDescription::clone(&self.description);
        JobExpired { job: id, repository, name, html_url, reason: reason.to_owned() }.into()
    }

    /// Lets it wait while it is queued, and tells so.
    pub fn defer(&mut self, waiting: Waiting, now: Timestamp) -> Fact {
        let fact = self.deferred(waiting.clone());
        self.wait(waiting, now);
        fact
    }

    /// The fact that it waits.
    pub fn deferred(&self, waiting: Waiting) -> Fact {
        JobDeferred { job: self.id(), repository: self.description.repository.clone(), waiting }.into()
    }

    /// The fact that it looks for a runner again.
    pub fn queued_again(&self, cause: QueueCause) -> Fact {
        JobQueued { job: JobDescription::clone(&self.description), cause }.into()
    }

    /// From GitHub's creation of it to its start.
    pub fn queue_to_start_millis(&self) -> Option<u64> {
        let started = self.started_at?;
        u64::try_from(started.duration_since(self.description.created_at).as_millis()).ok()
    }

    fn move_to(&mut self, state: JobState, now: Timestamp, what: String) {
        self.state = state;
        self.changed_at = now;
        self.timeline.note(now, what);
    }
}
