//! How time passes.

use fleetfoot_local::bus::{Delivery, Item, Payload};
use fleetfoot_model::http::{Request, Response};
use fleetfoot_model::ports::Clock as _;
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_stand_in::github::OutgoingWebhook;

use super::World;

/// The longest that any story may take.
const LONGEST: SignedDuration = SignedDuration::from_hours(40);
/// The most deliveries that are taken from the bus at once.
const AT_ONCE: usize = 16;

impl World {
    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How long this world has been.
    pub fn elapsed(&self) -> SignedDuration {
        self.now().duration_since(self.began)
    }

    /// Lets time pass.
    pub fn run_for(&mut self, duration: SignedDuration) {
        let until = self.now() + duration;
        while self.step(until) {}
        self.clock.set(until);
    }

    /// Lets time pass until something is so.
    pub fn run_until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let limit = self.began + LONGEST;
        while !is_so(self) {
            assert!(self.step(limit), "it never was so: {what}\n{}", self.describe());
        }
    }

    /// Lets time pass until every job has ended and nothing is left over.
    pub fn settle(&mut self) {
        self.run_until("everything has settled", Self::is_settled);
        self.check();
    }

    /// Lets the next thing happen, if it does by then.
    fn step(&mut self, until: Timestamp) -> bool {
        let Some(next) = self.next_due().filter(|next| *next <= until) else { return false };
        self.clock.set(next);
        let now = self.now();
        let webhooks = self.github().due(now);
        for webhook in webhooks {
            self.deliver(webhook, now);
        }
        let actions = self.fargate().due(now);
        for action in actions {
            self.obey(action, now);
        }
        self.agents_ask(now);
        self.runners_act(now);
        let built = self.images().due(now);
        for event in built {
            self.bus.publish_default(now, event).expect("the bus takes it");
        }
        self.handle_events(now);
        self.check_always();
        true
    }

    fn next_due(&self) -> Option<Timestamp> {
        let bus = self.bus.next_due().expect("the bus answers");
        let stand_ins = [self.github().next_due(), self.fargate().next_due(), self.images().next_due()];
        let inside = [bus, self.agents.next_due(), self.runners.next_due()];
        stand_ins.into_iter().chain(inside).flatten().min()
    }

    fn deliver(&mut self, webhook: OutgoingWebhook, now: Timestamp) {
        let headers = webhook.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let request =
            Request { method: "POST".to_owned(), path: "/webhook".to_owned(), headers, body: webhook.body };
        let response = self.http("ingest", &request, now);
        self.github().delivered(now, webhook.delivery_id, response.status);
    }

    /// A request to the HTTP API.
    pub fn http(&mut self, function: &str, request: &Request, now: Timestamp) -> Response {
        self.runtime.block_on(self.functions.answer(&self.bus, function, request, now, None))
    }

    /// Wakes a function by its schedule, some times more than it should be. It must have been woken once before.
    pub fn wake(&mut self, function: &str, times: usize) {
        let now = self.now();
        for _ in 0..times {
            let delivery =
                self.scheduled.get(function).unwrap_or_else(|| panic!("{function} has no schedule"));
            let outcome = self.invoke(delivery);
            self.bus.emit(now, outcome.emission).expect("the bus takes it");
        }
    }

    fn handle_events(&mut self, now: Timestamp) {
        for delivery in self.bus.take_due(now, AT_ONCE).expect("the bus answers") {
            let outcome = self.runtime.block_on(self.functions.invoke(&delivery, now, None));
            self.bus.complete(now, &delivery, outcome).expect("the bus takes it");
            if is_scheduled(&delivery) {
                self.scheduled.insert(delivery.function.clone(), delivery);
            }
        }
    }
}

fn is_scheduled(delivery: &Delivery) -> bool {
    let by_schedule =
        |item: &Item| matches!(&item.payload, Payload::Event(event) if event.source == "aws.events");
    delivery.items.iter().any(by_schedule)
}
