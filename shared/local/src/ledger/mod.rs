//! Ledgers of one machine: in memory, and in an `SQLite` file that several processes may use at once.

mod memory;
mod sqlite;

use fleetfoot_model::counter::{BREAKER_WINDOW_SECONDS, Counter};
use fleetfoot_model::{SignedDuration, Timestamp};

pub use memory::MemoryLedger;
pub use sqlite::SqliteLedger;

/// Replacements that were counted before this time bound nothing any more.
fn oldest_window(now: Timestamp) -> Counter {
    let past = SignedDuration::from_secs(BREAKER_WINDOW_SECONDS);
    Counter::replacements_at(now.saturating_sub(past).unwrap_or(now))
}
