//! The deployed pipeline and what stands around it.

mod aws;
mod bridge;
mod describe;
mod gateway;
mod github;
pub(crate) mod role;
mod slack;
mod stage;
mod system;
pub(crate) mod wait;

pub(crate) use github::{GitHub, OWNER, REPOSITORY, now};
pub(crate) use stage::Stage;
pub(crate) use system::System;
