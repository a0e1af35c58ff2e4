//! A ledger in an `SQLite` file.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use async_trait::async_trait;
use fleetfoot_model::Timestamp;
use fleetfoot_model::counter::Counter;
use fleetfoot_model::ledger::{Change, Ledger, LedgerError, Stored};
use fleetfoot_model::record::{Index, Key, Record};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::oldest_window;
use crate::database::{Database, to_column};

/// `window_start` is set on counters that lose their meaning with time.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS records (
        key TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        index_name TEXT,
        sort_time INTEGER,
        expires_at INTEGER,
        body TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS records_by_index ON records (index_name, sort_time, key)
        WHERE index_name IS NOT NULL;
    CREATE INDEX IF NOT EXISTS records_by_expiry ON records (expires_at) WHERE expires_at IS NOT NULL;
    CREATE TABLE IF NOT EXISTS counters (
        key TEXT PRIMARY KEY,
        count INTEGER NOT NULL,
        window_start INTEGER
    ) STRICT, WITHOUT ROWID;";

/// Rows and counters in a file. Other processes may use the same file at the same time.
#[derive(Debug, Clone)]
pub struct SqliteLedger(Database);

/// An error of the ledger, or of the store on the way to it.
struct Failure(LedgerError);

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self(unavailable(&error))
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        Self(error)
    }
}

fn unavailable(error: &rusqlite::Error) -> LedgerError {
    LedgerError::Unavailable(error.to_string())
}

impl SqliteLedger {
    /// Opens the file, or makes it.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        Self::new(Database::open(path).map_err(|error| unavailable(&error))?)
    }

    /// A ledger in an open file, beside whatever else is in it.
    pub fn new(database: Database) -> Result<Self, LedgerError> {
        database.create(TABLES).map_err(|error| unavailable(&error))?;
        Ok(Self(database))
    }
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn get(&self, key: &Key) -> Result<Option<Stored<Record>>, LedgerError> {
        let key = key.to_string();
        let row = self.0.read(|connection| {
            connection
                .prepare_cached("SELECT key, version, body FROM records WHERE key = ?1")?
                .query_row([&key], columns)
                .optional()
        });
        row.map_err(|error| unavailable(&error))?.map(decode).transpose()
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), LedgerError> {
        let written = self.0.write(|connection| {
            check_versions(connection, &changes)?;
            for change in &changes {
                match change {
                    Change::Put(row) => put(connection, row)?,
                    Change::Acquire { counter, limit } => acquire(connection, counter, *limit)?,
                    Change::Release(counter) => release(connection, counter)?,
                }
            }
            Ok(())
        });
        written.map_err(|Failure(error)| error)
    }

    async fn list(&self, index: Index, limit: usize) -> Result<Vec<Stored<Record>>, LedgerError> {
        let statement = match index {
            Index::Ended => {
                "SELECT key, version, body FROM records WHERE index_name = ?1
                 ORDER BY sort_time DESC, key DESC LIMIT ?2"
            }
            _ => {
                "SELECT key, version, body FROM records WHERE index_name = ?1
                 ORDER BY sort_time, key LIMIT ?2"
            }
        };
        let rows: Result<Vec<_>, rusqlite::Error> = self.0.read(|connection| {
            connection
                .prepare_cached(statement)?
                .query_map(params![index.name(), i64::try_from(limit).unwrap_or(i64::MAX)], columns)?
                .collect()
        });
        rows.map_err(|error| unavailable(&error))?.into_iter().map(decode).collect()
    }

    async fn list_between(
        &self,
        index: Index,
        within: Range<Timestamp>,
        after: Option<&Record>,
        limit: usize,
    ) -> Result<Vec<Stored<Record>>, LedgerError> {
        let after = after.and_then(|row| row.index().map(|(_, at)| (to_column(at), row.key().to_string())));
        let (after_time, after_key) = after.unwrap_or((i64::MIN, String::new()));
        let rows: Result<Vec<_>, rusqlite::Error> = self.0.read(|connection| {
            let statement = "SELECT key, version, body FROM records WHERE index_name = ?1
                 AND sort_time >= ?2 AND sort_time < ?3 AND (sort_time, key) > (?4, ?5)
                 ORDER BY sort_time, key LIMIT ?6";
            let (from, until) = (to_column(within.start), to_column(within.end));
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let values = params![index.name(), from, until, after_time, after_key, limit];
            connection.prepare_cached(statement)?.query_map(values, columns)?.collect()
        });
        rows.map_err(|error| unavailable(&error))?.into_iter().map(decode).collect()
    }

    async fn count(&self, counter: &Counter) -> Result<u64, LedgerError> {
        self.0.read(|connection| counted(connection, counter)).map_err(|error| unavailable(&error))
    }

    async fn forget_expired(&self, now: Timestamp) -> Result<(), LedgerError> {
        let forgotten = self.0.write(|connection| -> Result<(), rusqlite::Error> {
            connection
                .prepare_cached("DELETE FROM records WHERE expires_at <= ?1")?
                .execute([to_column(now)])?;
            connection
                .prepare_cached("DELETE FROM counters WHERE window_start < ?1")?
                .execute([oldest_window(now)])?;
            Ok(())
        });
        forgotten.map_err(|error| unavailable(&error))
    }
}

