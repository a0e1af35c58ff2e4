//! The ports of a world: each is a stand-in behind what may happen to a call. A call takes time, in which others go on;
//! a function may die before it or after it; and whoever watches is told what was asked.

mod fleet;
mod github;
mod images;
mod ledger;
mod mutate;
mod people;

use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use fleetfoot_model::ports::Clock as _;
use fleetfoot_model::secret::Ticket;
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_shell::clock::VirtualClock;
use fleetfoot_stand_in::{Dice, Span};

use crate::faults::{Faults, Latency};
use crate::mutation::Mutation;
use crate::watch::{Happening, Watch};

pub(crate) use fleet::WorldFleet;
pub(crate) use github::WorldGitHub;
pub(crate) use images::{WorldImages, WorldRegistry};
pub(crate) use ledger::poll_once;
pub use ledger::{WorldLedger, at_once};
pub(crate) use people::WorldTickets;
pub use people::{SlackChannel, WEBHOOK_SECRET, WorldSecrets};

/// What all ports of a world share.
pub(crate) struct Surroundings {
    pub(crate) clock: VirtualClock,
    pub(crate) mutation: Option<Mutation>,
    pub(crate) latency: Latency,
    inside: Mutex<Inside>,
    watches: Mutex<Vec<Arc<Mutex<dyn Watch>>>>,
}

struct Inside {
    dice: Dice,
    faults: Faults,
    /// When the function that runs now wants to go on; none if it never will.
    wakes: Option<Timestamp>,
    /// The ticket that was drawn last.
    ticket: Option<Ticket>,
}

impl Surroundings {
    pub(crate) fn new(
        clock: VirtualClock,
        seed: u64,
        faults: Faults,
        latency: Latency,
        mutation: Option<Mutation>,
    ) -> Arc<Self> {
        let inside = Inside { dice: Dice::new(seed), faults, wakes: None, ticket: None };
        let watches = Mutex::new(Vec::new());
        Arc::new(Self { clock, mutation, latency, inside: Mutex::new(inside), watches })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn has(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    pub(crate) fn watch(&self, watch: Arc<Mutex<dyn Watch>>) {
        lock(&self.watches).push(watch);
    }

    pub(crate) fn tell(&self, what: &Happening<'_>) {
        let now = self.now();
        for watch in lock(&self.watches).iter() {
            lock(watch).happened(now, what);
        }
    }

    /// Whether something of this rate happens.
    pub(crate) fn happens(&self, rate: impl Fn(&Faults) -> f64) -> bool {
        let mut inside = lock(&self.inside);
        let rate = rate(&inside.faults);
        rate > 0.0 && inside.dice.happens(rate)
    }

    pub(crate) fn draw(&self, span: &Span) -> SignedDuration {
        lock(&self.inside).dice.between(span)
    }

    pub(crate) fn faults<T>(&self, read: impl Fn(&Faults) -> T) -> T {
        read(&lock(&self.inside).faults)
    }

    /// Nothing of the system's own goes wrong from now on.
    pub(crate) fn clear_up(&self) {
        lock(&self.inside).faults = Faults::NONE;
    }

    pub(crate) fn note_ticket(&self, ticket: &Ticket) {
        lock(&self.inside).ticket = Some(ticket.clone());
    }

    pub(crate) fn last_ticket(&self) -> Option<Ticket> {
        lock(&self.inside).ticket.clone()
    }

    /// When the function that was polled last wants to go on.
    pub(crate) fn wakes(&self) -> Option<Timestamp> {
        lock(&self.inside).wakes.take()
    }

    /// The way of a call to its port and back: it takes its time, and the function may die on either side of it.
    pub(crate) async fn call<T>(&self, span: &Span, act: impl FnOnce() -> T) -> T {
        self.die_perhaps().await;
        self.wait(self.draw_time(span)).await;
        let answer = act();
        self.die_perhaps().await;
        answer
    }

    fn draw_time(&self, span: &Span) -> SignedDuration {
        if span.end().is_zero() { SignedDuration::ZERO } else { self.draw(span) }
    }

    async fn wait(&self, time: SignedDuration) {
        if time.is_zero() {
            return;
        }
        let until = self.now() + time;
        poll_fn(|_| {
            if self.now() >= until {
                return Poll::Ready(());
            }
            lock(&self.inside).wakes = Some(until);
            Poll::Pending
        })
        .await;
    }

    async fn die_perhaps(&self) {
        if self.happens(|faults| faults.function_died) {
            self.tell(&Happening::Died);
            pending::<()>().await;
        }
    }
}

/// A watch that panicked has said what it had to say.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
