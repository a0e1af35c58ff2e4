//! The rules of the fleet, as pure functions over values. Ports carry out what is decided here.

pub mod fairness;
pub mod matching;
pub mod pace;
pub mod retry;
pub mod takeover;
pub mod task;
