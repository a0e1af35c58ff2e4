//! Gives a queued job a runner, or says why not: labels to spec, policy, capacity, reservation, RunTask.

mod assess;
mod pool;
mod queue;
mod serve;
mod start;
mod turn;

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::Timestamp;
use fleetfoot_model::config::Config;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::events::Fact;
use fleetfoot_model::function::{EventFunction, FunctionError};
use fleetfoot_model::job::Heard;
use fleetfoot_model::ledger::Ledger;
use fleetfoot_model::ports::{Fleet, GitHub, Tickets};

/// The function `launch`.
pub struct Launch {
    /// Rows.
    pub ledger: Arc<dyn Ledger>,
    /// Where tasks run.
    pub fleet: Arc<dyn Fleet>,
    /// Asked only where a run's code comes from, and only for public repositories that are served without forks.
    pub github: Arc<dyn GitHub>,
    /// Where tickets come from.
    pub tickets: Arc<dyn Tickets>,
    /// The fleet's configuration.
    pub config: Arc<Config>,
}

#[async_trait]
impl EventFunction for Launch {
    async fn handle(&self, event: &Envelope, now: Timestamp) -> Result<Vec<Fact>, FunctionError> {
        match event.fact()? {
            Fact::JobQueued(it) => {
                let heard = Heard::of(it.cause, event.meta().map(|meta| meta.causation_id));
                self.job_queued(it, heard, now).await
            }
            Fact::RunnerStopped(_) => self.capacity_freed(now).await,
            Fact::ImageReady(it) => self.image_ready(&it.key).await,
            Fact::ImageFailed(it) => self.image_failed(&it.key, &it.reason, now).await,
            Fact::LaunchesPaused(it) => self.turn(&it, now).await,
            Fact::RunnerWanted(it) => self.runner_wanted(it, now).await,
            other => Err(FunctionError::Malformed(format!("launch takes no {}", other.detail_type()))),
        }
    }
}
