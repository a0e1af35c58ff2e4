//! What a ledger need not be asked again within a minute.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use fleetfoot_model::counter::Counter;
use fleetfoot_model::ids::BaseKey;
use fleetfoot_model::ledger::{Change, Ledger, LedgerError, Stored};
use fleetfoot_model::ports::Clock;
use fleetfoot_model::record::{Index, Key, Record};
use fleetfoot_model::{SignedDuration, Timestamp};

/// How long a base that is served is taken to be served so.
const REMEMBERED: SignedDuration = SignedDuration::from_secs(60);

/// A ledger that remembers what serves which base, for a function that reads bases and never writes one: it saves
/// `launch` a read for each job. An image that is made anew stays pullable by its digest, so an old answer is a good one.
pub struct RememberedBases {
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    bases: Mutex<BTreeMap<BaseKey, (Timestamp, Stored<Record>)>>,
}

impl RememberedBases {
    /// In front of a ledger.
    pub fn new(ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>) -> Self {
        Self { ledger, clock, bases: Mutex::default() }
    }

    fn remembered(&self, key: &BaseKey) -> Option<Stored<Record>> {
        let bases = self.bases.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_at, row) = bases.get(key)?;
        (self.clock.now() < *read_at + REMEMBERED).then(|| row.clone())
    }

    fn remember(&self, key: &BaseKey, row: &Stored<Record>) {
        let is_there = matches!(&row.value, Record::Base(base) if base.serving.is_some());
        if is_there {
            let mut bases = self.bases.lock().unwrap_or_else(PoisonError::into_inner);
            bases.insert(key.clone(), (self.clock.now(), row.clone()));
        }
    }
}

#[async_trait]
impl Ledger for RememberedBases {
    async fn get(&self, key: &Key) -> Result<Option<Stored<Record>>, LedgerError> {
        let Key::Base(base) = key else { return self.ledger.get(key).await };
        if let Some(row) = self.remembered(base) {
            return Ok(Some(row));
        }
        let row = self.ledger.get(key).await?;
        if let Some(row) = &row {
            self.remember(base, row);
        }
        Ok(row)
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), LedgerError> {
        self.ledger.commit(changes).await
    }

    async fn list(&self, index: Index, limit: usize) -> Result<Vec<Stored<Record>>, LedgerError> {
        self.ledger.list(index, limit).await
    }

    async fn list_between(
        &self,
        index: Index,
        within: Range<Timestamp>,
        after: Option<&Record>,
        limit: usize,
    ) -> Result<Vec<Stored<Record>>, LedgerError> {
        self.ledger.list_between(index, within, after, limit).await
    }

    async fn count(&self, counter: &Counter) -> Result<u64, LedgerError> {
        self.ledger.count(counter).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use fleetfoot_model::base::{Base, Serving, key_of};
    use fleetfoot_model::ports::TaskImage;
    use fleetfoot_model::spec::Arch;
    use fleetfoot_shell::clock::VirtualClock;

    use super::*;

    /// Holds one base's row and counts who asks.
    struct OneBase {
        serving: Mutex<Option<Serving>>,
        reads: AtomicU64,
    }

    #[async_trait]
    impl Ledger for OneBase {
        async fn get(&self, _key: &Key) -> Result<Option<Stored<Record>>, LedgerError> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            let base = Base::new("ubuntu:24.04".parse().unwrap(), Arch::X64, Timestamp::UNIX_EPOCH);
            let row = Base { serving: self.serving.lock().unwrap().clone(), ..base };
            Ok(Some(Stored { value: row.into(), version: 1 }))
        }

        async fn commit(&self, _changes: Vec<Change>) -> Result<(), LedgerError> {
            unreachable!("nothing is written")
        }

        async fn list(&self, _index: Index, _limit: usize) -> Result<Vec<Stored<Record>>, LedgerError> {
            unreachable!("nothing is listed")
        }

        async fn count(&self, _counter: &Counter) -> Result<u64, LedgerError> {
            unreachable!("nothing is counted")
        }
    }

    #[tokio::test]
    async fn only_a_base_that_is_served_is_remembered_and_for_a_minute() {
        let store = Arc::new(OneBase { serving: Mutex::default(), reads: AtomicU64::new(0) });
        let clock = VirtualClock::at(Timestamp::UNIX_EPOCH);
        let ledger = RememberedBases::new(store.clone(), Arc::new(clock.clone()));
        let key = Key::Base(key_of(&"ubuntu:24.04".parse().unwrap(), Arch::X64));
        let reads_of_two = async || {
            let before = store.reads.load(Ordering::Relaxed);
            ledger.get(&key).await.unwrap();
            ledger.get(&key).await.unwrap();
            store.reads.load(Ordering::Relaxed) - before
        };
        assert_eq!(reads_of_two().await, 2, "an image that is being made may be there at any moment");
        let image = TaskImage { uri: "r/i@sha256:0".to_owned(), injector: None };
        let by = "0".repeat(64).parse().unwrap();
        *store.serving.lock().unwrap() = Some(Serving { by, image, since: clock.now() });
        assert_eq!(reads_of_two().await, 1);
        assert_eq!(reads_of_two().await, 0);
        clock.advance(REMEMBERED);
        assert_eq!(reads_of_two().await, 1);
    }
}
