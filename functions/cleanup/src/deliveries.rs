//! Lost webhooks: GitHub never tries again by itself, but lists failed deliveries and repeats them when asked.

use std::collections::{BTreeMap, BTreeSet};

use fleetfoot_model::events::{DeliveryRecovered, Fact};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ports::Delivery;
use fleetfoot_model::record::CleanupMemory;
use fleetfoot_model::{SignedDuration, Timestamp};

use crate::Cleanup;
use crate::budget::{Budget, Part};

/// How far back a fleet looks that never looked before.
const FIRST_LOOK: SignedDuration = SignedDuration::from_hours(1);
/// GitHub keeps deliveries for three days (REST API, "redeliver a delivery").
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(3 * 24);
/// A delivery may be listed a while after it was tried.
const OVERLAP: SignedDuration = SignedDuration::from_mins(2);
/// How often a delivery is asked for again.
const MOST_TRIES: u32 = 5;

impl Cleanup {
    pub(crate) async fn deliveries(
        &self,
        memory: &mut CleanupMemory,
        budget: &mut Budget,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let since = memory.deliveries_seen_until.unwrap_or(now - FIRST_LOOK).max(now - KEPT_FOR);
        let listed = self.github.deliveries(since - OVERLAP).await;
        let listed = listed.map_err(|error| {
            budget.heed(&error);
            FunctionError::again(&error)
        })?;
        memory.deliveries_listed_at = Some(now);
        budget.listed(Part::Deliveries, listed.len());
        let newest = listed.iter().map(|delivery| delivery.delivered_at).max();
        let failed = failed(listed);
        memory.redelivered.retain(|guid, _| failed.contains_key(guid));
        let mut facts = Vec::new();
        let mut oldest_open = None;
        for (guid, delivery) in &failed {
            let tries = memory.redelivered.get(guid).copied().unwrap_or(0);
            if tries >= MOST_TRIES {
                continue;
            }
            oldest_open = oldest_open.into_iter().chain([delivery.delivered_at]).min();
            if !budget.ask(Part::Deliveries, 1) {
                continue;
            }
            match self.github.redeliver(delivery).await {
                Ok(()) => {
                    memory.redelivered.insert(guid.clone(), tries + 1);
                    facts.push(recovered(delivery));
                }
                Err(error) => {
                    tracing::warn!(delivery.guid = %guid, %error, "a lost webhook cannot be asked for");
                    if !budget.heed(&error) {
                        memory.redelivered.insert(guid.clone(), tries + 1);
                    }
                }
            }
        }
        memory.deliveries_seen_until =
            oldest_open.or(newest).or(memory.deliveries_seen_until).or(Some(since));
        Ok(facts)
    }
}

/// The deliveries of which no attempt succeeded, by GUID, each by its first attempt.
fn failed(listed: Vec<Delivery>) -> BTreeMap<String, Delivery> {
    let arrived: BTreeSet<String> =
        listed.iter().filter(|delivery| delivery.succeeded).map(|delivery| delivery.guid.clone()).collect();
    let mut failed: BTreeMap<String, Delivery> = BTreeMap::new();
    for delivery in listed {
        let ours = matches!(delivery.event.as_str(), "workflow_job" | "workflow_run");
        if !ours || arrived.contains(&delivery.guid) {
            continue;
        }
        let first = failed.get(&delivery.guid).is_none_or(|known| delivery.delivered_at < known.delivered_at);
        if first {
            failed.insert(delivery.guid.clone(), delivery);
        }
    }
    failed
}

fn recovered(delivery: &Delivery) -> Fact {
    let Delivery { guid, event, delivered_at, .. } = delivery.clone();
    DeliveryRecovered { guid, event, delivered_at }.into()
}
