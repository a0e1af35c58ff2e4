//! The `SQLite` file in which one machine keeps rows, counters and events.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fleetfoot_model::Timestamp;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

/// How long a statement waits for another process to finish writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How many prepared statements are kept.
const STATEMENTS: usize = 64;

/// An open file. Clones share one connection, so that ledger and bus of one process never wait for a file lock that
/// the other holds. Calls take microseconds; handing them to another thread would cost more than they do.
#[derive(Debug, Clone)]
pub struct Database(Arc<Mutex<Connection>>);

impl Database {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// What `SQLite` says of it.
    pub fn open(path: &Path) -> Result<Self, rusqlite::Error> {
        Self::with(Connection::open(path)?)
    }

    /// Opens a file that must be there, such as to look at another process's state.
    ///
    /// # Errors
    /// What `SQLite` says of it.
    pub fn open_existing(path: &Path) -> Result<Self, rusqlite::Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self::with(Connection::open_with_flags(path, flags)?)
    }

    fn with(connection: Connection) -> Result<Self, rusqlite::Error> {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // Readers of other processes are not held up by a writer.
        connection.pragma_update(None, "journal_mode", "wal")?;
        // What was committed survives the process. A power failure may undo the last moments, never tear a
        // transaction; `cleanup` repairs from GitHub and the fleet then.
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Makes tables that are not there yet.
    pub(crate) fn create(&self, tables: &str) -> Result<(), rusqlite::Error> {
        self.read(|connection| connection.execute_batch(tables))
    }

    /// Reads outside of a transaction.
    pub(crate) fn read<T, E>(&self, work: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        work(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes all that `work` writes, or nothing if it answers an error.
    pub(crate) fn write<T, E: From<rusqlite::Error>>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Immediate: a transaction that reads first and writes then would be refused, not made to wait.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let answer = work(&transaction)?;
        transaction.commit()?;
        Ok(answer)
    }
}

/// A time as the tables keep it: microseconds since 1970, which every [`Timestamp`] fits into.
pub(crate) fn to_column(time: Timestamp) -> i64 {
    time.as_microsecond()
}

/// The time that a table keeps.
pub(crate) fn from_column(microseconds: i64) -> Timestamp {
    let limit = if microseconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(microseconds).unwrap_or(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_to_be_there_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fleet.db");
        assert!(Database::open_existing(&path).is_err());
        assert!(!path.exists());
        drop(Database::open(&path).unwrap());
        let again = Database::open_existing(&path).unwrap();
        let mode: Result<String, rusqlite::Error> =
            again.read(|connection| connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)));
        assert_eq!(mode.unwrap(), "wal");
    }

    #[test]
    fn every_time_fits_into_a_column() {
        for time in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
            let back = from_column(to_column(time));
            assert_eq!(back.as_microsecond(), time.as_microsecond());
        }
        assert_eq!((from_column(i64::MAX), from_column(i64::MIN)), (Timestamp::MAX, Timestamp::MIN));
    }
}
