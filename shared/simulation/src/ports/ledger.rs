use std::collections::{BTreeSet, VecDeque};
use std::future::Future;
use std::ops::Range;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use fleetfoot_local::ledger::MemoryLedger;
use fleetfoot_model::Timestamp;
use fleetfoot_model::counter::Counter;
use fleetfoot_model::ids::{JobId, Repository};
use fleetfoot_model::job::Job;
use fleetfoot_model::ledger::{self, Change, Ledger, LedgerError, Stored};
use fleetfoot_model::record::{Index, Key, Record};

use super::{Surroundings, lock, mutate};
use crate::watch::Happening;

/// The ledger of a world. It can be away, or lost with everything in it.
pub struct WorldLedger {
    around: Arc<Surroundings>,
    rows: Mutex<Arc<MemoryLedger>>,
    is_away: AtomicBool,
    /// When it is away by itself.
    outages: Vec<(Timestamp, Timestamp)>,
    /// The repositories of all jobs that there ever were.
    repositories: Mutex<BTreeSet<Repository>>,
    /// The indexes, where they lag behind.
    indexes: Option<Indexes>,
}

/// A copy of the rows to which each write comes a while later.
#[derive(Default)]
struct Indexes {
    rows: MemoryLedger,
    coming: Mutex<VecDeque<(Timestamp, Vec<Change>)>>,
}

impl WorldLedger {
    pub(crate) fn new(around: Arc<Surroundings>, outages: Vec<(Timestamp, Timestamp)>) -> Self {
        let lags = around.faults(|faults| !faults.index_lag.is_zero());
        let indexes = lags.then(Indexes::default);
        let (rows, is_away) = (Mutex::default(), AtomicBool::new(false));
        Self { around, rows, is_away, outages, repositories: Mutex::default(), indexes }
    }

    /// Whether there ever was a job of this repository.
    pub(crate) fn knows(&self, repository: &Repository) -> bool {
        lock(&self.repositories).contains(repository)
    }

    fn note_repositories(&self, written: &[Stored<Record>]) {
        for row in written.iter().filter(|row| row.version == 0) {
            if let Record::Job(job) = &row.value {
                lock(&self.repositories).insert(job.description.repository.clone());
            }
        }
    }

    /// It does not answer from now on, or does again.
    pub fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Relaxed);
    }

    /// Every row and counter is gone.
    pub fn lose(&self) {
        *lock(&self.rows) = Arc::default();
        self.around.tell(&Happening::Lost);
    }

    /// The rows themselves, for who looks on: away or not.
    pub fn inside(&self) -> Arc<MemoryLedger> {
        Arc::clone(&lock(&self.rows))
    }

    /// A job's row, for who looks on.
    pub fn job(&self, id: JobId) -> Option<Job> {
        at_once(ledger::job(&*self.inside(), id)).ok().flatten().map(|row| row.value)
    }

    fn rows(&self) -> Result<Arc<MemoryLedger>, LedgerError> {
        let now = self.around.now();
        let is_out = self.outages.iter().any(|(from, until)| *from <= now && now < *until);
        if self.is_away.load(Ordering::Relaxed) || is_out {
            return Err(LedgerError::Unavailable("it is away".to_owned()));
        }
        Ok(self.inside())
    }

    fn refuse_perhaps(&self) -> Result<(), LedgerError> {
        if self.around.happens(|faults| faults.ledger_refused) {
            return Err(LedgerError::Unavailable("500 Internal Server Error".to_owned()));
        }
        Ok(())
    }

    /// Writes whatever the weather, and unseen: for who looks on.
    pub(crate) fn write_calmly(&self, mut changes: Vec<Change>) -> Result<(), LedgerError> {
        let rows = self.inside();
        mutate::write(&self.around, &rows, &mut changes);
        at_once(rows.commit(changes))
    }

    fn write(&self, mut changes: Vec<Change>) -> Result<(), LedgerError> {
        let rows = self.rows()?;
        self.refuse_perhaps()?;
        if self.around.happens(|faults| faults.ledger_conflicted) {
            return Err(LedgerError::Conflict("a row".to_owned()));
        }
        let is_in_part = mutate::write(&self.around, &rows, &mut changes);
        let written: Vec<Stored<Record>> = changes.iter().filter_map(put).cloned().collect();
        at_once(rows.commit(changes))?;
        self.note_repositories(&written);
        self.around.tell(&Happening::Written(&written));
        if let Some(indexes) = &self.indexes {
            let at = self.around.now() + self.around.faults(|faults| faults.index_lag);
            lock(&indexes.coming).push_back((at, written.into_iter().map(Change::Put).collect()));
        }
        if is_in_part {
            return Err(LedgerError::Unavailable("it was away in the middle of it".to_owned()));
        }
        // It was done, and the answer is lost.
        self.refuse_perhaps()
    }

    /// What is read of an index, at once or as late as the indexes are.
    fn look(
        &self,
        read: impl FnOnce(&MemoryLedger) -> Result<Vec<Stored<Record>>, LedgerError>,
    ) -> Result<Vec<Stored<Record>>, LedgerError> {
        let rows = self.rows()?;
        self.refuse_perhaps()?;
        let Some(indexes) = &self.indexes else { return read(&rows) };
        let mut coming = lock(&indexes.coming);
        while let Some((_, changes)) = coming.pop_front_if(|(at, _)| *at <= self.around.now()) {
            at_once(indexes.rows.commit(changes))?;
        }
        read(&indexes.rows)
    }
}

