//! The harness of the stories: the whole system in virtual time.

#![expect(clippy::missing_panics_doc, reason = "a test that panics has found something")]

pub mod world;
