//! A GitHub, a Fargate, an image builder, registries, a Slack and a runner, with state and faults.
//!
//! They are no mocks: nobody tells them what to answer. Each is a state machine under virtual time that follows from a
//! seed, the calls made and the times they are made at; it reads no clock, waits for nothing and does no IO. Around
//! them are faces: [`InProcess`] puts each behind its port, `github_http`, `registry_http` and `slack_http`
//! serve them over HTTP, and `runner` is a runner's program. Tests, `fleetfoot demo` and simulations use the same ones.

mod agenda;
mod bucket;
mod dice;
pub mod fargate;
pub mod github;
pub mod github_http;
mod http;
pub mod images;
mod in_process;
mod level;
pub mod registry;
pub mod registry_http;
pub mod runner;
pub mod slack;
pub mod slack_http;

pub use bucket::TokenBucket;
pub use dice::{Dice, Span, millis};
pub use in_process::InProcess;
pub use level::{FaultLevel, UnknownLevel};
