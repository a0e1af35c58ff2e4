//! What is to happen at a later time, in order.

use std::collections::BTreeMap;

use fleetfoot_model::Timestamp;

/// An entry of an agenda, for taking it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry(Timestamp, u64);

/// What is to happen later. Of two things at the same time the one that was noted first comes first.
#[derive(Debug)]
pub(crate) struct Agenda<E> {
    entries: BTreeMap<Entry, E>,
    sequence: u64,
}

impl<E> Agenda<E> {
    pub(crate) fn new() -> Self {
        Self { entries: BTreeMap::new(), sequence: 0 }
    }

    pub(crate) fn add(&mut self, at: Timestamp, event: E) -> Entry {
        self.sequence += 1;
        let entry = Entry(at, self.sequence);
        self.entries.insert(entry, event);
        entry
    }

    /// Takes an entry back; one that has happened is no error.
    pub(crate) fn cancel(&mut self, entry: Entry) {
        self.entries.remove(&entry);
    }

    /// When something happens next.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.entries.keys().next().map(|entry| entry.0)
    }

    /// The next thing that has come due, and when it did.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<(Timestamp, E)> {
        let first = self.entries.first_entry().filter(|first| first.key().0 <= now)?;
        let (entry, event) = first.remove_entry();
        Some((entry.0, event))
    }
}
