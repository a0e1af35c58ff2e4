//! Time and randomness: the system's, or virtual ones that make a run repeatable.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fleetfoot_model::ports::{Clock, Tickets};
use fleetfoot_model::secret::Ticket;
use fleetfoot_model::{SignedDuration, Timestamp};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the shell's one place that reads the clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands still until it is set. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct VirtualClock(Arc<Mutex<Timestamp>>);

impl VirtualClock {
    /// A clock that shows a time.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Moves it to a time; it never goes back.
    pub fn set(&self, to: Timestamp) {
        let mut now = self.hand();
        *now = to.max(*now);
    }

    /// Moves it on.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = self.hand();
        *now += by.max(SignedDuration::ZERO);
    }

    fn hand(&self) -> MutexGuard<'_, Timestamp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        *self.hand()
    }
}

/// Tickets from the system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemTickets;

impl Tickets for SystemTickets {
    fn draw(&self) -> Ticket {
        Ticket::draw(&mut rand::rng())
    }
}

/// Tickets that can be foretold from a seed. For virtual time only.
#[derive(Debug)]
pub struct SeededTickets(Mutex<StdRng>);

impl SeededTickets {
    /// Tickets that follow from this seed.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Tickets for SeededTickets {
    fn draw(&self) -> Ticket {
        Ticket::draw(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_clock_moves_only_when_told_and_never_back() {
        let clock = VirtualClock::at(Timestamp::UNIX_EPOCH);
        let same = clock.clone();
        same.advance(SignedDuration::from_secs(60));
        assert_eq!(clock.now().as_second(), 60);
        clock.set(Timestamp::UNIX_EPOCH);
        clock.advance(SignedDuration::from_secs(-5));
        assert_eq!(same.now().as_second(), 60);
    }

    #[test]
    fn seeded_tickets_repeat_and_system_tickets_do_not() {
        let draw_two = |tickets: &dyn Tickets| (tickets.draw(), tickets.draw());
        assert_eq!(draw_two(&SeededTickets::new(7)), draw_two(&SeededTickets::new(7)));
        assert_ne!(draw_two(&SeededTickets::new(7)), draw_two(&SeededTickets::new(8)));
        let (first, second) = draw_two(&SystemTickets);
        assert_ne!(first, second);
        assert_eq!(first.expose().len(), 64);
    }
}
