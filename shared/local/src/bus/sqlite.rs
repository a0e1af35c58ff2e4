//! A store in an `SQLite` file: what was accepted survives the process, and other processes may publish into it.

use std::sync::Arc;

use fleetfoot_model::Timestamp;
use fleetfoot_model::envelope::Envelope;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::channel::Channel;
use super::delivery::{DeadLetter, Item, Payload, Published};
use super::store::{Burial, Commit, Store, StoreError};
use crate::database::{Database, from_column, to_column};
use crate::template::BusName;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS events (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        bus TEXT NOT NULL,
        cause TEXT,
        published_at INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS events_by_cause ON events (cause);
    CREATE INDEX IF NOT EXISTS events_by_time ON events (published_at);
    CREATE TABLE IF NOT EXISTS items (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        channel TEXT NOT NULL,
        is_event INTEGER NOT NULL,
        body TEXT NOT NULL,
        visible_at INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        is_leased INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX IF NOT EXISTS items_by_time ON items (channel, visible_at, id);
    CREATE TABLE IF NOT EXISTS dead_letters (
        id INTEGER PRIMARY KEY,
        queue TEXT,
        channel TEXT NOT NULL,
        is_event INTEGER NOT NULL,
        body TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        reason TEXT NOT NULL,
        died_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS schedules (
        name TEXT PRIMARY KEY,
        fired_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;";

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

/// Tables in an open file.
pub(super) struct SqliteStore(Database);

impl SqliteStore {
    pub(super) fn new(database: Database) -> Result<Self, StoreError> {
        database.create(TABLES)?;
        Ok(Self(database))
    }
}

impl Store for SqliteStore {
    fn is_shared(&self) -> bool {
        true
    }

    fn commit(&mut self, commit: Commit) -> Result<(), StoreError> {
        self.0.write(|connection| {
            for (bus, envelope) in &commit.events {
                record(connection, *bus, envelope)?;
            }
            let mut remove = connection.prepare_cached("DELETE FROM items WHERE id = ?1 AND attempts = ?2")?;
            for key in &commit.remove {
                remove.execute(params![key.id.cast_signed(), key.attempt])?;
            }
            let mut postpone = connection.prepare_cached(
                "UPDATE items SET is_leased = 0, visible_at = ifnull(?3, visible_at) WHERE id = ?1 AND attempts = ?2",
            )?;
            for (key, to) in &commit.postpone {
                postpone.execute(params![key.id.cast_signed(), key.attempt, to.map(to_column)])?;
            }
            for burial in &commit.bury {
                bury(connection, burial)?;
            }
            let mut add = connection.prepare_cached(
                "INSERT INTO items (channel, is_event, body, visible_at) VALUES (?1, ?2, ?3, ?4)",
            )?;
            for (channel, payload, at) in &commit.add {
                let (is_event, body) = encode(payload)?;
                add.execute(params![channel.to_string(), is_event, body, to_column(*at)])?;
            }
            for (schedule, at) in &commit.fired {
                connection
                    .prepare_cached("INSERT OR REPLACE INTO schedules (name, fired_at) VALUES (?1, ?2)")?
                    .execute(params![schedule, to_column(*at)])?;
            }
            Ok(())
        })
    }

    fn head(&mut self, channel: &Channel) -> Result<Option<(Timestamp, u64)>, StoreError> {
        self.0.read(|connection| {
            let head = connection
                .prepare_cached(
                    "SELECT visible_at, id FROM items WHERE channel = ?1 ORDER BY visible_at, id LIMIT 1",
                )?
                .query_row([channel.to_string()], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))
                .optional()?;
            Ok(head.map(|(at, id)| (from_column(at), id.cast_unsigned())))
        })
    }

    fn lease(
        &mut self,
        channel: &Channel,
        now: Timestamp,
        until: Timestamp,
        most: usize,
    ) -> Result<Vec<Item>, StoreError> {
        self.0.write(|connection| {
            let mut statement = connection.prepare_cached(
                "UPDATE items SET visible_at = ?3, attempts = attempts + 1, is_leased = 1
                 WHERE id IN (SELECT id FROM items WHERE channel = ?1 AND visible_at <= ?2
                              ORDER BY visible_at, id LIMIT ?4)
                 RETURNING id, attempts, is_event, body",
            )?;
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let mut rows =
                statement.query(params![channel.to_string(), to_column(now), to_column(until), most])?;
            let mut items = Vec::new();
            while let Some(row) = rows.next()? {
                let id = row.get::<_, i64>(0)?.cast_unsigned();
                items.push(Item {
                    id,
                    attempt: row.get(1)?,
                    payload: decode(row.get(2)?, &row.get::<_, String>(3)?),
                });
            }
            // RETURNING has no order (SQLite documentation, "RETURNING", 3).
            items.sort_by_key(|item| item.id);
            Ok(items)
        })
    }

    fn release(&mut self, now: Timestamp) -> Result<usize, StoreError> {
        self.0.write(|connection| {
            let released = connection.execute(
                "UPDATE items SET visible_at = ?1, attempts = attempts - 1, is_leased = 0 WHERE is_leased = 1",
                [to_column(now)],
            )?;
            Ok(released)
        })
    }

    fn channels(&mut self) -> Result<Vec<Channel>, StoreError> {
        self.0.read(|connection| {
            let mut statement = connection.prepare("SELECT DISTINCT channel FROM items ORDER BY channel")?;
            let names = statement.query_map([], |row| row.get::<_, String>(0))?;
            names.map(|name| name?.parse().map_err(StoreError)).collect()
        })
    }

    fn pending(&mut self) -> Result<usize, StoreError> {
        self.0.read(|connection| {
            let count: i64 = connection.query_row("SELECT count(*) FROM items", [], |row| row.get(0))?;
            Ok(usize::try_from(count).unwrap_or(0))
        })
    }

    fn fired(&mut self, schedule: &str) -> Result<Option<Timestamp>, StoreError> {
        self.0.read(|connection| {
            let at: Option<i64> = connection
                .prepare_cached("SELECT fired_at FROM schedules WHERE name = ?1")?
                .query_row([schedule], |row| row.get(0))
                .optional()?;
            Ok(at.map(from_column))
        })
    }

    fn history(&mut self, after: u64, limit: usize) -> Result<Vec<Published>, StoreError> {
        self.0.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT sequence, bus, body FROM events WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut rows = statement.query(params![after.cast_signed(), limit])?;
            let mut events = Vec::new();
            while let Some(row) = rows.next()? {
                events.push(published(row)?);
            }
            Ok(events)
        })
    }

    fn caused_by(&mut self, id: &str) -> Result<Vec<Published>, StoreError> {
        self.0.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT sequence, bus, body FROM events WHERE cause = ?1 ORDER BY sequence",
            )?;
            let mut rows = statement.query([id])?;
            let mut events = Vec::new();
            while let Some(row) = rows.next()? {
                events.push(published(row)?);
            }
            Ok(events)
        })
    }

    fn dead_letters(&mut self, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        self.0.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, queue, channel, is_event, body, attempts, reason, died_at FROM dead_letters
                 ORDER BY died_at, id LIMIT ?1",
            )?;
            let mut rows = statement.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
            let mut letters = Vec::new();
            while let Some(row) = rows.next()? {
                letters.push(DeadLetter {
                    id: row.get::<_, i64>(0)?.cast_unsigned(),
                    queue: row.get(1)?,
                    channel: row.get::<_, String>(2)?.parse().map_err(StoreError)?,
                    payload: decode(row.get(3)?, &row.get::<_, String>(4)?),
                    attempts: row.get(5)?,
                    reason: row.get(6)?,
                    at: from_column(row.get(7)?),
                });
            }
            Ok(letters)
        })
    }

    fn revive(&mut self, id: u64, now: Timestamp) -> Result<bool, StoreError> {
        self.0.write(|connection| {
            let revived = connection
                .prepare_cached(
                    "INSERT INTO items (channel, is_event, body, visible_at)
                     SELECT channel, is_event, body, ?2 FROM dead_letters WHERE id = ?1",
                )?
                .execute(params![id.cast_signed(), to_column(now)])?;
            connection.execute("DELETE FROM dead_letters WHERE id = ?1", [id.cast_signed()])?;
            Ok(revived > 0)
        })
    }

    fn drop_dead_letter(&mut self, id: u64) -> Result<bool, StoreError> {
        self.0.write(|connection| {
            Ok(connection.execute("DELETE FROM dead_letters WHERE id = ?1", [id.cast_signed()])? > 0)
        })
    }

    fn forget(&mut self, history: Timestamp, dead_letters: Timestamp) -> Result<(), StoreError> {
        self.0.write(|connection| {
            connection.execute("DELETE FROM events WHERE published_at < ?1", [to_column(history)])?;
            connection.execute("DELETE FROM dead_letters WHERE died_at < ?1", [to_column(dead_letters)])?;
            Ok(())
        })
    }
}

