//! What comes of an event: the facts that name it as their cause, those that name these, and so on.

use std::collections::BTreeMap;
use std::time::Duration;

use fleetfoot_local::bus::{Bus, BusError, DeadLetter, Payload};
use fleetfoot_model::Timestamp;
use fleetfoot_model::envelope::Envelope;

/// How often the bus is looked at.
const PAUSE: Duration = Duration::from_millis(50);

/// Waits until the bus has nothing under way, at most this long. Answers whether it came to rest.
#[expect(
    clippy::disallowed_methods,
    reason = "another process does the work; all that is left here is to wait"
)]
pub(super) async fn rest(bus: &Bus, most: Duration) -> Result<bool, BusError> {
    let at_rest = async {
        while bus.pending()? > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    };
    tokio::time::timeout(most, at_rest).await.map_or(Ok(false), |rested| rested.map(|()| true))
}

/// What came of an event or a delivery.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// The facts, in the order in which they were told.
    pub(super) facts: Vec<Envelope>,
    /// Why functions gave up handling it, or a fact that followed.
    pub(super) given_up: Vec<String>,
}

/// Finds what followed since a time; what came of it when it happened first is left out.
pub(super) fn followed(bus: &Bus, cause: &str, since: Timestamp) -> Result<Followed, BusError> {
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
