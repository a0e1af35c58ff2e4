//! The whole fleet in virtual time, from one seed.
//!
//! The real functions, wired by the real template, run against stand-ins with state. Calls take time, so that functions
//! interleave between any two of their steps as they do on AWS; functions die, events are lost, doubled and late, the
//! ledger refuses. What must hold whatever happens is checked while it happens ([`invariants`]); what it takes and costs
//! is measured ([`measure`]). The same seed gives the same history, on every machine.

pub mod faults;
pub mod files;
pub mod invariants;
pub mod measure;
pub mod mutation;
pub mod plot;
mod ports;
pub mod run;
pub mod shrink;
pub mod watch;
pub mod workload;
pub mod world;

pub use ports::{SlackChannel, WEBHOOK_SECRET, WorldLedger, WorldSecrets, at_once};
pub use world::{World, WorldPlan};
