//! A fleet on this machine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fleetfoot_local::bus::{Bus, BusError, DeadLetter, Payload};
use fleetfoot_local::fleet::LocalFleet;
use fleetfoot_local::secrets::LocalSecrets;
use fleetfoot_model::Timestamp;
use fleetfoot_model::config::Config;
use fleetfoot_model::envelope::{Envelope, SOURCE};
use fleetfoot_model::ids::FleetName;
use fleetfoot_model::ledger::Ledger;
use fleetfoot_model::ports::{Clock, Fleet, Secrets};
use fleetfoot_shell::Emission;

use super::logs::Logs;
use super::logs_here::LogsHere;
use super::{EventBus, Followed, History, Place};
use crate::arguments::{Configuration, State};
use crate::dead_letters::{DeadLetters, OnThisMachine};
use crate::doctor::{self, Check, Nearby};
use crate::exec::{Exec, ExecHere};
use crate::failure::{Failure, OrFail};
use crate::wiring;

/// How often the bus is looked at.
const PAUSE: Duration = Duration::from_millis(50);
const UNKNOWN: &str = "what followed cannot be read";

/// A fleet that `up` runs.
pub(crate) struct Here {
    pub(crate) state: State,
    pub(crate) config: Configuration,
}

impl Here {
    fn fleet(&self) -> Result<LocalFleet, Failure> {
        LocalFleet::open_without_runner(&self.state.state).or_fail("the fleet's tasks cannot be reached")
    }
}

#[async_trait]
impl Place for Here {
    async fn config(&self) -> Result<Config, Failure> {
        self.config.load()
    }

    fn secrets(&self) -> Arc<dyn Secrets> {
        Arc::new(LocalSecrets::new(self.config.folder()))
    }

    fn ledger(&self) -> Result<Arc<dyn Ledger>, Failure> {
        Ok(Arc::new(self.state.ledger()?))
    }

    fn tasks(&self) -> Result<Arc<dyn Fleet>, Failure> {
        Ok(Arc::new(self.fleet()?))
    }

    fn logs(&self) -> Result<Arc<dyn Logs>, Failure> {
        // Looking leaves nothing behind where no fleet is.
        self.state.database()?;
        Ok(Arc::new(LogsHere(self.fleet()?)))
    }

    fn exec(&self) -> Result<Arc<dyn Exec>, Failure> {
        Ok(Arc::new(ExecHere(self.fleet()?)))
    }

    fn bus(&self, fleet: &FleetName) -> Result<Arc<dyn EventBus>, Failure> {
        Ok(Arc::new(wiring::bus(fleet, self.state.database()?)?))
    }

    async fn dead_letters(&self) -> Result<Arc<dyn DeadLetters>, Failure> {
        let fleet = self.config.load()?.fleet;
        Ok(Arc::new(OnThisMachine(wiring::bus(&fleet, self.state.database()?)?)))
    }

    fn checks(&self, _: Option<&Arc<Config>>, nearby: &Nearby, _: &Arc<dyn Clock>) -> Vec<Box<dyn Check>> {
        doctor::here::checks(&self.state, nearby)
    }
}

#[async_trait]
impl EventBus for Bus {
    async fn emit(&self, now: Timestamp, emission: Emission) -> Result<(), Failure> {
        Self::emit(self, now, emission).or_fail("the event cannot be put on the bus")
    }

    async fn put(&self, now: Timestamp, event: Envelope) -> Result<(), Failure> {
        let published = if event.source == SOURCE {
            self.publish(now, vec![event])
        } else {
            self.publish_default(now, event)
        };
        published.or_fail("the event cannot be put on the bus")
    }

    fn history(&self) -> Option<&dyn History> {
        Some(self)
    }
}

#[async_trait]
impl History for Bus {
    #[expect(
        clippy::disallowed_methods,
        reason = "another process does the work; all that is left here is to wait"
    )]
    async fn rest(&self, most: Duration) -> Result<bool, Failure> {
        let at_rest = async {
            while self.pending()? > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            Ok::<_, BusError>(())
        };
        match tokio::time::timeout(most, at_rest).await {
            Ok(rested) => rested.or_fail(UNKNOWN).map(|()| true),
            Err(_) => Ok(false),
        }
    }

    fn followed(&self, cause: &str, since: Timestamp) -> Result<Followed, Failure> {
        followed(self, cause, since).or_fail(UNKNOWN)
    }
}

/// The facts that name an event as their cause, those that name these, and so on; what came of it when it happened first
/// is left out.
fn followed(bus: &Bus, cause: &str, since: Timestamp) -> Result<Followed, BusError> {
    let mut ids = vec![cause.to_owned()];
    let mut facts = BTreeMap::new();
    let mut next = 0;
    while let Some(id) = ids.get(next).cloned() {
        next += 1;
        for published in bus.caused_by(&id)? {
            if published.envelope.time >= since && !facts.contains_key(&published.sequence) {
                ids.push(published.envelope.causation_id().to_owned());
                facts.insert(published.sequence, (*published.envelope).clone());
            }
        }
    }
    let is_ours = |letter: &DeadLetter| match &letter.payload {
        Payload::Event(event) => letter.at >= since && ids.contains(&event.id),
        Payload::Message(_) => false,
    };
    let given_up = bus.dead_letters(usize::MAX)?.into_iter().filter(is_ours).map(|letter| letter.reason);
    Ok(Followed { facts: facts.into_values().collect(), given_up: given_up.collect() })
}
