//! Looks at the whole state, whatever woke it, and repairs what is stuck, lost or left over.
//!
//! Level-triggered and idempotent: it takes no input but the state, and what it cannot mend now it finds again in a
//! minute. It repairs through the same events as the happy path, and no run does more than a bounded number of repairs.

mod budget;
mod checks;
mod costs;
mod deliveries;
mod jobs;
mod measure;
mod registrations;
mod reruns;
mod runners;
mod search;
mod snapshot;
mod tasks;

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::Timestamp;
use fleetfoot_model::config::Config;
use fleetfoot_model::dismiss::Dismisser;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::events::Fact;
use fleetfoot_model::function::{EventFunction, FunctionError};
use fleetfoot_model::ledger::{self, Ledger};
use fleetfoot_model::ports::{Fleet, GitHub};

use crate::budget::Budget;
use crate::snapshot::Snapshot;

/// The most repairs of one kind in one run. A fleet that needs more has a cause that repairs do not mend.
pub const MOST_REPAIRS: usize = 50;

/// The function `cleanup`.
pub struct Cleanup {
    /// Rows.
    pub ledger: Arc<dyn Ledger>,
    /// Asked for failed deliveries every run, for the rest seldom or about oddities.
    pub github: Arc<dyn GitHub>,
    /// Where tasks run.
    pub fleet: Arc<dyn Fleet>,
    /// The fleet's configuration.
    pub config: Arc<Config>,
}

#[async_trait]
impl EventFunction for Cleanup {
    async fn handle(&self, event: &Envelope, now: Timestamp) -> Result<Vec<Fact>, FunctionError> {
        let mut facts = Vec::new();
        let mut snapshot = Snapshot::load(&*self.ledger).await?;
        facts.push(measure::measure(&snapshot, now));
        // Each part stands alone: one that fails is looked at again in a minute and must not hold up the others.
        let mut budget = Budget::new();
        let mut memory = ledger::cleanup_memory(&*self.ledger).await?;
        let tasks = self.tasks(&mut snapshot, &mut memory.value, &mut budget, now).await;
        keep(&mut facts, "tasks", tasks);
        let runners = self.runners(&snapshot, &mut memory.value, &mut budget, now).await;
        keep(&mut facts, "runners", runners);
        keep(&mut facts, "jobs", self.jobs(&snapshot, &mut memory.value, &mut budget, now).await);
        keep(&mut facts, "reruns", self.reruns(&snapshot, &mut budget, now).await);
        keep(&mut facts, "deliveries", self.deliveries(&mut memory.value, &mut budget, now).await);
        keep(&mut facts, "registrations", self.registrations(&mut memory.value, &mut budget, now).await);
        keep(&mut facts, "checks", self.checks(&snapshot, &mut memory.value, &mut budget, now).await);
        keep(&mut facts, "search", self.search(&snapshot, &mut memory.value, &mut budget, now).await);
        // Last: what is remembered as told is told, if only the memory is written.
        let costs = self.costs(&snapshot, &mut memory.value, &event.id, now).await;
        keep(&mut facts, "costs", costs);
        ledger::put(&*self.ledger, memory).await?;
        self.ledger.forget_expired(now).await?;
        Ok(facts)
    }
}

impl Cleanup {
    pub(crate) fn dismisser(&self) -> Dismisser<'_> {
        Dismisser { ledger: &*self.ledger, github: &*self.github, fleet: &*self.fleet }
    }
}

fn keep(facts: &mut Vec<Fact>, part: &str, found: Result<Vec<Fact>, FunctionError>) {
    match found {
        Ok(found) => facts.extend(found),
        Err(error) => {
            tracing::warn!(cleanup.part = part, error = %error, "a part of cleanup failed; it is tried again");
        }
    }
}
