//! What a story looks at.

use std::sync::Arc;

use fleetfoot_local::template::BusName;
use fleetfoot_model::SignedDuration;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::ids::{JobId, RunnerName};
use fleetfoot_model::job::{Job, JobState};
use fleetfoot_model::ledger::{self, Ledger as _};
use fleetfoot_model::record::{CleanupMemory, Index, Record};
use fleetfoot_model::runner::Runner;
use fleetfoot_model::timeline::Timeline;
use fleetfoot_simulation::at_once;
use fleetfoot_stand_in::github::Call;
use serde::Serialize;

use super::World;

impl World {
    /// A job's row; none if the fleet never heard of it.
    pub fn find_job(&self, id: JobId) -> Option<Job> {
        self.ledger.job(id)
    }

    /// A job's row.
    pub fn job(&self, id: JobId) -> Job {
        self.find_job(id).unwrap_or_else(|| panic!("job {id} is unknown"))
    }

    /// A runner's row.
    pub fn runner(&self, name: &RunnerName) -> Runner {
        let row = at_once(ledger::runner(&*self.ledger.inside(), name)).expect("the ledger answers");
        row.unwrap_or_else(|| panic!("runner {name} is unknown")).value
    }

    /// What `cleanup` remembers.
    pub fn cleanup_memory(&self) -> CleanupMemory {
        at_once(ledger::cleanup_memory(&*self.ledger.inside())).expect("the ledger answers").value
    }

    /// Every row of an index.
    pub fn rows(&self, index: Index) -> Vec<Record> {
        let rows = at_once(self.ledger.inside().list(index, usize::MAX)).expect("the ledger answers");
        rows.into_iter().map(|row| row.value).collect()
    }

    /// Every runner whose capacity is taken.
    pub fn live_runners(&self) -> Vec<Runner> {
        let open = self.rows(Index::Unmatched).into_iter().chain(self.rows(Index::Active));
        open.filter_map(|row| match row {
            Record::Runner(runner) if runner.is_live() => Some(Arc::unwrap_or_clone(runner)),
            _ => None,
        })
        .collect()
    }

    /// How often GitHub was asked for a registration.
    pub fn jit_requests(&self) -> u64 {
        self.github().calls_of(Call::Jit)
    }

    /// How many tasks were ever launched.
    pub fn launches(&self) -> usize {
        self.fargate().launches().count()
    }

    /// The facts that were told about a subject, in order.
    pub fn told(&self, subject: &str) -> Vec<String> {
        let history = self.bus.history(0, usize::MAX).expect("the bus answers");
        let facts = history.iter().filter(|event| event.bus == BusName::Fleet);
        let about = facts.filter(|event| event.envelope.detail.to_string().contains(subject));
        about.map(|event| event.envelope.detail_type.clone()).collect()
    }

    /// Every event of a kind, in order.
    pub fn events(&self, detail_type: &str) -> Vec<Arc<Envelope>> {
        let history = self.bus.history(0, usize::MAX).expect("the bus answers");
        let of_kind = history.into_iter().filter(|event| event.envelope.detail_type == detail_type);
        of_kind.map(|event| event.envelope).collect()
    }

    /// How often a fact was told.
    pub fn count(&self, detail_type: &str) -> usize {
        self.events(detail_type).len()
    }

    /// How a job ended: GitHub's word, or `rejected: ...`, or `expired: ...`.
    pub fn end_of(&self, id: JobId) -> String {
        match self.job(id).state {
            JobState::Finished { conclusion, .. } => conclusion,
            JobState::Rejected { reason, .. } => format!("rejected: {reason}"),
            JobState::Expired { reason, .. } => format!("expired: {reason}"),
            open => panic!("job {id} has not ended: {open:?}\n{}", self.describe()),
        }
    }

    /// Which runner a job ran on, as GitHub knows it.
    pub fn ran_on(&self, id: JobId) -> String {
        let github = self.github();
        let history = github.history(id).unwrap_or_else(|| panic!("GitHub knows no job {id}"));
        history.started().unwrap_or_else(|| panic!("job {id} never started")).1.to_owned()
    }

    /// How long a job was queued at GitHub.
    pub fn queued_for(&self, id: JobId) -> SignedDuration {
        let github = self.github();
        let history = github.history(id).unwrap_or_else(|| panic!("GitHub knows no job {id}"));
        let (started_at, _) = history.started().unwrap_or_else(|| panic!("job {id} never started"));
        started_at.duration_since(history.queued_at.expect("it was queued before it started"))
    }

    /// What happened to a job, as `why` tells it.
    pub fn steps(&self, id: JobId) -> String {
        let job = self.job(id);
        let steps: Vec<&str> = job.timeline.steps().iter().map(|step| step.what.as_str()).collect();
        steps.join("\n")
    }

    /// The messages in Slack that have these words.
    pub fn slack_says(&self, words: &str) -> usize {
        self.slack.messages().iter().filter(|message| message.contains(words)).count()
    }

    /// Whether every job has ended, no image is built, and nothing is left over but the warm runners that are wanted.
    pub(super) fn is_settled(&self) -> bool {
        let wanted: u64 = self.config.pools.iter().map(|pool| pool.wanted(self.now())).sum();
        self.inspection.is_settled(self)
            && self.inspection.warm() as u64 <= wanted
            && self.images().running() == 0
    }

    /// Where everything is, for a story that failed.
    pub fn describe(&self) -> String {
        let mut lines = vec![format!("after {:#}:", self.elapsed())];
        for row in self.rows(Index::Unmatched).into_iter().chain(self.rows(Index::Active)) {
            let (what, timeline) = match &row {
                Record::Job(job) => (format!("job {} {:?}", job.id(), job.state), Some(&job.timeline)),
                Record::Runner(runner) => {
                    let what = format!("runner {} {:?} {:?}", runner.name, runner.state, runner.registration);
                    (what, Some(&runner.timeline))
                }
                other => (format!("{other:?}"), None),
            };
            lines.push(what);
            let steps = timeline.into_iter().flat_map(Timeline::steps);
            lines.extend(steps.map(|step| format!("    {} {}", step.at, step.what)));
        }
        lines.push(format!("tasks: {:?}", self.fargate().live()));
        lines.push(format!("registrations: {:?}", self.github().registrations()));
        lines.push(format!("open jobs at GitHub: {}", self.github().open_jobs()));
        lines.push(format!("on the bus: {}", self.bus.pending().expect("the bus answers")));
        for letter in self.bus.dead_letters(5).expect("the bus answers") {
            lines.push(format!("dead letter: {} {:?}", letter.reason, letter.payload));
        }
        lines.join("\n")
    }
}

/// As it is written into a store.
pub fn text_of(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("events and rows are plain structures")
}
