//! Where a fleet is: on this machine, or deployed as a stack. Commands do not know which.

mod arguments;
mod deployed;
mod here;
pub(crate) mod logs;
mod logs_deployed;
mod logs_here;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fleetfoot_github::GitHubClient;
use fleetfoot_model::Timestamp;
use fleetfoot_model::config::Config;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::ids::FleetName;
use fleetfoot_model::ledger::Ledger;
use fleetfoot_model::ports::{Clock, Fleet, GitHub, Secrets};
use fleetfoot_shell::Emission;
use fleetfoot_shell::clock::SystemClock;

use crate::dead_letters::DeadLetters;
use crate::doctor::{Check, Nearby};
use crate::exec::Exec;
use crate::failure::Failure;
use crate::place::logs::Logs;

pub(crate) use arguments::{Configured, HEADING, InRows, Location, Remote};
pub(crate) use deployed::{Deployed, secrets};
pub(crate) use here::Here;

/// A fleet that is there, and what it is made of.
#[async_trait]
pub(crate) trait Place: Send + Sync {
    /// Its configuration, checked.
    async fn config(&self) -> Result<Config, Failure>;

    /// What the configuration's references lead to.
    fn secrets(&self) -> Arc<dyn Secrets>;

    /// Its rows.
    fn ledger(&self) -> Result<Arc<dyn Ledger>, Failure>;

    /// Its tasks, to stop and to list them.
    fn tasks(&self) -> Result<Arc<dyn Fleet>, Failure>;

    /// Its bus.
    fn bus(&self, fleet: &FleetName) -> Result<Arc<dyn EventBus>, Failure>;

    /// What its runners and functions have logged.
    fn logs(&self) -> Result<Arc<dyn Logs>, Failure>;

    /// How commands are run in its runners.
    fn exec(&self) -> Result<Arc<dyn Exec>, Failure>;

    /// Where GitHub's webhooks go, if it is known; the fleet of this machine does not tell where it listens.
    fn webhook(&self) -> Result<Option<Webhook>, Failure> {
        Ok(None)
    }

    /// What nobody could handle.
    async fn dead_letters(&self) -> Result<Arc<dyn DeadLetters>, Failure>;

    /// What `doctor` looks at beside what every fleet has. Without a configuration some of it is left out.
    fn checks(
        &self,
        config: Option<&Arc<Config>>,
        nearby: &Nearby,
        clock: &Arc<dyn Clock>,
    ) -> Vec<Box<dyn Check>>;

    /// GitHub, as the fleet signs in there.
    fn github(&self, config: &Config) -> Arc<dyn GitHub> {
        Arc::new(GitHubClient::new(&config.github, self.secrets(), Arc::new(SystemClock)))
    }
}

/// Where webhooks go.
#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    /// With its path.
    pub(crate) address: String,
    /// What to do if nobody answers there.
    pub(crate) if_silent: &'static str,
}

/// A fleet's bus, from outside.
#[async_trait]
pub(crate) trait EventBus: Send + Sync {
    /// Tells facts, and people what they should hear of.
    async fn emit(&self, now: Timestamp, emission: Emission) -> Result<(), Failure>;

    /// Puts a recorded event on the bus of its source.
    async fn put(&self, now: Timestamp, event: Envelope) -> Result<(), Failure>;

    /// What is remembered of events, where anything is.
    fn history(&self) -> Option<&dyn History>;
}

/// What a bus remembers.
#[async_trait]
pub(crate) trait History: Send + Sync {
    /// Waits until nothing is under way, at most this long. Answers whether it came to rest.
    async fn rest(&self, most: Duration) -> Result<bool, Failure>;

    /// What came of an event or a delivery since a time.
    fn followed(&self, cause: &str, since: Timestamp) -> Result<Followed, Failure>;
}

/// What came of an event or a delivery.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    /// The facts, in the order in which they were told.
    pub(crate) facts: Vec<Envelope>,
    /// Why functions gave up handling it, or a fact that followed.
    pub(crate) given_up: Vec<String>,
}