fn columns(row: &Row<'_>) -> rusqlite::Result<(String, u64, String)> {
    Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned(), row.get(2)?))
}

fn decode((key, version, body): (String, u64, String)) -> Result<Stored<Record>, LedgerError> {
    match serde_json::from_str(&body) {
        Ok(value) => Ok(Stored { value, version }),
        Err(error) => Err(LedgerError::Malformed { key, message: error.to_string() }),
    }
}

/// All rows are looked at before any counter, so that a conflict is told before a full counter.
fn check_versions(connection: &Connection, changes: &[Change]) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    for change in changes {
        let Change::Put(row) = change else { continue };
        let key = row.value.key().to_string();
        let version: Option<i64> = connection
            .prepare_cached("SELECT version FROM records WHERE key = ?1")?
            .query_row([&key], |row| row.get(0))
            .optional()?;
        if version.unwrap_or(0).cast_unsigned() != row.version || !seen.insert(key.clone()) {
            return Err(LedgerError::Conflict(key).into());
        }
    }
    Ok(())
}

fn put(connection: &Connection, row: &Stored<Record>) -> Result<(), Failure> {
    let key = row.value.key().to_string();
    let body = serde_json::to_string(&row.value)
        .map_err(|error| LedgerError::Malformed { key: key.clone(), message: error.to_string() })?;
    let index = row.value.index();
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO records (key, version, index_name, sort_time, expires_at, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            key,
            (row.version + 1).cast_signed(),
            index.map(|(index, _)| index.name()),
            index.map(|(_, at)| to_column(at)),
            row.value.expires_at().map(to_column),
            body,
        ])?;
    Ok(())
}

fn counted(connection: &Connection, counter: &Counter) -> rusqlite::Result<u64> {
    let count: Option<i64> = connection
        .prepare_cached("SELECT count FROM counters WHERE key = ?1")?
        .query_row([counter.key()], |row| row.get(0))
        .optional()?;
    Ok(count.unwrap_or(0).cast_unsigned())
}

fn acquire(connection: &Connection, counter: &Counter, limit: u64) -> Result<(), Failure> {
    if counted(connection, counter)? >= limit {
        return Err(LedgerError::Full { counter: counter.clone(), limit }.into());
    }
    connection
        .prepare_cached(
            "INSERT INTO counters (key, count, window_start) VALUES (?1, 1, ?2)
             ON CONFLICT (key) DO UPDATE SET count = count + 1",
        )?
        .execute(params![counter.key(), counter.window()])?;
    Ok(())
}

fn release(connection: &Connection, counter: &Counter) -> Result<(), Failure> {
    connection
        .prepare_cached("UPDATE counters SET count = count - 1 WHERE key = ?1")?
        .execute([counter.key()])?;
    connection
        .prepare_cached("DELETE FROM counters WHERE key = ?1 AND count <= 0")?
        .execute([counter.key()])?;
    Ok(())
}
