//! The deployed pipeline and what stands around it.

mod act;
mod adaptations;
mod aws;
mod bridge;
mod build;
mod cloud;
mod command;
mod configuration;
mod deploy;
mod describe;
mod document;
mod figures;
mod gateway;
mod github;
mod newcomer;
mod registry;
pub(crate) mod role;
mod say;
mod slack;
mod stage;
mod system;
mod tasks;
pub(crate) mod wait;

pub(crate) use act::order;
pub(crate) use configuration::{APP_KEY, WEBHOOK_SECRET, fleet};
pub(crate) use deploy::STACK;
pub(crate) use document::{Part, matches, parts};
pub(crate) use figures::Figures;
pub(crate) use github::{GitHub, OWNER, REPOSITORY, now};
pub(crate) use newcomer::{Newcomer, Printed};
pub(crate) use registry::Registry;
pub(crate) use slack::Slack;
pub(crate) use stage::Stage;
pub(crate) use system::System;
