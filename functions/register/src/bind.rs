//! Which job a task that is up is meant for.

use fleetfoot_model::Timestamp;
use fleetfoot_model::decide::matching;
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::job::Job;
use fleetfoot_model::ledger::{self, Change, Stored};
use fleetfoot_model::runner::{Registration, Runner};

use crate::Register;

/// Whether there is work.
pub(crate) enum Binding {
    /// The registration is claimed; GitHub may be asked.
    Bound(Runner),
    /// Nothing suits.
    NoWork(Stored<Runner>),
}

impl Register {
    /// Binds the runner to its job, to another that waits, or to none, and claims the registration.
    pub(crate) async fn bind(
        &self,
        mut row: Stored<Runner>,
        now: Timestamp,
    ) -> Result<Binding, FunctionError> {
        if row.value.dismissed.is_some() {
            return Ok(Binding::NoWork(row));
        }
        let mut changes: Vec<Change> = Vec::new();
        if !self.is_still_wanted(&row.value).await? {
            match self.another_job(&row.value, now).await? {
                Some(mut job) => {
                    matching::pair(&mut job.value, &mut row.value, "a runner without work suits it", now);
                    changes.push(ledger::change(job));
                }
                None if row.value.pool.is_some() => row.value.job = None,
                None => return Ok(Binding::NoWork(row)),
            }
        }
        row.value.registration = Registration::Pending { since: now };
        row.value.timeline.note(now, "its task is up and asks for its registration");
        let runner = row.value.clone();
        changes.push(ledger::change(row));
        self.ledger.commit(changes).await?;
        Ok(Binding::Bound(runner))
    }

    async fn is_still_wanted(&self, runner: &Runner) -> Result<bool, FunctionError> {
        match runner.job {
            Some(job) => self.waits_for(job, runner).await,
            None => Ok(false),
        }
    }

    async fn waits_for(&self, job: JobId, runner: &Runner) -> Result<bool, FunctionError> {
        let job = ledger::job(&*self.ledger, job).await?;
        Ok(job.is_some_and(|job| job.value.runner() == Some(&runner.name)))
    }

    /// The oldest waiting job that GitHub would give this runner.
    async fn another_job(
        &self,
        runner: &Runner,
        now: Timestamp,
    ) -> Result<Option<Stored<Job>>, FunctionError> {
        let unmatched = ledger::unmatched(&*self.ledger).await?;
        Ok(matching::first_waiting(unmatched, runner, &self.config, now))
    }
}
