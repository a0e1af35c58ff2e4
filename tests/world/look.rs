//! What a story looks at.

use std::sync::Arc;

use fleetfoot_local::template::BusName;
use fleetfoot_model::SignedDuration;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::ids::{JobId, RunnerName};
use fleetfoot_model::job::{Job, JobState};
use fleetfoot_model::labels;
use fleetfoot_model::ledger::{self, Ledger as _};
use fleetfoot_model::record::{ImageState, Index, Record};
use fleetfoot_model::runner::Runner;
use fleetfoot_stand_in::github::Call;

use super::World;

impl World {
    /// A job's row; none if the fleet never heard of it.
    pub fn find_job(&self, id: JobId) -> Option<Job> {
        let row = self.runtime.block_on(ledger::job(&*self.ledger.inside(), id)).expect("the ledger answers");
        row.map(|row| row.value)
    }

    /// A job's row.
    pub fn job(&self, id: JobId) -> Job {
        self.find_job(id).unwrap_or_else(|| panic!("job {id} is unknown"))
    }

    /// A runner's row.
    pub fn runner(&self, name: &RunnerName) -> Runner {
        let row =
            self.runtime.block_on(ledger::runner(&*self.ledger.inside(), name)).expect("the ledger answers");
        row.unwrap_or_else(|| panic!("runner {name} is unknown")).value
    }

    /// Every row of an index.
    pub fn rows(&self, index: Index) -> Vec<Record> {
        let rows =
            self.runtime.block_on(self.ledger.inside().list(index, usize::MAX)).expect("the ledger answers");
        rows.into_iter().map(|row| row.value).collect()
    }

    /// Every runner whose capacity is taken.
    pub fn live_runners(&self) -> Vec<Runner> {
        let open = self.rows(Index::Unmatched).into_iter().chain(self.rows(Index::Active));
        open.filter_map(|row| match row {
            Record::Runner(runner) if runner.is_live() => Some(runner),
            _ => None,
        })
        .collect()
    }

    /// Every ticket that a task came up with, and every configuration that `register` gave out.
    pub fn secrets_given_out(&self) -> (Vec<String>, Vec<String>) {
        (self.agents.tickets.iter().cloned().collect(), self.agents.configurations.clone())
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

    /// Whether every job has ended and nothing is left over.
    pub fn is_settled(&self) -> bool {
        let keeps_warm: u64 = self.config.pools.iter().map(|pool| pool.wanted(self.now())).sum();
        let idle =
            self.live_runners().iter().filter(|runner| runner.pool.is_some() && runner.is_free()).count();
        // A warm runner, or an image that can be pulled.
        let is_stock = |row: &Record| match row {
            Record::Runner(runner) => runner.pool.is_some() && runner.is_free(),
            Record::Image(image) => {
                image.serving.is_some() || matches!(image.state, ImageState::Ready { .. })
            }
            Record::Pause(_) => true,
            _ => false,
        };
        let rows = self.rows(Index::Unmatched).into_iter().chain(self.rows(Index::Active));
        let open = rows.filter(|row| !is_stock(row));
        self.jobs_that_may_still_run() == 0
            && open.count() == 0
            && idle as u64 <= keeps_warm
            && self.fargate().live().len() == idle
            && self.github().registrations().len() <= idle
            && self.bus.pending().expect("the bus answers") == 0
    }

    /// Jobs that are addressed to this fleet, open at GitHub, and not given up here.
    fn jobs_that_may_still_run(&self) -> usize {
        let open: Vec<JobId> = self
            .github()
            .jobs()
            .filter(|(_, order, history)| {
                labels::is_addressed(&order.labels, &self.config.labels) && history.completed_at.is_none()
            })
            .map(|(id, ..)| id)
            .collect();
        let given_up = |id: &JobId| {
            let row =
                self.runtime.block_on(ledger::job(&*self.ledger.inside(), *id)).expect("the ledger answers");
            row.is_some_and(|row| {
                matches!(row.value.state, JobState::Rejected { .. } | JobState::Expired { .. })
            })
        };
        open.iter().filter(|id| !given_up(id)).count()
    }

    /// Where everything is, for a story that failed.
    pub fn describe(&self) -> String {
        let mut lines = vec![format!("after {:#}:", self.elapsed())];
        for row in self.rows(Index::Unmatched).into_iter().chain(self.rows(Index::Active)) {
            match row {
                Record::Job(job) => {
                    lines.push(format!("job {} {:?}", job.id(), job.state));
                    lines.extend(
                        job.timeline.steps().iter().map(|step| format!("    {} {}", step.at, step.what)),
                    );
                }
                Record::Runner(runner) => {
                    lines
                        .push(format!("runner {} {:?} {:?}", runner.name, runner.state, runner.registration));
                    lines.extend(
                        runner.timeline.steps().iter().map(|step| format!("    {} {}", step.at, step.what)),
                    );
                }
                other => lines.push(format!("{other:?}")),
            }
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
