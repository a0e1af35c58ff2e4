//! The agent's program against a register server and scripted runners, as real processes.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod deadlines;
mod fleet;
mod images;
mod registration;
mod runners;
mod secrets;
mod stops;
mod world;
