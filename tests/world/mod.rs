//! The words of the stories, for the simulator's world without faults and latency: something happens, the world settles, a
//! story looks.

mod act;
mod look;

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use fleetfoot_model::config;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::secret::Secret;
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_simulation::invariants::{Inspection, Violation};
use fleetfoot_simulation::{World as Simulated, WorldPlan};
use fleetfoot_stand_in::github::JobOrder;
use fleetfoot_stand_in::{fargate, github, images};

pub use fleetfoot_simulation::WEBHOOK_SECRET;
pub use look::text_of;

/// The longest that any story may take.
const LONGEST: SignedDuration = SignedDuration::from_hours(40);
/// Stories make weather of their own, of which the invariants do not know. How soon a job starts is theirs to say.
const OF_THE_WEATHER: &str = "jobs-start-soon";

/// What most stories need and what each may change.
pub struct Plan {
    /// `fleet.toml` after `[github]`.
    pub fleet: String,
    /// What `[github]` registers with.
    pub target: String,
    /// How `[github]` signs in. Default: with a token.
    pub credentials: String,
    /// More of `[notify]`.
    pub notify: String,
    /// The stand-in GitHub.
    pub github: github::Settings,
    /// The stand-in Fargate.
    pub fargate: fargate::Settings,
    /// The stand-in image builder.
    pub images: images::Settings,
    seed: u64,
}

impl Plan {
    /// An organization with default classes, and a world without faults.
    pub fn new(seed: u64) -> Self {
        Self {
            fleet: "[images]\nallow = [\"ubuntu:*\"]\n".to_owned(),
            target: "organization = \"acme\"".to_owned(),
            credentials: "token = \"env:TOKEN\"".to_owned(),
            notify: String::new(),
            github: github::Settings::new(seed, Secret::new(WEBHOOK_SECRET)),
            fargate: fargate::Settings::new(seed),
            images: images::Settings::new(seed),
            seed,
        }
    }

    /// More of `fleet.toml`.
    #[must_use]
    pub fn with(mut self, fleet: &str) -> Self {
        self.fleet.push_str(fleet);
        self
    }

    /// The world that it makes.
    pub fn world(self) -> World {
        let Self { fleet, target, credentials, notify, github, fargate, images, seed } = self;
        let text = format!(
            "[github]\n{target}\n{credentials}\nwebhook_secrets = [\"env:WEBHOOK_SECRET\"]\n{fleet}\n[notify]\nslack = \"env:SLACK\"\n{notify}"
        );
        let config = config::load("fleet.toml", &text).unwrap_or_else(|error| panic!("{error}"));
        let plan = WorldPlan { github, fargate, images, ..WorldPlan::new(seed, Arc::new(config)) };
        let simulated = Simulated::new(plan);
        World { inspection: Inspection::of(&simulated, true), simulated }
    }
}

/// A world, in which the simulator's invariants hold.
pub struct World {
    simulated: Simulated,
    inspection: Inspection,
}

impl Deref for World {
    type Target = Simulated;

    fn deref(&self) -> &Simulated {
        &self.simulated
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut Simulated {
        &mut self.simulated
    }
}

impl World {
    /// Someone pushes: a job of `acme/app`.
    pub fn push(&mut self, labels: &str) -> JobId {
        self.order(order(labels))
    }

    /// Lets time pass.
    pub fn run_for(&mut self, duration: SignedDuration) {
        let until = self.now() + duration;
        while self.step_by(until) {}
        self.clock.set(until);
    }

    /// Lets time pass until something is so.
    pub fn run_until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let limit = self.began() + LONGEST;
        while !is_so(self) {
            assert!(self.step_by(limit), "it never was so: {what}\n{}", self.describe());
        }
    }

    /// Lets time pass until every job has ended and nothing is left over.
    pub fn settle(&mut self) {
        self.run_until("everything has settled", Self::is_settled);
        self.check();
    }

    fn step_by(&mut self, until: Timestamp) -> bool {
        let has_happened = self.step(until);
        if self.inspection.is_broken() {
            self.check();
        }
        has_happened
    }

    fn check(&self) {
        let mut broken: Vec<Violation> = self.inspection.at_the_end(self);
        broken.retain(|it| it.invariant != OF_THE_WEATHER);
        assert!(broken.is_empty(), "{broken:#?}\n{}", self.describe());
    }
}

/// An ordinary job of `acme/app`, with labels separated by spaces.
pub fn order(labels: &str) -> JobOrder {
    let labels = labels.split_whitespace().map(|label| label.parse().expect("a label")).collect();
    JobOrder::new("acme/app".parse().expect("a repository"), labels)
}