fn put(change: &Change) -> Option<&Stored<Record>> {
    match change {
        Change::Put(row) => Some(row),
        Change::Acquire { .. } | Change::Release(_) => None,
    }
}

/// What a ledger in memory answers: it never waits.
///
/// # Errors
/// As the ledger says.
pub fn at_once<T>(answer: impl Future<Output = Result<T, LedgerError>>) -> Result<T, LedgerError> {
    poll_once(answer).unwrap_or_else(|| Err(LedgerError::Unavailable("a ledger in memory waits".to_owned())))
}

/// What comes without waiting.
pub(crate) fn poll_once<T>(coming: impl Future<Output = T>) -> Option<T> {
    match pin!(coming).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

#[async_trait]
impl Ledger for WorldLedger {
    async fn get(&self, key: &Key) -> Result<Option<Stored<Record>>, LedgerError> {
        let act = || {
            let rows = self.rows()?;
            self.refuse_perhaps()?;
            Ok(at_once(rows.get(key))?.filter(|row| !mutate::is_forgotten(&self.around, row)))
        };
        self.around.call(&self.around.latency.ledger, act).await
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), LedgerError> {
        self.around.call(&self.around.latency.ledger, || self.write(changes)).await
    }

    async fn list(&self, index: Index, limit: usize) -> Result<Vec<Stored<Record>>, LedgerError> {
        let act = || self.look(|rows| at_once(rows.list(index, limit)));
        self.around.call(&self.around.latency.ledger, act).await
    }

    async fn list_between(
        &self,
        index: Index,
        within: Range<Timestamp>,
        after: Option<&Record>,
        limit: usize,
    ) -> Result<Vec<Stored<Record>>, LedgerError> {
        let act = || self.look(|rows| at_once(rows.list_between(index, within, after, limit)));
        self.around.call(&self.around.latency.ledger, act).await
    }

    async fn count(&self, counter: &Counter) -> Result<u64, LedgerError> {
        let act = || {
            let rows = self.rows()?;
            self.refuse_perhaps()?;
            at_once(rows.count(counter))
        };
        self.around.call(&self.around.latency.ledger, act).await
    }

    async fn forget_expired(&self, now: Timestamp) -> Result<(), LedgerError> {
        at_once(self.rows()?.forget_expired(now))
    }
}
