//! The adapter at the wire: what it sends to GitHub and what it makes of the answers.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod apps;
mod auth;
mod checks;
mod checkup;
mod deliveries;
mod jobs;
mod limits;
mod releases;
mod reruns;
mod runners;
mod support;
