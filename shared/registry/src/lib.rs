//! What an image reference names now, asked of its registry over the distribution API (version 2).
//!
//! Whoever edits a workflow chooses the registry, so everything that it answers is hostile until it is read: sizes,
//! times and redirections are bounded, addresses within the fleet's own network are not reached, and a password goes to
//! no other place than the one it is for.

mod challenge;
mod client;
mod credentials;
mod guard;
mod manifest;
mod refusal;
mod session;
mod wire;

pub use client::{HttpRegistry, Patience};
pub use credentials::{Anonymous, Credentials, RegistryCredentials};
