//! Runners at GitHub that carry this fleet's name and that nobody has: left by a lost answer or a lost ledger.

use fleetfoot_model::events::{Fact, RunnerReaped};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::RunnerName;
use fleetfoot_model::ledger;
use fleetfoot_model::ports::{GitHubError, ListedRunner};
use fleetfoot_model::record::CleanupMemory;
use fleetfoot_model::runner::{Runner, Scope};
use fleetfoot_model::{SignedDuration, Timestamp};

use crate::Cleanup;
use crate::budget::{Budget, Part};

/// How long a registration is remembered since it was first seen, or since it was last tried to remove it.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// How many runners may be listed every minute while registrations are left to remove: 20 pages.
const LONGEST_TO_READ_AGAIN: usize = 2000;

impl Cleanup {
    pub(crate) async fn registrations(
        &self,
        memory: &mut CleanupMemory,
        budget: &mut Budget,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let survey = self.config.timeouts.survey;
        if memory.runners_listed_at.is_some_and(|at| now < at + survey) {
            return Ok(Vec::new());
        }
        // Ids are not used again, but one that is seldom seen must not be taken for one that was seen all the time.
        memory.strangers.retain(|_, since| now < *since + FORGOTTEN_AFTER);
        let mut facts = Vec::new();
        let mut scopes = self.config.github.target.scopes();
        scopes.sort();
        // A round that was cut short goes on where it ended.
        let done = memory.runners_listed_up_to.clone();
        for scope in scopes.into_iter().filter(|scope| done.as_ref().is_none_or(|done| scope > done)) {
            if budget.left(Part::Registrations) == 0
                || !self.look_through(&scope, &mut facts, memory, budget, now).await?
            {
                return Ok(facts);
            }
            memory.runners_listed_up_to = Some(scope);
        }
        memory.runners_listed_up_to = None;
        memory.runners_listed_at = Some(now);
        Ok(facts)
    }

    /// Looks through the runners at one place. Says whether it is done with it for now.
    async fn look_through(
        &self,
        scope: &Scope,
        facts: &mut Vec<Fact>,
        memory: &mut CleanupMemory,
        budget: &mut Budget,
        now: Timestamp,
    ) -> Result<bool, FunctionError> {
        let listed = match self.github.list_runners(scope).await {
            Ok(listed) => listed,
            Err(error) => {
                tracing::warn!(github.scope = %scope, %error, "runners cannot be listed");
                // A place that is gone must not stand before the others.
                return Ok(!budget.heed(&error));
            }
        };
        budget.listed(Part::Registrations, listed.len());
        // A long list is not read every minute, whatever is left to do.
        let mut is_done = true;
        let may_go_on = listed.len() <= LONGEST_TO_READ_AGAIN;
        for runner in listed {
            if !self.is_stranger(&runner).await? {
                memory.strangers.remove(&runner.id);
                continue;
            }
            // A runner that was just registered is offline for a moment: only one seen twice is removed.
            let since = *memory.strangers.entry(runner.id).or_insert(now);
            if now < since + self.config.timeouts.survey {
                continue;
            }
            if !budget.ask(Part::Registrations, 1) {
                is_done = !may_go_on;
                continue;
            }
            // Whatever comes of it, the others are tried before it is tried again.
            memory.strangers.insert(runner.id, now);
            facts.extend(self.remove(&runner, budget).await);
        }
        Ok(is_done)
    }

    /// Whether it carries this fleet's name, is not connected, and belongs to no live runner.
    async fn is_stranger(&self, listed: &ListedRunner) -> Result<bool, FunctionError> {
        let Ok(name) = listed.name.parse::<RunnerName>() else { return Ok(false) };
        if listed.online || !name.belongs_to(&self.config.fleet) {
            return Ok(false);
        }
        let row = ledger::runner(&*self.ledger, &name).await?.map(|row| row.value);
        Ok(!row.as_ref().is_some_and(Runner::is_live))
    }

    async fn remove(&self, runner: &ListedRunner, budget: &mut Budget) -> Option<Fact> {
        match self.github.delete_runner(&runner.scope, runner.id).await {
            Ok(()) => {
                let reason = "it was registered at GitHub and its task was gone".to_owned();
                Some(RunnerReaped { runner: runner.name.clone(), reason }.into())
            }
            Err(GitHubError::Busy) => None,
            Err(error) => {
                tracing::warn!(runner.name = %runner.name, %error, "a registration cannot be removed now");
                budget.heed(&error);
                None
            }
        }
    }
}
