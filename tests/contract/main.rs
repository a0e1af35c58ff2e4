//! One suite per port, run against every adapter of it.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod costs;
mod dynamo;
mod forgetting;
mod ledger;
mod registry;
mod rows;
mod sqlite;
mod subjects;
