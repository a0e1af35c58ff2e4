//! A ledger in memory: for tests, simulation and virtual time.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Included};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use fleetfoot_model::Timestamp;
use fleetfoot_model::counter::Counter;
use fleetfoot_model::ledger::{Change, Ledger, LedgerError, Stored};
use fleetfoot_model::record::{Index, Key, Record};
use rustc_hash::FxHashMap;

use super::oldest_window;
use crate::database::to_column;

/// Rows and counters that live as long as this value.
#[derive(Debug, Default)]
pub struct MemoryLedger(Mutex<Tables>);

/// A time and the key of a row, in words.
type Place = (i64, Arc<str>);

#[derive(Debug)]
struct Row {
    key: Arc<str>,
    stored: Stored<Record>,
}

#[derive(Debug, Default)]
struct Tables {
    rows: FxHashMap<Key, Row>,
    /// Each row in its index once more: those that are listed are many, and need not be looked for one by one.
    indexes: BTreeMap<Index, BTreeMap<Place, Stored<Record>>>,
    counters: BTreeMap<Counter, u64>,
    /// Rows by when they may be forgotten.
    expiring: BTreeMap<Place, Key>,
}

impl MemoryLedger {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn get(&self, key: &Key) -> Result<Option<Stored<Record>>, LedgerError> {
        Ok(self.tables().rows.get(key).map(|row| row.stored.clone()))
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), LedgerError> {
        let mut tables = self.tables();
        tables.check_versions(&changes)?;
        let counters = tables.counted(&changes)?;
        tables.counters.extend(counters);
        tables.counters.retain(|_, count| *count > 0);
        for change in changes {
            if let Change::Put(row) = change {
                tables.put(row);
            }
        }
        Ok(())
    }

    async fn list(&self, index: Index, limit: usize) -> Result<Vec<Stored<Record>>, LedgerError> {
        let tables = self.tables();
        let Some(rows) = tables.indexes.get(&index).map(BTreeMap::values) else { return Ok(Vec::new()) };
        Ok(match index {
            Index::Ended => rows.rev().take(limit).cloned().collect(),
            _ => rows.take(limit).cloned().collect(),
        })
    }

    async fn list_between(
        &self,
        index: Index,
        within: Range<Timestamp>,
        after: Option<&Record>,
        limit: usize,
    ) -> Result<Vec<Stored<Record>>, LedgerError> {
        let tables = self.tables();
        let (from, until): (Place, Place) =
            ((to_column(within.start), "".into()), (to_column(within.end), "".into()));
        let after = after.and_then(place);
        let from = after.filter(|after| *after > from).map_or(Included(from), Excluded);
        let is_empty = matches!(&from, Included(from) | Excluded(from) if *from >= until);
        let Some(rows) = tables.indexes.get(&index).filter(|_| !is_empty) else { return Ok(Vec::new()) };
        let rows = rows.range((from, Excluded(until))).take(limit);
        Ok(rows.map(|(_, row)| Stored::clone(row)).collect())
    }

    async fn count(&self, counter: &Counter) -> Result<u64, LedgerError> {
        Ok(self.tables().counters.get(counter).copied().unwrap_or(0))
    }

    async fn forget_expired(&self, now: Timestamp) -> Result<(), LedgerError> {
        let mut tables = self.tables();
        while let Some(first) = tables.expiring.first_entry().filter(|first| first.key().0 <= to_column(now))
        {
            let key = first.get().clone();
            tables.take(&key);
        }
        let oldest = oldest_window(now);
        tables.counters.retain(|counter, _| counter.window().is_none_or(|began| began >= oldest));
        Ok(())
    }
}

/// Where a row is in its index.
fn place(row: &Record) -> Option<Place> {
    row.index().map(|(_, at)| (to_column(at), row.key().to_string().into()))
}

impl Tables {
    fn check_versions(&self, changes: &[Change]) -> Result<(), LedgerError> {
        let mut seen = BTreeSet::new();
        for change in changes {
            let Change::Put(row) = change else { continue };
            let key = row.value.key();
            let version = self.rows.get(&key).map_or(0, |row| row.stored.version);
            if version != row.version || seen.contains(&key) {
                return Err(LedgerError::Conflict(key.to_string()));
            }
            seen.insert(key);
        }
        Ok(())
    }

    /// What the counters would be.
    fn counted(&self, changes: &[Change]) -> Result<BTreeMap<Counter, u64>, LedgerError> {
        let mut counters = BTreeMap::new();
        for change in changes {
            let (Change::Acquire { counter, .. } | Change::Release(counter)) = change else { continue };
            let before = self.counters.get(counter).copied().unwrap_or(0);
            let count = counters.entry(counter.clone()).or_insert(before);
            match change {
                Change::Acquire { counter, limit } if *count >= *limit => {
                    return Err(LedgerError::Full { counter: counter.clone(), limit: *limit });
                }
                Change::Acquire { .. } => *count += 1,
                _ => *count = count.saturating_sub(1),
            }
        }
        Ok(counters)
    }

    fn put(&mut self, row: Stored<Record>) {
        let key = row.value.key();
        let words = self.take(&key).unwrap_or_else(|| key.to_string().into());
        let stored = Stored { value: row.value, version: row.version + 1 };
        if let Some((index, at)) = stored.value.index() {
            self.indexes.entry(index).or_default().insert((to_column(at), words.clone()), stored.clone());
        }
        if let Some(at) = stored.value.expires_at() {
            self.expiring.insert((to_column(at), words.clone()), key.clone());
        }
        self.rows.insert(key, Row { key: words, stored });
    }

    /// Takes a row out. Answers its key in words.
    fn take(&mut self, key: &Key) -> Option<Arc<str>> {
        let Row { key, stored } = self.rows.remove(key)?;
        if let Some((index, at)) = stored.value.index() {
            self.indexes.entry(index).or_default().remove(&(to_column(at), key.clone()));
        }
        if let Some(at) = stored.value.expires_at() {
            self.expiring.remove(&(to_column(at), key.clone()));
        }
        Some(key)
    }
}
