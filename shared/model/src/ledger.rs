//! The ledger port: every job, runner and image has a row, written with conditions.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;

use crate::Timestamp;
use crate::base::Base;
use crate::counter::Counter;
use crate::ids::{BaseKey, ImageKey, JobId, NoticeKey, PoolName, RunId, RunnerName};
use crate::job::Job;
use crate::notice::{AlarmStory, NoticeWindow, PendingNotice};
use crate::pause::Pause;
use crate::record::{CleanupMemory, Image, ImagesMemory, Index, Key, Pool, Record, WorkflowRun};
use crate::runner::Runner;

/// A value and the version of its row. Version 0 means that there is no row yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<T> {
    /// The value.
    pub value: T,
    /// Grows by one with each write.
    pub version: u64,
}

impl<T> Stored<T> {
    /// A value that has no row yet.
    pub fn new(value: T) -> Self {
        Self { value, version: 0 }
    }

    /// The same, to be held by many.
    pub fn shared(self) -> Stored<Arc<T>> {
        Stored { value: Arc::new(self.value), version: self.version }
    }
}

impl<T: Clone> Stored<Arc<T>> {
    /// The same, to be changed.
    pub fn owned(self) -> Stored<T> {
        Stored { value: Arc::unwrap_or_clone(self.value), version: self.version }
    }
}

/// One part of a transaction.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a transaction has two or three parts and lives for one call")]
pub enum Change {
    /// Writes a row, if it still has this version (0: if there is none).
    Put(Stored<Record>),
    /// Counts one more, if that stays within the limit.
    Acquire {
        /// Which counter.
        counter: Counter,
        /// The most it may count.
        limit: u64,
    },
    /// Counts one less. A counter never falls below zero.
    Release(Counter),
}

/// Why the ledger refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// A row changed since it was read. Load again and decide again.
    #[error("{0} changed in the meantime")]
    Conflict(String),
    /// A counter is at its limit. Nothing was written.
    #[error("{counter} are at their limit of {limit}")]
    Full {
        /// Which counter.
        counter: Counter,
        /// Its limit.
        limit: u64,
    },
    /// The store did not answer, or answered with an error of its own. Trying again may help.
    #[error("ledger unavailable: {0}")]
    Unavailable(String),
    /// A row cannot be read. Trying again does not help.
    #[error("row {key} is malformed: {message}")]
    Malformed {
        /// Which row.
        key: String,
        /// What is wrong.
        message: String,
    },
}

/// The store of rows and counters. One contract suite (`tests/contract`) holds every adapter to what is said here.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Reads a row, with everything written before this call.
    async fn get(&self, key: &Key) -> Result<Option<Stored<Record>>, LedgerError>;

    /// Writes all changes, or none. If a counter is full and a row changed, the row's conflict is reported. At most 100
    /// changes: more do not fit a transaction of DynamoDB.
    ///
    /// # Errors
    /// [`LedgerError::Conflict`], [`LedgerError::Full`] or [`LedgerError::Unavailable`]; after the last it is unknown
    /// whether anything was written.
    async fn commit(&self, changes: Vec<Change>) -> Result<(), LedgerError>;

    /// The rows of an index, oldest first by their sort time, at most `limit`. [`Index::Ended`] is newest first.
    /// May lag behind: confirm with a conditional write before acting.
    async fn list(&self, index: Index, limit: usize) -> Result<Vec<Stored<Record>>, LedgerError>;

    /// The rows of an index whose sort times lie within a span, its end excluded, oldest first whatever the index, at most
    /// `limit`: the first ones after the row `after`, which is the last of the page before. May lag behind as
    /// [`Ledger::list`].
    async fn list_between(
        &self,
        index: Index,
        within: Range<Timestamp>,
        after: Option<&Record>,
        limit: usize,
    ) -> Result<Vec<Stored<Record>>, LedgerError> {
        // An adapter that has no better way reads all.
        let place = |row: &Record| row.index().map(|(_, at)| (at, row.key().to_string()));
        let after = after.and_then(place);
        let mut rows = self.list(index, usize::MAX).await?;
        rows.retain(|row| {
            let place = place(&row.value);
            place.as_ref().is_some_and(|(at, _)| within.contains(at)) && place > after
        });
        rows.sort_by_cached_key(|row| place(&row.value));
        rows.truncate(limit);
        Ok(rows)
    }

    /// What a counter counts.
    async fn count(&self, counter: &Counter) -> Result<u64, LedgerError>;

    /// Forgets ended rows whose time is over. A table with a time-to-live does so by itself.
    async fn forget_expired(&self, _now: Timestamp) -> Result<(), LedgerError> {
        Ok(())
    }
}

