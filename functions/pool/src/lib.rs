//! Keeps the configured number of warm runners, by schedule and as soon as one is taken or has ended.

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::Timestamp;
use fleetfoot_model::config::Config;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::events::{Fact, RunnerWanted};
use fleetfoot_model::function::{EventFunction, FunctionError};
use fleetfoot_model::ledger::{self, Ledger};
use fleetfoot_model::record::Record;

/// The function `pool`.
pub struct Pool {
    /// Rows.
    pub ledger: Arc<dyn Ledger>,
    /// The fleet's configuration.
    pub config: Arc<Config>,
}

#[async_trait]
impl EventFunction for Pool {
    /// Ignores what woke it and looks at every pool.
    async fn handle(&self, _event: &Envelope, now: Timestamp) -> Result<Vec<Fact>, FunctionError> {
        if self.config.pools.is_empty() {
            return Ok(Vec::new());
        }
        let unmatched = ledger::unmatched(&*self.ledger).await?;
        let mut facts = Vec::new();
        for pool in &self.config.pools {
            let is_idle =
                |row: &Record| matches!(row, Record::Runner(runner) if runner.is_idle_in(&pool.name));
            let idle = unmatched.iter().filter(|row| is_idle(&row.value)).count() as u64;
            let short = pool.wanted(now).saturating_sub(idle);
            if short == 0 {
                continue;
            }
            // The number only moves on when a runner is reserved under it, so asking twice asks for the same runners.
            let last = ledger::pool(&*self.ledger, &pool.name).await?.map_or(0, |row| row.value.sequence);
            facts.extend(
                (1..=short).map(|n| RunnerWanted { pool: pool.name.clone(), sequence: last + n }.into()),
            );
        }
        Ok(facts)
    }
}
