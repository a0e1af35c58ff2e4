//! What people and strangers do, beside pushing.

use fleetfoot_local::bus::{Delivery, Outcome};
use fleetfoot_model::http::{Request, Response};
use fleetfoot_model::ids::{JobId, Repository};
use fleetfoot_model::ledger::{self, Stored};
use fleetfoot_model::pause::TURN;
use fleetfoot_model::ports::Hook;
use fleetfoot_model::record::Record;
use fleetfoot_model::runner::Scope;
use fleetfoot_model::secret::Secret;
use fleetfoot_simulation::at_once;
use fleetfoot_stand_in::github::{self, SessionId};

use super::{WEBHOOK_SECRET, World, order};
use crate::samples::Sample;

impl World {
    /// Someone cancels a job.
    pub fn cancel(&mut self, job: JobId) {
        let now = self.now();
        self.github().cancel_job(now, job);
    }

    /// Someone pushes to another repository than `acme/app`.
    pub fn push_to(&mut self, repository: &str, labels: &str) -> JobId {
        let mut order = order(labels);
        order.repository = repository.parse().expect("a repository");
        self.order(order)
    }

    /// Someone presses "redeliver" on every delivery that GitHub made by itself. Answers how many those are.
    pub fn redeliver_everything(&mut self) -> usize {
        let now = self.now();
        let mut github = self.github();
        let mut listed =
            github.list_deliveries(now, &Hook::App, None, 1000).expect("GitHub lists them").items;
        listed.retain(|delivery| !delivery.redelivery);
        for delivery in &listed {
            github.redeliver(now, &Hook::App, delivery.delivery.id).expect("GitHub knows it");
        }
        listed.len()
    }

    /// Someone else's runner connects to the organization. It takes any job that its labels cover.
    pub fn strange_runner(&mut self, name: &str, labels: &str) -> SessionId {
        let now = self.now();
        let scope = Scope::Organization("acme".parse().expect("an owner"));
        let labels = order(labels).labels;
        let registered = self.github().register(now, &scope, name, &labels).expect("GitHub registers it");
        self.github().connect(now, &registered.configuration).expect("GitHub lets it connect")
    }

    /// A registration that nobody uses.
    pub fn ghost(&mut self, name: &str, repository: Option<&str>) {
        let now = self.now();
        let scope = match repository {
            None => Scope::Organization("acme".parse().expect("an owner")),
            Some(repository) => Scope::Repository(repository.parse::<Repository>().expect("a repository")),
        };
        let labels = order("self-hosted").labels;
        self.github().register(now, &scope, name, &labels).expect("GitHub registers it");
    }

    /// A row is there, wherever it comes from.
    pub fn keep(&self, row: impl Into<Record>) {
        let row = Stored::new(row.into());
        at_once(ledger::put(&*self.ledger, row)).expect("there was no such row");
    }

    /// Someone asks how the fleet is.
    pub fn health(&self) -> Response {
        let request = Request { method: "GET".to_owned(), path: "/health".to_owned(), ..Request::default() };
        self.http("ingest", &request)
    }

    /// Someone posts a webhook, signed with a secret or not at all.
    pub fn post(&self, event: &str, body: &[u8], secret: Option<&str>) -> Response {
        let mut headers = vec![("x-github-event".to_owned(), event.to_owned())];
        let signature = secret.map(|secret| github::sign(&Secret::new(secret), body));
        headers.extend(signature.map(|signature| ("x-hub-signature-256".to_owned(), signature)));
        let request = Request {
            method: "POST".to_owned(),
            path: "/webhook".to_owned(),
            headers: headers.into_iter().collect(),
            body: body.to_vec(),
        };
        self.http("ingest", &request)
    }

    /// GitHub posts a webhook.
    pub fn post_signed(&self, event: &str, body: &[u8]) -> Response {
        self.post(event, body, Some(WEBHOOK_SECRET))
    }

    /// Publishes a sample where it belongs and takes what wakes a function, without handling it. Nothing else is on the
    /// bus then.
    pub fn take_deliveries_of(&self, sample: &Sample) -> Vec<Delivery> {
        let now = self.now();
        for delivery in self.take_deliveries() {
            self.bus.complete(now, &delivery, Outcome::default()).expect("the bus takes it");
        }
        self.publish(sample.bus, sample.event.clone());
        // What a queue delays is among them.
        self.bus.take_due(now + TURN, 100).expect("the bus answers")
    }

    /// Takes what is due from the bus, without handling it.
    pub fn take_deliveries(&self) -> Vec<Delivery> {
        self.bus.take_due(self.now(), 100).expect("the bus answers")
    }
}
