//! What is asked of a world outside the course of time. Functions answer at once, as long as calls take none.

use fleetfoot_local::bus::{Delivery, Outcome};
use fleetfoot_local::template::BusName;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::http::{Request, Response};

use super::World;
use crate::ports::poll_once;

const AT_ONCE: &str = "calls take no time in this world";

impl World {
    /// Publishes an event.
    ///
    /// # Panics
    /// Never: a bus in memory takes it.
    pub fn publish(&self, bus: BusName, event: Envelope) {
        let now = self.now();
        match bus {
            BusName::Fleet => self.bus.publish(now, vec![event]),
            BusName::Default => self.bus.publish_default(now, event),
        }
        .expect("a bus in memory takes it");
    }

    /// What a function answers to a request.
    ///
    /// # Panics
    /// If calls take time in this world.
    pub fn http(&self, function: &str, request: &Request) -> Response {
        poll_once(self.functions.answer(&self.bus, function, request, self.now(), None)).expect(AT_ONCE)
    }

    /// What a function makes of a delivery. Nothing of that is published.
    ///
    /// # Panics
    /// If calls take time in this world.
    pub fn invoke(&self, delivery: &Delivery) -> Outcome {
        poll_once(self.functions.invoke(delivery, self.now(), None)).expect(AT_ONCE)
    }

    /// Wakes a function by its schedule, which must have woken it before.
    ///
    /// # Panics
    /// If it has no schedule, or calls take time in this world.
    pub fn wake(&self, function: &str) {
        let delivery =
            self.scheduled.get(function).unwrap_or_else(|| panic!("no schedule woke {function} so far"));
        let outcome = self.invoke(delivery);
        self.bus.emit(self.now(), outcome.emission).expect("a bus in memory takes it");
    }
}
