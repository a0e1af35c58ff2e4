//! `template.yaml` as wiring: which function is woken by what.
//!
//! The SAM template that is deployed also wires the bus of one machine, so that what runs here and in tests is the
//! routing that is deployed. What is not understood is an error, never passed over in silence.

mod check;
mod document;
mod grammar;
mod read;

use std::collections::BTreeMap;

use fleetfoot_model::SignedDuration;
use serde_json::Value;

/// A mistake in the template, or something in it that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template: {place}: {message}")]
pub struct TemplateError {
    /// The resource, or the section.
    pub place: String,
    /// What is wrong there and what would be right.
    pub message: String,
}

impl TemplateError {
    pub(crate) fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }
}

/// What is woken by what. Functions go by the name of their package under `functions/`, such as `job-state`; rules,
/// schedules and queues by their logical id.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wiring {
    /// The functions.
    pub functions: BTreeMap<String, Function>,
    /// Routes of the HTTP API.
    pub routes: Vec<Route>,
    /// Rules of both buses.
    pub rules: Vec<Rule>,
    /// What happens by time.
    pub schedules: Vec<Schedule>,
    /// The queues, those for dead letters among them.
    pub queues: BTreeMap<String, Queue>,
    /// Which function takes from which queue.
    pub mappings: Vec<Mapping>,
    /// Which functions get the topic's messages.
    pub subscriptions: Vec<String>,
}

/// A function.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// Its logical id.
    pub logical_id: String,
    /// How long an invocation may take.
    pub timeout: SignedDuration,
    /// How often a failed event is tried again; Lambda's default is 2.
    pub retries: u32,
    /// The queue for events that failed for good. Every function that is invoked asynchronously has one.
    pub dead_letters: Option<String>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// `GET`, `POST`, ...
    pub method: String,
    /// With parameters in braces: `/runners/{name}/register`.
    pub path: String,
    /// The function.
    pub function: String,
}

/// Which bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BusName {
    /// Where AWS services publish.
    Default,
    /// Where the fleet publishes its facts.
    Fleet,
}

impl BusName {
    /// Its name in a store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Fleet => "fleet",
        }
    }
}

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its logical id.
    pub name: String,
    /// Which events it sees.
    pub bus: BusName,
    /// Which of them match.
    pub pattern: Value,
    /// Where those go.
    pub targets: Vec<Target>,
}

/// Where an event goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// To a function, asynchronously.
    Function(String),
    /// Into a queue.
    Queue(String),
}

/// A rule that is not about events but about time.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Its logical id.
    pub name: String,
    /// From one time to the next.
    pub every: SignedDuration,
    /// Where its events go.
    pub targets: Vec<Target>,
}

/// A queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Queue {
    /// How long a new message stays hidden. SQS: 0, 15 minutes at most.
    pub delay: SignedDuration,
    /// How long a message that was received stays hidden.
    pub visibility: SignedDuration,
    /// Where messages go that were received too often.
    pub redrive: Option<Redrive>,
}

/// The end of a message that was received too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrive {
    /// The queue for it.
    pub dead_letters: String,
    /// After so many receives.
    pub after: u32,
}

/// A function that takes from a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The queue.
    pub queue: String,
    /// The function.
    pub function: String,
    /// The most messages at once.
    pub batch: usize,
    /// The most batches at the same time.
    pub concurrency: usize,
}

impl Wiring {
    /// Reads a template. `parameters` are given in place of the template's defaults.
    ///
    /// # Errors
    /// The first mistake: what is not YAML, not understood, does not resolve, or would lose events.
    pub fn read(template: &str, parameters: &BTreeMap<String, String>) -> Result<Self, TemplateError> {
        let document = document::Document::parse(template, parameters)?;
        let wiring = read::wiring(&document)?;
        check::check(&wiring, &document)?;
        Ok(wiring)
    }
}

#[cfg(test)]
mod tests;