macro_rules! typed_read {
    ($(#[$doc:meta])* $read:ident($argument:ident: $type:ty) -> $row:ident as $variant:ident via $key:expr $(, $owned:path)?) => {
        $(#[$doc])*
        pub async fn $read(ledger: &dyn Ledger, $argument: $type) -> Result<Option<Stored<$row>>, LedgerError> {
            let key = $key;
            match ledger.get(&key).await? {
                None => Ok(None),
                Some(Stored { value: Record::$variant(value), version }) => {
                    Ok(Some($($owned)?(Stored { value, version })))
                }
                Some(_) => Err(malformed(&key)),
            }
        }
    };
}

typed_read!(
    /// A job's row.
    job(id: JobId) -> Job as Job via Key::Job(id), Stored::owned
);
typed_read!(
    /// A runner's row.
    runner(name: &RunnerName) -> Runner as Runner via Key::Runner(name.clone()), Stored::owned
);
typed_read!(
    /// A base's row.
    base(key: &BaseKey) -> Base as Base via Key::Base(key.clone())
);
typed_read!(
    /// An image's row.
    image(key: &ImageKey) -> Image as Image via Key::Image(key.clone())
);

typed_read!(
    /// A workflow run's row.
    run(id: RunId) -> WorkflowRun as Run via Key::Run(id)
);
typed_read!(
    /// A pool's row.
    pool(name: &PoolName) -> Pool as Pool via Key::Pool(name.clone())
);
typed_read!(
    /// The row of an alarm that people were told of.
    alarm(key: &NoticeKey) -> AlarmStory as Alarm via Key::Alarm(key.clone())
);
typed_read!(
    /// The row of notices of one kind.
    notice_window(key: &NoticeKey) -> NoticeWindow as NoticeWindow via Key::NoticeWindow(key.clone())
);
typed_read!(
    /// A notice's row.
    notice(key: &NoticeKey) -> PendingNotice as Notice via Key::Notice(key.clone())
);

/// The most rows without a partner that one event looks through; the oldest come first.
const MOST_UNMATCHED: usize = 1000;
/// The most that a new job looks through, to see whether it is alone: when more than these wait, it has to wait too.
pub const FIRST_UNMATCHED: usize = 20;

/// What looks for a partner: queued jobs without a runner, runners without a job.
pub async fn unmatched(ledger: &dyn Ledger) -> Result<Vec<Stored<Record>>, LedgerError> {
    ledger.list(Index::Unmatched, MOST_UNMATCHED).await
}

/// The first of those.
pub async fn first_unmatched(ledger: &dyn Ledger) -> Result<Vec<Stored<Record>>, LedgerError> {
    ledger.list(Index::Unmatched, FIRST_UNMATCHED).await
}

/// What `cleanup` remembers; an empty memory if it never ran.
pub async fn cleanup_memory(ledger: &dyn Ledger) -> Result<Stored<CleanupMemory>, LedgerError> {
    match ledger.get(&Key::Cleanup).await? {
        Some(Stored { value: Record::Cleanup(value), version }) => Ok(Stored { value, version }),
        Some(_) => Err(malformed(&Key::Cleanup)),
        None => Ok(Stored::new(CleanupMemory::default())),
    }
}

/// What `image-build` remembers; an empty memory if it never looked after anything.
pub async fn images_memory(ledger: &dyn Ledger) -> Result<Stored<ImagesMemory>, LedgerError> {
    match ledger.get(&Key::Images).await? {
        Some(Stored { value: Record::Images(value), version }) => Ok(Stored { value, version }),
        Some(_) => Err(malformed(&Key::Images)),
        None => Ok(Stored::new(ImagesMemory::default())),
    }
}

/// The pause of launches; one that is over if there never was any.
pub async fn pause(ledger: &dyn Ledger) -> Result<Stored<Pause>, LedgerError> {
    match ledger.get(&Key::Pause).await? {
        Some(Stored { value: Record::Pause(value), version }) => Ok(Stored { value, version }),
        Some(_) => Err(malformed(&Key::Pause)),
        None => Ok(Stored::new(Pause::default())),
    }
}

fn malformed(key: &Key) -> LedgerError {
    LedgerError::Malformed { key: key.to_string(), message: "another kind of row".to_owned() }
}

/// Writes one row.
pub async fn put<T: Into<Record>>(ledger: &dyn Ledger, row: Stored<T>) -> Result<(), LedgerError> {
    ledger.commit(vec![change(row)]).await
}

/// The change that writes a row.
pub fn change<T: Into<Record>>(row: Stored<T>) -> Change {
    Change::Put(Stored { value: row.value.into(), version: row.version })
}

/// Writes of a busy row are tried this often before the conflict is reported.
const UPDATE_TRIES: u32 = 8;

/// Changes a runner's row as it is now. `change` answers what else is to be written with it, or `None` to leave the row
/// as it is; it may be called again on a newer row. Answers the row as it was written, if there is one.
pub async fn update_runner(
    ledger: &dyn Ledger,
    name: &RunnerName,
    change_it: impl FnMut(&mut Runner) -> Option<Vec<Change>> + Send,
) -> Result<Option<Runner>, LedgerError> {
    update_known_runner(ledger, name, None, change_it).await
}

/// The same for a row that the caller has just written or read: it is read again only if it has changed since.
pub async fn update_known_runner(
    ledger: &dyn Ledger,
    name: &RunnerName,
    mut known: Option<Stored<Runner>>,
    mut change_it: impl FnMut(&mut Runner) -> Option<Vec<Change>> + Send,
) -> Result<Option<Runner>, LedgerError> {
    let mut tries = 0;
    loop {
        let row = match known.take() {
            Some(row) => Some(row),
            None => runner(ledger, name).await?,
        };
        let Some(mut row) = row else { return Ok(None) };
        let Some(mut changes) = change_it(&mut row.value) else { return Ok(Some(row.value)) };
        let written = row.value.clone();
        changes.insert(0, change(row));
        match ledger.commit(changes).await {
            Ok(()) => return Ok(Some(written)),
            Err(LedgerError::Conflict(_)) if tries < UPDATE_TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}
