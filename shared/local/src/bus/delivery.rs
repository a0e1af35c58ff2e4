//! What the bus hands out, and what comes back.

use std::sync::Arc;

use fleetfoot_model::Timestamp;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_shell::Emission;

use super::channel::Channel;
use crate::template::BusName;

/// What a function is invoked with.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// An event of a bus, a queue or a schedule.
    Event(Arc<Envelope>),
    /// A message of the topic.
    Message(Arc<str>),
}

/// One thing to handle.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Unique in its store.
    pub id: u64,
    /// The n-th attempt, from 1.
    pub attempt: u32,
    /// What it is.
    pub payload: Payload,
}

impl Item {
    pub(super) fn key(&self) -> ItemKey {
        ItemKey { id: self.id, attempt: self.attempt }
    }
}

/// An item as it was taken. It names nothing any more once the item was taken again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ItemKey {
    pub(super) id: u64,
    pub(super) attempt: u32,
}

/// One invocation: an event or message, or a batch from a queue. Give it back with [`super::Bus::complete`]; what is
/// not given back comes again when its lease is over.
#[derive(Debug)]
pub struct Delivery {
    /// The package of the function to invoke.
    pub function: String,
    /// What to invoke it with; more than one only from a queue.
    pub items: Vec<Item>,
    pub(super) consumer: usize,
    pub(super) number: u64,
}

/// How a delivery ended. Every item that is not among the failures was handled.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// What is to be published.
    pub emission: Emission,
    /// What was not handled.
    pub failures: Vec<Failure>,
}

/// Why an item was not handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which item.
    pub item: u64,
    /// Why, in words.
    pub reason: String,
    /// Whether trying again is pointless.
    pub for_good: bool,
}

/// An event as it stands in the history.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// Grows with each event.
    pub sequence: u64,
    /// Where it was published.
    pub bus: BusName,
    /// The event.
    pub envelope: Arc<Envelope>,
}

/// What could not be handled, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    /// Unique in its store.
    pub id: u64,
    /// The queue of the template that it would be in; none if what it was meant for is no longer in the template.
    pub queue: Option<String>,
    /// What it was meant for.
    pub channel: Channel,
    /// What it is.
    pub payload: Payload,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it was not handled.
    pub reason: String,
    /// Since when it is here.
    pub at: Timestamp,
}
