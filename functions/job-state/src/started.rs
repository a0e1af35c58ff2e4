//! A job started, on the runner that was meant for it or on another.

use fleetfoot_model::Timestamp;
use fleetfoot_model::decide::takeover::{Consequences, Start};
use fleetfoot_model::events::{Fact, JobStarted, ObservedRunner, RunnerBusy};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::{JobId, RunnerName};
use fleetfoot_model::job::Job;
use fleetfoot_model::ledger::{self, Change, Stored};
use fleetfoot_model::runner::{Registration, Runner};

use crate::JobState;

impl JobState {
    pub(crate) async fn job_started(
        &self,
        event: JobStarted,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let job = self.job(&event.job, now).await?;
        let mut start = self.load(job, Some(&event.runner)).await?;
        if !start.job.value.is_open() && start.job.value.started_at.is_some() {
            return Ok(Vec::new());
        }
        let facts = busy(&start, event.started_at);
        let own = start.own.as_ref().map(|own| own.value.name.clone());
        let consequences = start.apply(now);
        start.job.value.start(&event.runner.name, event.started_at, now);
        start.job.value.show_recovery(&self.config, now);
        self.ledger.commit(changes(start)).await?;
        self.follow(facts, consequences, own, now).await
    }

    /// Loads everything that a start touches.
    pub(crate) async fn load(
        &self,
        job: Stored<Job>,
        observed: Option<&ObservedRunner>,
    ) -> Result<Start, FunctionError> {
        let id = job.value.id();
        let mut runner = match observed {
            Some(observed) => self.ours(observed).await?,
            None => None,
        };
        if let (Some(runner), Some(observed)) = (&mut runner, observed) {
            learn_registration(&mut runner.value, observed);
        }
        let taken_from = runner.as_ref().and_then(|runner| runner.value.job).filter(|other| *other != id);
        let victim = match taken_from {
            Some(victim) => self.victim(victim, runner.as_ref()).await?,
            None => None,
        };
        let own = match job.value.runner() {
            Some(name) if runner.as_ref().is_none_or(|runner| runner.value.name != *name) => {
                ledger::runner(&*self.ledger, name).await?
            }
            _ => None,
        };
        Ok(Start { job, runner, own, victim })
    }

    /// The job that the runner was meant for, if it still waits for it or lost it when it stopped.
    async fn victim(
        &self,
        id: JobId,
        runner: Option<&Stored<Runner>>,
    ) -> Result<Option<Stored<Job>>, FunctionError> {
        let name = runner.map(|runner| &runner.value.name);
        let victim = ledger::job(&*self.ledger, id).await?;
        Ok(victim.filter(|victim| {
            victim.value.is_queued() && (victim.value.runner().is_none() || victim.value.runner() == name)
        }))
    }

    /// Tells what follows, and lets the job's own runner go if nobody needs it.
    pub(crate) async fn follow(
        &self,
        mut facts: Vec<Fact>,
        consequences: Consequences,
        own: Option<RunnerName>,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        facts.extend(consequences.queued_again.map(Fact::from));
        if let Some(own) = own.filter(|_| consequences.own_is_surplus) {
            facts.extend(self.surplus(&own, now).await?);
        }
        Ok(facts)
    }
}

/// GitHub speaks of the runner: it was registered, whatever became of our note of it.
fn learn_registration(runner: &mut Runner, observed: &ObservedRunner) {
    if runner.github_id.is_none() && observed.id.is_some() {
        runner.github_id = observed.id;
        runner.registration = Registration::Present;
        runner.tickets.clear();
    }
}

/// Who is busy with what; the same each time it is asked.
pub(crate) fn busy(start: &Start, started_at: Timestamp) -> Vec<Fact> {
    let Some(runner) = &start.runner else { return Vec::new() };
    let job = start.job.value.id();
    let taken_from = start.victim.as_ref().map(|victim| victim.value.id());
    let Runner { name, started_at: up_at, registered_at, .. } = &runner.value;
    let (runner, up_at, registered_at) = (name.clone(), *up_at, *registered_at);
    vec![RunnerBusy { runner, job, taken_from, up_at, registered_at, started_at: Some(started_at) }.into()]
}

/// Every row of a start, to be written together.
pub(crate) fn changes(start: Start) -> Vec<Change> {
    let mut changes = vec![ledger::change(start.job)];
    changes.extend(start.runner.map(ledger::change));
    changes.extend(start.own.map(ledger::change));
    changes.extend(start.victim.map(ledger::change));
    changes
}
