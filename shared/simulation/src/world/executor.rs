//! Invocations of functions that are under way. Each goes on when the call that it waits for is answered; in between,
//! others do.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use fleetfoot_local::bus::{Delivery, Outcome};
use fleetfoot_model::Timestamp;
use fleetfoot_model::http::Response;
use fleetfoot_model::ids::DeliveryId;

use super::agents::Asking;
use crate::ports::Surroundings;

/// How an invocation ended.
pub(super) enum Ended {
    /// Of `ingest`, by a webhook. None: it died.
    Webhook(DeliveryId, Option<Response>),
    /// Of `register`, by an agent. None: it died.
    Agent(Asking, Option<Response>),
    /// Of a function, by the bus.
    Delivery(Delivery, Outcome),
}

type Invocation = Pin<Box<dyn Future<Output = Ended> + Send>>;

struct Running {
    invocation: Invocation,
    /// How it ends if it dies; a delivery just comes again when its lease is over.
    if_it_dies: Option<Ended>,
}

/// Everything that runs.
#[derive(Default)]
pub(super) struct Executor {
    running: BTreeMap<(Timestamp, u64), Running>,
    sequence: u64,
}

impl Executor {
    pub(super) fn start(
        &mut self,
        now: Timestamp,
        if_it_dies: Option<Ended>,
        invocation: impl Future<Output = Ended> + Send + 'static,
    ) {
        self.add(now, Running { invocation: Box::pin(invocation), if_it_dies });
    }

    fn add(&mut self, at: Timestamp, running: Running) {
        self.sequence += 1;
        self.running.insert((at, self.sequence), running);
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.running.keys().next().map(|(at, _)| *at)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Lets the next one go on that has come due, until one ends.
    pub(super) fn next_ended(&mut self, now: Timestamp, around: &Surroundings) -> Option<Ended> {
        while let Some(first) = self.running.first_entry().filter(|first| first.key().0 <= now) {
            let mut running = first.remove();
            match running.invocation.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(ended) => return Some(ended),
                Poll::Pending => match around.wakes() {
                    Some(at) => self.add(at, running),
                    None => return running.if_it_dies.or_else(|| self.next_ended(now, around)),
                },
            }
        }
        None
    }
}
