//! What a ledger need not be asked again within a minute.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use fleetfoot_model::counter::Counter;
use fleetfoot_model::ids::ImageKey;
use fleetfoot_model::ledger::{Change, Ledger, LedgerError, Stored};
use fleetfoot_model::ports::Clock;
use fleetfoot_model::record::{ImageState, Index, Key, Record};
use fleetfoot_model::{SignedDuration, Timestamp};

/// How long an image that is there is taken to be there.
const REMEMBERED: SignedDuration = SignedDuration::from_secs(60);

/// A ledger that remembers which images are there, for a function that reads images and never writes one: it saves
/// `launch` a read for each job. An image that is built anew stays pullable by its digest, so an old answer is a good one.
pub struct RememberedImages {
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    images: Mutex<BTreeMap<ImageKey, (Timestamp, Stored<Record>)>>,
}

impl RememberedImages {
    /// In front of a ledger.
    pub fn new(ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>) -> Self {
        Self { ledger, clock, images: Mutex::default() }
    }

    fn remembered(&self, key: &ImageKey) -> Option<Stored<Record>> {
        let images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_at, row) = images.get(key)?;
        (self.clock.now() < *read_at + REMEMBERED).then(|| row.clone())
    }

    fn remember(&self, key: &ImageKey, row: &Stored<Record>) {
        let is_there =
            matches!(&row.value, Record::Image(image) if matches!(image.state, ImageState::Ready { .. }));
        if is_there {
            let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
            images.insert(key.clone(), (self.clock.now(), row.clone()));
        }
    }
}

#[async_trait]
impl Ledger for RememberedImages {
    async fn get(&self, key: &Key) -> Result<Option<Stored<Record>>, LedgerError> {
        let Key::Image(image) = key else { return self.ledger.get(key).await };
        if let Some(row) = self.remembered(image) {
            return Ok(Some(row));
        }
        let row = self.ledger.get(key).await?;
        if let Some(row) = &row {
            self.remember(image, row);
        }
        Ok(row)
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), LedgerError> {
        self.ledger.commit(changes).await
    }

    async fn list(&self, index: Index, limit: usize) -> Result<Vec<Stored<Record>>, LedgerError> {
        self.ledger.list(index, limit).await
    }

    async fn count(&self, counter: &Counter) -> Result<u64, LedgerError> {
        self.ledger.count(counter).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use fleetfoot_model::image_key::key_of;
    use fleetfoot_model::record::Image;
    use fleetfoot_model::spec::Arch;
    use fleetfoot_shell::clock::VirtualClock;

    use super::*;

    /// Holds one image's row and counts who asks.
    struct OneImage {
        state: Mutex<ImageState>,
        reads: AtomicU64,
    }

    #[async_trait]
    impl Ledger for OneImage {
        async fn get(&self, _key: &Key) -> Result<Option<Stored<Record>>, LedgerError> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            let image = "ubuntu:24.04".parse().unwrap();
            let key = key_of(&image, Arch::X64);
            let state = self.state.lock().unwrap().clone();
            let changed_at = Timestamp::UNIX_EPOCH;
            let row = Image { key, image, arch: Arch::X64, state, serving: None, builds: 0, changed_at };
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
    async fn only_an_image_that_is_there_is_remembered_and_for_a_minute() {
        let until = Timestamp::from_second(600).unwrap();
        let building = ImageState::Building { build: None, until };
        let store = Arc::new(OneImage { state: Mutex::new(building), reads: AtomicU64::new(0) });
        let clock = VirtualClock::at(Timestamp::UNIX_EPOCH);
        let ledger = RememberedImages::new(store.clone(), Arc::new(clock.clone()));
        let key = Key::Image(key_of(&"ubuntu:24.04".parse().unwrap(), Arch::X64));
        let reads_of_two = async || {
            let before = store.reads.load(Ordering::Relaxed);
            ledger.get(&key).await.unwrap();
            ledger.get(&key).await.unwrap();
            store.reads.load(Ordering::Relaxed) - before
        };
        assert_eq!(reads_of_two().await, 2, "an image that is being built may be there at any moment");
        *store.state.lock().unwrap() =
            ImageState::Ready { uri: "r/i@sha256:0".to_owned(), since: clock.now() };
        assert_eq!(reads_of_two().await, 1);
        assert_eq!(reads_of_two().await, 0);
        clock.advance(REMEMBERED);
        assert_eq!(reads_of_two().await, 1);
    }
}
