//! The fleet's language: events, ids, labels, jobs, runners, decisions and ports.
//!
//! Nothing here does IO, reads a clock or knows a cloud. Handlers under `functions/` are written against the
//! ports of this crate; `shared/local` (and `shared/aws`) carry them out.

pub mod base;
pub mod budget;
pub mod check;
pub mod config;
pub mod cost;
pub mod counter;
pub mod decide;
pub mod description;
pub mod digest;
pub mod dismiss;
pub mod envelope;
pub mod events;
pub mod foreign;
pub mod function;
pub mod http;
pub mod ids;
pub mod image;
pub mod image_key;
pub mod job;
pub mod labels;
pub mod ledger;
pub mod notice;
pub mod pause;
pub mod policy;
pub mod ports;
pub mod price;
pub mod record;
pub mod rerun;
pub mod runner;
pub mod runner_release;
pub mod schedule;
pub mod secret;
mod shared;
pub mod size;
pub mod spec;
pub mod timeline;
pub mod waiting;

pub use jiff::{SignedDuration, Timestamp};
