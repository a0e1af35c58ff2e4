//! What surrounds a function on AWS and on one machine alike: it reads the clock, draws tickets, survives panics, names
//! causes, puts facts into envelopes, posts to Slack and tells traces.

pub mod clock;
mod emission;
mod guard;
pub mod slack;
pub mod traces;

pub use emission::{Emission, causation_id};
pub use guard::{Broken, within};
