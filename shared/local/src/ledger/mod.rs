//! Ledgers of one machine: in memory, and in an `SQLite` file that several processes may use at once.

mod memory;
mod sqlite;

use fleetfoot_model::Timestamp;
use fleetfoot_model::counter::BREAKER_WINDOW_SECONDS;

pub use memory::MemoryLedger;
pub use sqlite::SqliteLedger;

/// What was counted in windows that began before this time, in seconds since 1970, bounds nothing any more.
fn oldest_window(now: Timestamp) -> i64 {
    now.as_second() - 2 * BREAKER_WINDOW_SECONDS
}
