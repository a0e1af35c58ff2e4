//! The ports on AWS, and the Lambda shell around a function.

pub mod bus;
mod classify;
pub mod clients;
pub mod configuration;
pub mod fleet;
pub mod images;
pub mod lambda;
pub mod ledger;
pub mod metrics;
pub mod registry;
#[cfg(test)]
mod script;
pub mod secrets;
pub mod settings;
mod traces;
#[cfg(test)]
mod wire;