fn record(connection: &Connection, bus: BusName, envelope: &Envelope) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO events (bus, cause, published_at, body) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            bus.name(),
            envelope.meta().map(|meta| meta.causation_id),
            to_column(envelope.time),
            serde_json::to_string(envelope)?,
        ])?;
    Ok(())
}

fn bury(connection: &Connection, burial: &Burial) -> Result<(), StoreError> {
    let item = params![
        burial.item.id.cast_signed(),
        burial.item.attempt,
        burial.queue,
        burial.reason,
        to_column(burial.at)
    ];
    connection
        .prepare_cached(
            "INSERT INTO dead_letters (id, queue, channel, is_event, body, attempts, reason, died_at)
             SELECT id, ?3, channel, is_event, body, attempts, ?4, ?5 FROM items WHERE id = ?1 AND attempts = ?2",
        )?
        .execute(item)?;
    connection
        .prepare_cached("DELETE FROM items WHERE id = ?1 AND attempts = ?2")?
        .execute(params![burial.item.id.cast_signed(), burial.item.attempt])?;
    Ok(())
}

fn published(row: &Row<'_>) -> Result<Published, StoreError> {
    let bus = match row.get::<_, String>(1)?.as_str() {
        "fleet" => BusName::Fleet,
        _ => BusName::Default,
    };
    let envelope: Envelope = serde_json::from_str(&row.get::<_, String>(2)?)?;
    Ok(Published { sequence: row.get::<_, i64>(0)?.cast_unsigned(), bus, envelope: Arc::new(envelope) })
}

fn encode(payload: &Payload) -> Result<(bool, String), StoreError> {
    Ok(match payload {
        Payload::Event(envelope) => (true, serde_json::to_string(&**envelope)?),
        Payload::Message(message) => (false, message.to_string()),
    })
}

/// What cannot be read as an event is handed on as it is: no function takes it, and so it becomes a dead letter.
fn decode(is_event: bool, body: &str) -> Payload {
    match serde_json::from_str(body) {
        Ok(envelope) if is_event => Payload::Event(Arc::new(envelope)),
        _ => Payload::Message(Arc::from(body)),
    }
}
