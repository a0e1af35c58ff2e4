//! Where events, notices and failures go.

use std::sync::Arc;

use fleetfoot_model::Timestamp;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_shell::Emission;

use super::channel::Channel;
use super::consumer::Consumer;
use super::delivery::{Failure, Item, Payload};
use super::store::{Burial, Commit};
use super::{Bus, BusError};
use crate::template::{BusName, Target};

impl Bus {
    pub(super) fn add_emission(
        &self,
        commit: &mut Commit,
        emission: Emission,
        now: Timestamp,
    ) -> Result<(), BusError> {
        for fact in emission.facts {
            self.add_event(commit, BusName::Fleet, fact, now)?;
        }
        for notice in emission.notices {
            let payload = Payload::Message(notice.into());
            for function in &self.wiring.subscriptions {
                commit.add.push((Channel::Function(function.clone()), payload.clone(), now));
            }
        }
        Ok(())
    }

    pub(super) fn add_event(
        &self,
        commit: &mut Commit,
        bus: BusName,
        event: Envelope,
        now: Timestamp,
    ) -> Result<(), BusError> {
        let event = Arc::new(event);
        for rule in self.rules.matching(bus, &event).map_err(BusError::Unavailable)? {
            self.add_to(commit, &self.wiring.rules[rule].targets, &event, now);
        }
        commit.events.push((bus, event));
        Ok(())
    }

    pub(super) fn add_failure(
        &self,
        commit: &mut Commit,
        consumer: &Consumer,
        item: &Item,
        failure: &Failure,
        now: Timestamp,
    ) {
        if failure.for_good || item.attempt >= consumer.attempts {
            tracing::error!(
                item.id,
                item.attempt,
                function.name = consumer.function,
                failure.reason,
                "given up; it is kept as a dead letter"
            );
            let (queue, reason) = (consumer.dead_letters.clone(), failure.reason.clone());
            commit.bury.push(Burial { item: item.key(), queue, reason, at: now });
        } else {
            tracing::warn!(
                item.id,
                item.attempt,
                function.name = consumer.function,
                failure.reason,
                "failed; it will be tried again"
            );
            let at = consumer.delay(self.pace, item.attempt).map(|delay| now + delay);
            commit.postpone.push((item.key(), at));
        }
    }

    /// An event for each of these targets, visible to it at once or after its queue's delay.
    pub(super) fn add_to(
        &self,
        commit: &mut Commit,
        targets: &[Target],
        event: &Arc<Envelope>,
        now: Timestamp,
    ) {
        for target in targets {
            let (channel, visible_at) = match target {
                Target::Function(package) => (Channel::Function(package.clone()), now),
                Target::Queue(id) => {
                    let delay = self.wiring.queues.get(id).map(|queue| queue.delay);
                    (Channel::Queue(id.clone()), now + delay.unwrap_or_default())
                }
            };
            commit.add.push((channel, Payload::Event(event.clone()), visible_at));
        }
    }
}
