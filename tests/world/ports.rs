//! The ports of a world that no stand-in is behind. Ledger and secrets can be away for a while.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use fleetfoot_local::ledger::MemoryLedger;
use fleetfoot_model::Timestamp;
use fleetfoot_model::counter::Counter;
use fleetfoot_model::ledger::{Change, Ledger, LedgerError, Stored};
use fleetfoot_model::ports::{SecretError, Secrets, Slack, Unavailable};
use fleetfoot_model::record::{Index, Key, Record};
use fleetfoot_model::secret::{Secret, SecretReference};

/// What the webhooks of these worlds are signed with.
pub const WEBHOOK_SECRET: &str = "a secret of the stories";

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A ledger that can be away, or lost with everything in it. It remembers whatever was written.
#[derive(Default)]
pub struct WorldLedger {
    rows: Mutex<Arc<MemoryLedger>>,
    written: Mutex<Vec<Record>>,
    is_away: AtomicBool,
}

impl WorldLedger {
    /// It does not answer from now on, or does again.
    pub fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Relaxed);
    }

    /// Every row and counter is gone.
    pub fn lose(&self) {
        *lock(&self.rows) = Arc::default();
    }

    /// Every row as it was ever written.
    pub fn written(&self) -> Vec<Record> {
        lock(&self.written).clone()
    }

    /// The rows themselves, for who looks on: away or not.
    pub fn inside(&self) -> Arc<MemoryLedger> {
        Arc::clone(&lock(&self.rows))
    }

    fn rows(&self) -> Result<Arc<MemoryLedger>, LedgerError> {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(LedgerError::Unavailable("it is away".to_owned()));
        }
        Ok(self.inside())
    }
}

#[async_trait]
impl Ledger for WorldLedger {
    async fn get(&self, key: &Key) -> Result<Option<Stored<Record>>, LedgerError> {
        self.rows()?.get(key).await
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), LedgerError> {
        let rows = changes.iter().filter_map(|change| match change {
            Change::Put(row) => Some(row.value.clone()),
            Change::Acquire { .. } | Change::Release(_) => None,
        });
        lock(&self.written).extend(rows);
        self.rows()?.commit(changes).await
    }

    async fn list(&self, index: Index, limit: usize) -> Result<Vec<Stored<Record>>, LedgerError> {
        self.rows()?.list(index, limit).await
    }

    async fn count(&self, counter: &Counter) -> Result<u64, LedgerError> {
        self.rows()?.count(counter).await
    }

    async fn forget_expired(&self, now: Timestamp) -> Result<(), LedgerError> {
        self.rows()?.forget_expired(now).await
    }
}

/// Every secret is the webhook's. They can be away.
#[derive(Default)]
pub struct WorldSecrets(AtomicBool);

impl WorldSecrets {
    /// They cannot be read from now on, or can again.
    pub fn set_away(&self, is_away: bool) {
        self.0.store(is_away, Ordering::Relaxed);
    }
}

#[async_trait]
impl Secrets for WorldSecrets {
    async fn read(&self, reference: &SecretReference) -> Result<Secret, SecretError> {
        if self.0.load(Ordering::Relaxed) {
            let reason = "the store is away".to_owned();
            return Err(SecretError { reference: reference.to_string(), reason });
        }
        Ok(Secret::new(WEBHOOK_SECRET))
    }
}

/// A Slack channel that remembers what was said in it.
#[derive(Default)]
pub struct SlackChannel(Mutex<Vec<String>>);

impl SlackChannel {
    /// Every message, as JSON.
    pub fn messages(&self) -> Vec<String> {
        lock(&self.0).clone()
    }
}

#[async_trait]
impl Slack for SlackChannel {
    async fn post(&self, message: &serde_json::Value) -> Result<(), Unavailable> {
        lock(&self.0).push(message.to_string());
        Ok(())
    }
}
