//! Webhooks on their way out, and GitHub's list of deliveries.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use fleetfoot_model::ids::DeliveryId;
use fleetfoot_model::{SignedDuration, Timestamp};

use super::faults::Faults;
use super::payload::Moment;
use crate::dice::{Dice, Span, millis};

/// GitHub lists deliveries, and delivers them again, for three days (GitHub documentation, "Redelivering webhooks").
const KEPT: SignedDuration = SignedDuration::from_hours(72);
/// How much later the second of a doubled webhook comes.
const DOUBLED: Span = millis(0, 3_000);
/// How long a reordered webhook is held back.
const REORDERED: Span = millis(500, 5_000);

/// What became of webhooks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WebhookCounts {
    /// Happenings that a webhook tells of.
    pub told: u64,
    /// Sent, answered or not.
    pub sent: u64,
    /// Not sent and listed as failed.
    pub dropped: u64,
    /// Not sent and not listed.
    pub lost: u64,
    /// Sent twice.
    pub doubled: u64,
    /// Sent late.
    pub delayed: u64,
    /// Held back a little.
    pub reordered: u64,
    /// Asked for again.
    pub redelivered: u64,
    /// Sent and not answered with 2xx.
    pub failed: u64,
}

/// Where an attempt to deliver is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Pending,
    /// Handed out; its answer is not known yet.
    Sent(Timestamp),
    /// Over, with the status of the answer; 0 if there was none.
    Over(Timestamp, u16),
}

/// One attempt to deliver a webhook.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) id: DeliveryId,
    pub(crate) guid: String,
    pub(crate) moment: Moment,
    pub(crate) redelivery: bool,
    pub(crate) outcome: Outcome,
    /// Whether it fails without having been sent.
    doomed: bool,
}

impl Attempt {
    pub(crate) fn over(&self) -> Option<(Timestamp, u16)> {
        match self.outcome {
            Outcome::Over(at, status) => Some((at, status)),
            Outcome::Pending | Outcome::Sent(_) => None,
        }
    }
}

/// Webhooks on their way out, and what became of those that were.
#[derive(Debug)]
pub(crate) struct Post {
    attempts: BTreeMap<DeliveryId, Attempt>,
    due: BTreeSet<(Timestamp, DeliveryId)>,
    over: BTreeSet<(Timestamp, DeliveryId)>,
    latest: u64,
    pub(crate) counts: WebhookCounts,
}

impl Post {
    pub(crate) fn new() -> Self {
        let (attempts, due, over) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        Self { attempts, due, over, latest: 12_000_000_000, counts: WebhookCounts::default() }
    }

    /// Sends word of a moment, as far as the faults let it through.
    pub(crate) fn tell(
        &mut self,
        now: Timestamp,
        moment: Moment,
        latency: &Span,
        faults: &Faults,
        dice: &mut Dice,
    ) {
        let guid = dice.uuid();
        let mut at = now + dice.between(latency);
        let delay = dice.between(&(SignedDuration::ZERO..=faults.longest_delay));
        let (lost, dropped) = (dice.happens(faults.webhook_lost), dice.happens(faults.webhook_dropped));
        let (doubled, delayed) = (dice.happens(faults.webhook_doubled), dice.happens(faults.webhook_delayed));
        let reordered = dice.happens(faults.webhook_reordered);
        self.counts.told += 1;
        if lost {
            self.counts.lost += 1;
            return;
        }
        if delayed {
            self.counts.delayed += 1;
            at += delay;
        }
        if reordered {
            self.counts.reordered += 1;
            at += dice.between(&REORDERED);
        }
        self.add(at, guid.clone(), moment.clone(), false, dropped);
        if doubled && !dropped {
            self.counts.doubled += 1;
            self.add(at + dice.between(&DOUBLED), guid, moment, false, false);
        }
    }

    fn add(&mut self, at: Timestamp, guid: String, moment: Moment, redelivery: bool, doomed: bool) {
        self.latest += 1;
        let id = DeliveryId(self.latest);
        let outcome = Outcome::Pending;
        self.attempts.insert(id, Attempt { id, guid, moment, redelivery, outcome, doomed });
        self.due.insert((at, id));
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes what is due. What is doomed fails here.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Vec<Attempt> {
        let mut taken = Vec::new();
        while let Some((at, id)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, id));
            let Some(attempt) = self.attempts.get_mut(&id) else { continue };
            if attempt.doomed {
                self.counts.dropped += 1;
                self.finish(id, at, 502);
                continue;
            }
            attempt.outcome = Outcome::Sent(at);
            self.counts.sent += 1;
            taken.push(attempt.clone());
        }
        self.forget(now);
        taken
    }

    /// Nothing leaves a GitHub that is down: what is due goes out when it is up again.
    pub(crate) fn hold(&mut self, now: Timestamp, until: Timestamp) {
        let late: Vec<_> = self.due.iter().take_while(|(at, _)| *at <= now).copied().collect();
        for entry in late {
            self.due.remove(&entry);
            self.due.insert((until, entry.1));
        }
    }

    /// Notes the answer to a webhook; 0 if there was none. Answers whether it had been sent.
    pub(crate) fn answered(&mut self, id: DeliveryId, status: u16) -> bool {
        let Some(Outcome::Sent(at)) = self.attempts.get(&id).map(|attempt| attempt.outcome) else {
            return false;
        };
        if !(200..300).contains(&status) {
            self.counts.failed += 1;
        }
        self.finish(id, at, status);
        true
    }

    fn finish(&mut self, id: DeliveryId, at: Timestamp, status: u16) {
        if let Some(attempt) = self.attempts.get_mut(&id) {
            attempt.outcome = Outcome::Over(at, status);
            self.over.insert((at, id));
        }
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some((at, id)) = self.over.first().copied().filter(|(at, _)| *at + KEPT < now) {
            self.over.remove(&(at, id));
            self.attempts.remove(&id);
        }
    }

    /// The attempts that are over, newest first; those before one of them, if it is named.
    pub(crate) fn log(&self, before: Option<DeliveryId>) -> impl Iterator<Item = &Attempt> {
        let place = before.and_then(|id| Some((self.attempts.get(&id)?.over()?.0, id)));
        let end = place.map_or(Bound::Unbounded, Bound::Excluded);
        self.over.range((Bound::Unbounded, end)).rev().filter_map(|(_, id)| self.attempts.get(id))
    }

    /// Delivers one again, under its GUID. `None` if there is no such delivery.
    pub(crate) fn redeliver(
        &mut self,
        now: Timestamp,
        id: DeliveryId,
        latency: &Span,
        faults: &Faults,
        dice: &mut Dice,
    ) -> Option<()> {
        let attempt = self.attempts.get(&id).filter(|attempt| attempt.over().is_some())?.clone();
        let at = now + dice.between(latency);
        self.counts.redelivered += 1;
        self.add(at, attempt.guid, attempt.moment, true, dice.happens(faults.webhook_dropped));
        Some(())
    }
}
