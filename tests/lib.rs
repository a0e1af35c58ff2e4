//! The harness of the stories: the whole system in virtual time, and the samples of events.

#![expect(clippy::missing_panics_doc, reason = "a test that panics has found something")]

pub mod samples;
pub mod tools;
pub mod world;
