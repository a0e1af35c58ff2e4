//! One reading of the ledger for all who look.

use std::sync::Arc;
use std::time::Duration;

use fleetfoot_model::ledger::Ledger;
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_report::overview::Reader;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::Settings;

/// A reading.
#[derive(Debug)]
pub(crate) struct Reading {
    /// An overview, with how often it is read and where the fleet is.
    pub(crate) value: Value,
}

/// How the last reading ended: with the fleet, or with why it cannot be read.
type Outcome = Result<Arc<Reading>, Arc<str>>;

/// Where readings are asked for.
pub(crate) struct Desk {
    settings: Settings,
    /// Held while the ledger is read, so that others wait for that reading instead of asking again.
    last: Mutex<(Reader, Option<(Timestamp, Outcome)>)>,
}

impl Desk {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, last: Mutex::default() }
    }

    pub(crate) fn ledger(&self) -> &dyn Ledger {
        &*self.settings.ledger
    }

    pub(crate) fn every(&self) -> Duration {
        self.settings.every
    }

    /// The last reading, or a new one if that is old. A failure is shared in the same way: a ledger in trouble is not
    /// asked by each viewer.
    pub(crate) async fn look(&self) -> Outcome {
        let Settings { ledger, config, clock, .. } = &self.settings;
        let mut last = self.last.lock().await;
        let now = clock.now();
        let (reader, known) = &mut *last;
        if let Some((at, outcome)) = known
            && (SignedDuration::ZERO..self.fresh()).contains(&now.duration_since(*at))
        {
            return outcome.clone();
        }
        let outcome: Outcome = match reader.read(&**ledger, config, now).await {
            Ok(overview) => Ok(Arc::new(Reading { value: self.shown(&overview) })),
            Err(error) => {
                tracing::warn!(%error, "the dashboard cannot read the fleet's rows");
                Err(error.to_string().into())
            }
        };
        *known = Some((now, outcome.clone()));
        outcome
    }

    /// A viewer that comes back after the interval must not find the reading that it has because a clock is coarse.
    fn fresh(&self) -> SignedDuration {
        SignedDuration::try_from(self.settings.every * 9 / 10).unwrap_or(SignedDuration::MAX)
    }

    fn shown(&self, overview: &fleetfoot_report::overview::Overview) -> Value {
        // Numbers, texts and lists of them: nothing that JSON lacks.
        let mut value = serde_json::to_value(overview).unwrap_or_default();
        value["place"] = self.settings.place.clone().into();
        value["everyMillis"] = u64::try_from(self.settings.every.as_millis()).unwrap_or(u64::MAX).into();
        value
    }
}
