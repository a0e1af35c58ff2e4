//! Runners at GitHub that carry this fleet's name and that nobody has: left by a lost answer or a lost ledger.

use std::collections::BTreeMap;

use fleetfoot_model::Timestamp;
use fleetfoot_model::events::{Fact, RunnerReaped};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::RunnerName;
use fleetfoot_model::ledger;
use fleetfoot_model::ports::{GitHubError, ListedRunner};
use fleetfoot_model::record::CleanupMemory;
use fleetfoot_model::runner::Runner;

use crate::{Cleanup, MOST_REPAIRS};

impl Cleanup {
    pub(crate) async fn registrations(
        &self,
        memory: &mut CleanupMemory,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let survey = self.config.timeouts.survey;
        if memory.runners_listed_at.is_some_and(|at| now < at + survey) {
            return Ok(Vec::new());
        }
        memory.runners_listed_at = Some(now);
        let mut strangers = BTreeMap::new();
        let mut facts = Vec::new();
        for scope in self.config.github.target.scopes() {
            let listed =
                self.github.list_runners(&scope).await.map_err(|error| FunctionError::again(&error))?;
            for runner in listed {
                if !self.is_stranger(&runner).await? {
                    continue;
                }
                // A runner that was just registered is offline for a moment: only one seen twice is removed.
                let since = memory.strangers.get(&runner.id).copied().unwrap_or(now);
                strangers.insert(runner.id, since);
                if now >= since + survey && facts.len() < MOST_REPAIRS {
                    facts.extend(self.remove(&runner).await?);
                }
            }
        }
        memory.strangers = strangers;
        Ok(facts)
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

    async fn remove(&self, runner: &ListedRunner) -> Result<Vec<Fact>, FunctionError> {
        match self.github.delete_runner(&runner.scope, runner.id).await {
            Ok(()) => {
                let reason = "it was registered at GitHub and its task was gone".to_owned();
                Ok(vec![RunnerReaped { runner: runner.name.clone(), reason }.into()])
            }
            Err(GitHubError::Busy) => Ok(Vec::new()),
            Err(error) => Err(FunctionError::again(&error)),
        }
    }
}
