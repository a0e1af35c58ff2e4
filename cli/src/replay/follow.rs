//! What comes of an event: the facts that name it as their cause, those that name these, and so on.

use std::collections::BTreeSet;
use std::time::Duration;

use fleetfoot_local::bus::{Bus, BusError};
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

/// The facts that followed from an event or a delivery, in the order in which they were told. What followed from it
/// when it happened first is left out.
pub(super) fn facts(bus: &Bus, cause: &str, since: Timestamp) -> Result<Vec<Envelope>, BusError> {
    let mut causes = vec![cause.to_owned()];
    let mut seen = BTreeSet::new();
    let mut facts = Vec::new();
    while let Some(cause) = causes.pop() {
        for published in bus.caused_by(&cause)? {
            if published.envelope.time >= since && seen.insert(published.sequence) {
                causes.push(published.envelope.causation_id().to_owned());
                facts.push((published.sequence, (*published.envelope).clone()));
            }
        }
    }
    facts.sort_by_key(|(sequence, _)| *sequence);
    Ok(facts.into_iter().map(|(_, envelope)| envelope).collect())
}
