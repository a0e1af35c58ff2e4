//! A stand-in behind the ports, in this process: what a handler under test is given.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fleetfoot_model::Timestamp;
use fleetfoot_model::ports::Clock;

/// A stand-in that several hold: the handlers behind their port, and the world that drives it.
pub struct InProcess<S> {
    state: Arc<Mutex<S>>,
    clock: Arc<dyn Clock>,
}

impl<S> InProcess<S> {
    /// The port of a stand-in, telling it the time by a clock.
    pub fn new(state: Arc<Mutex<S>>, clock: Arc<dyn Clock>) -> Self {
        Self { state, clock }
    }

    /// The stand-in itself.
    pub fn state(&self) -> MutexGuard<'_, S> {
        lock(&self.state)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl<S> Clone for InProcess<S> {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state), clock: Arc::clone(&self.clock) }
    }
}

/// A test that fails while it holds a stand-in must not hide its reason behind a poisoned lock.
pub(crate) fn lock<S>(state: &Mutex<S>) -> MutexGuard<'_, S> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
