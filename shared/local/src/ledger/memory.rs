//! A ledger in memory: for tests, simulation and virtual time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use fleetfoot_model::Timestamp;
use fleetfoot_model::counter::Counter;
use fleetfoot_model::ledger::{Change, Ledger, LedgerError, Stored};
use fleetfoot_model::record::{Index, Key, Record};

use super::oldest_window;
use crate::database::to_column;

/// Rows and counters that live as long as this value.
#[derive(Debug, Default)]
pub struct MemoryLedger(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    rows: HashMap<String, Stored<Record>>,
    indexes: BTreeMap<Index, BTreeSet<(i64, String)>>,
    counters: BTreeMap<Counter, u64>,
    /// Rows by when they may be forgotten.
    expiring: BTreeSet<(i64, String)>,
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
        Ok(self.tables().rows.get(&key.to_string()).cloned())
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
        let Some(entries) = tables.indexes.get(&index) else { return Ok(Vec::new()) };
        let rows = |entry: &(i64, String)| tables.rows.get(&entry.1).cloned();
        Ok(match index {
            Index::Ended => entries.iter().rev().take(limit).filter_map(rows).collect(),
            _ => entries.iter().take(limit).filter_map(rows).collect(),
        })
    }

    async fn count(&self, counter: &Counter) -> Result<u64, LedgerError> {
        Ok(self.tables().counters.get(counter).copied().unwrap_or(0))
    }

    async fn forget_expired(&self, now: Timestamp) -> Result<(), LedgerError> {
        let mut tables = self.tables();
        while let Some((_, key)) = tables.expiring.first().filter(|(at, _)| *at <= to_column(now)).cloned() {
            tables.take(&key);
        }
        let oldest = oldest_window(now);
        tables.counters.retain(|counter, _| counter.window().is_none_or(|began| began >= oldest));
        Ok(())
    }
}

impl Tables {
    fn check_versions(&self, changes: &[Change]) -> Result<(), LedgerError> {
        let mut seen = BTreeSet::new();
        for change in changes {
            let Change::Put(row) = change else { continue };
            let key = row.value.key().to_string();
            let version = self.rows.get(&key).map_or(0, |stored| stored.version);
            if version != row.version || !seen.insert(key.clone()) {
                return Err(LedgerError::Conflict(key));
            }
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
        let key = row.value.key().to_string();
        self.take(&key);
        if let Some((index, at)) = row.value.index() {
            self.indexes.entry(index).or_default().insert((to_column(at), key.clone()));
        }
        if let Some(at) = row.value.expires_at() {
            self.expiring.insert((to_column(at), key.clone()));
        }
        self.rows.insert(key, Stored { value: row.value, version: row.version + 1 });
    }

    fn take(&mut self, key: &str) {
        let Some(row) = self.rows.remove(key) else { return };
        if let Some((index, at)) = row.value.index() {
            self.indexes.entry(index).or_default().remove(&(to_column(at), key.to_owned()));
        }
        if let Some(at) = row.value.expires_at() {
            self.expiring.remove(&(to_column(at), key.to_owned()));
        }
    }
}
