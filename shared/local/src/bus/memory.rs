//! A store in memory: for tests, simulation and virtual time.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use fleetfoot_model::Timestamp;
use rustc_hash::FxHashMap;

use super::channel::Channel;
use super::delivery::{DeadLetter, Item, ItemKey, Payload, Published};
use super::store::{Commit, Store, StoreError};

/// The most events that the history holds; the oldest go first.
pub(super) const LONGEST_HISTORY: usize = 100_000;

/// Everything, as long as this value lives.
#[derive(Default)]
pub(super) struct MemoryStore {
    items: FxHashMap<u64, Entry>,
    /// Items by when they are visible.
    lines: BTreeMap<Channel, BTreeSet<(Timestamp, u64)>>,
    last_item: u64,
    history: VecDeque<Published>,
    last_event: u64,
    dead: Vec<DeadLetter>,
    fired: HashMap<String, Timestamp>,
    longest_history: usize,
}

struct Entry {
    channel: Channel,
    payload: Payload,
    visible_at: Timestamp,
    attempts: u32,
    is_leased: bool,
}

impl MemoryStore {
    pub(super) fn with(longest_history: usize) -> Self {
        Self { longest_history, ..Self::default() }
    }

    fn add(&mut self, channel: Channel, payload: Payload, visible_at: Timestamp) {
        self.last_item += 1;
        self.lines.entry(channel.clone()).or_default().insert((visible_at, self.last_item));
        self.items
            .insert(self.last_item, Entry { channel, payload, visible_at, attempts: 0, is_leased: false });
    }

    /// The item, if it was not taken again.
    fn held(&mut self, key: ItemKey) -> Option<&mut Entry> {
        self.items.get_mut(&key.id).filter(|entry| entry.attempts == key.attempt)
    }

    fn remove(&mut self, key: ItemKey) -> Option<Entry> {
        self.held(key)?;
        let entry = self.items.remove(&key.id)?;
        self.lines.get_mut(&entry.channel)?.remove(&(entry.visible_at, key.id));
        Some(entry)
    }

    fn postpone(&mut self, key: ItemKey, to: Option<Timestamp>) {
        let Some(entry) = self.held(key) else { return };
        let before = entry.visible_at;
        entry.is_leased = false;
        entry.visible_at = to.unwrap_or(before);
        let (channel, after) = (entry.channel.clone(), entry.visible_at);
        let line = self.lines.entry(channel).or_default();
        line.remove(&(before, key.id));
        line.insert((after, key.id));
    }
}

impl Store for MemoryStore {
    fn is_shared(&self) -> bool {
        false
    }

    fn commit(&mut self, commit: Commit) -> Result<(), StoreError> {
        for (bus, envelope) in commit.events {
            self.last_event += 1;
            self.history.push_back(Published { sequence: self.last_event, bus, envelope });
        }
        let excess = self.history.len().saturating_sub(self.longest_history);
        self.history.drain(..excess);
        for key in commit.remove {
            self.remove(key);
        }
        for (key, to) in commit.postpone {
            self.postpone(key, to);
        }
        for burial in commit.bury {
            let Some(entry) = self.remove(burial.item) else { continue };
            self.dead.push(DeadLetter {
                id: burial.item.id,
                queue: burial.queue,
                channel: entry.channel,
                payload: entry.payload,
                attempts: entry.attempts,
                reason: burial.reason,
                at: burial.at,
            });
        }
        for (channel, payload, visible_at) in commit.add {
            self.add(channel, payload, visible_at);
        }
        self.fired.extend(commit.fired);
        Ok(())
    }

    fn head(&mut self, channel: &Channel) -> Result<Option<(Timestamp, u64)>, StoreError> {
        Ok(self.lines.get(channel).and_then(BTreeSet::first).copied())
    }

    fn lease(
        &mut self,
        channel: &Channel,
        now: Timestamp,
        until: Timestamp,
        most: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let Some(line) = self.lines.get_mut(channel) else { return Ok(Vec::new()) };
        let visible: Vec<(Timestamp, u64)> =
            line.iter().take_while(|(at, _)| *at <= now).take(most).copied().collect();
        let mut items = Vec::new();
        for place in visible {
            let Some(entry) = self.items.get_mut(&place.1) else { continue };
            line.remove(&place);
            line.insert((until, place.1));
            entry.visible_at = until;
            entry.attempts += 1;
            entry.is_leased = true;
            items.push(Item { id: place.1, attempt: entry.attempts, payload: entry.payload.clone() });
        }
        items.sort_by_key(|item| item.id);
        Ok(items)
    }

    fn release(&mut self, now: Timestamp) -> Result<usize, StoreError> {
        let leased: Vec<ItemKey> = self
            .items
            .iter()
            .filter(|(_, entry)| entry.is_leased)
            .map(|(id, entry)| ItemKey { id: *id, attempt: entry.attempts })
            .collect();
        for key in &leased {
            self.postpone(*key, Some(now));
            if let Some(entry) = self.held(*key) {
                entry.attempts -= 1;
            }
        }
        Ok(leased.len())
    }

    fn channels(&mut self) -> Result<Vec<Channel>, StoreError> {
        let waiting = self.lines.iter().filter(|(_, line)| !line.is_empty());
        Ok(waiting.map(|(channel, _)| channel.clone()).collect())
    }

    fn pending(&mut self) -> Result<usize, StoreError> {
        Ok(self.items.len())
    }

    fn fired(&mut self, schedule: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.fired.get(schedule).copied())
    }

    fn history(&mut self, after: u64, limit: usize) -> Result<Vec<Published>, StoreError> {
        let first = self.history.partition_point(|event| event.sequence <= after);
        Ok(self.history.range(first..).take(limit).cloned().collect())
    }

    fn caused_by(&mut self, id: &str) -> Result<Vec<Published>, StoreError> {
        let is_caused =
            |event: &&Published| event.envelope.meta().is_some_and(|meta| meta.causation_id == id);
        Ok(self.history.iter().filter(is_caused).cloned().collect())
    }

    fn dead_letters(&mut self, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        Ok(self.dead.iter().take(limit).cloned().collect())
    }

    fn revive(&mut self, id: u64, now: Timestamp) -> Result<bool, StoreError> {
        let Some(at) = self.dead.iter().position(|letter| letter.id == id) else { return Ok(false) };
        let DeadLetter { channel, payload, .. } = self.dead.remove(at);
        self.add(channel, payload, now);
        Ok(true)
    }

    fn drop_dead_letter(&mut self, id: u64) -> Result<bool, StoreError> {
        let before = self.dead.len();
        self.dead.retain(|letter| letter.id != id);
        Ok(self.dead.len() < before)
    }

    fn forget(&mut self, history: Timestamp, dead_letters: Timestamp) -> Result<(), StoreError> {
        self.history.retain(|event| event.envelope.time >= history);
        self.dead.retain(|letter| letter.at >= dead_letters);
        Ok(())
    }
}
