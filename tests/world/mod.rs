//! The whole system in one place: the real functions and the real bus, wired by the real template, against stand-ins with
//! state, in virtual time. Something happens, the world settles, a story looks.

mod act;
mod agents;
mod checks;
mod drive;
mod look;
mod ports;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use fleetfoot_local::assembly::{Ports, functions};
use fleetfoot_local::bus::{Bus, Delivery, Pace};
use fleetfoot_local::functions::Functions;
use fleetfoot_local::template::Wiring;
use fleetfoot_model::Timestamp;
use fleetfoot_model::config::{self, Config};
use fleetfoot_model::ids::JobId;
use fleetfoot_model::secret::Secret;
use fleetfoot_shell::clock::{SeededTickets, VirtualClock};
use fleetfoot_stand_in::InProcess;
use fleetfoot_stand_in::fargate::{self, StandInFargate};
use fleetfoot_stand_in::github::{self, JobOrder, StandInGitHub};
use fleetfoot_stand_in::images::{self, StandInImages};
use fleetfoot_stand_in::runner::SimulatedRunners;

use agents::Agents;
pub use checks::text_of;
pub use ports::{SlackChannel, WEBHOOK_SECRET, WorldLedger, WorldSecrets};

/// The template that is deployed.
const TEMPLATE: &str = include_str!("../../template.yaml");

/// What most stories need and what each may change.
pub struct Plan {
    /// `fleet.toml` after `[github]`.
    pub fleet: String,
    /// The stand-in GitHub.
    pub github: github::Settings,
    /// The stand-in Fargate.
    pub fargate: fargate::Settings,
    /// The stand-in image builder.
    pub images: images::Settings,
    /// Where chance comes from.
    pub seed: u64,
    /// What `[github]` registers with.
    pub target: String,
}

impl Plan {
    /// An organization with default classes, and a world without faults.
    pub fn new(seed: u64) -> Self {
        Self {
            fleet: "[images]\nallow = [\"ubuntu:*\"]\n".to_owned(),
            github: github::Settings::new(seed, Secret::new(WEBHOOK_SECRET)),
            fargate: fargate::Settings::new(seed),
            images: images::Settings::new(seed),
            seed,
            target: "organization = \"acme\"".to_owned(),
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
        World::new(self)
    }
}

/// A world.
pub struct World {
    /// The time.
    pub clock: VirtualClock,
    /// Rows.
    pub ledger: Arc<WorldLedger>,
    /// The store of secrets.
    pub secrets: Arc<WorldSecrets>,
    /// Events on their way.
    pub bus: Bus,
    /// The fleet's configuration.
    pub config: Arc<Config>,
    /// What Slack was sent.
    pub slack: Arc<SlackChannel>,
    github: InProcess<StandInGitHub>,
    fargate: InProcess<StandInFargate>,
    images: InProcess<StandInImages>,
    runners: SimulatedRunners,
    agents: Agents,
    functions: Arc<Functions>,
    /// What each schedule last woke its function with.
    scheduled: BTreeMap<String, Delivery>,
    runtime: tokio::runtime::Runtime,
    began: Timestamp,
}

impl World {
    /// A world in which nothing has happened yet, on a Monday morning.
    pub fn new(plan: Plan) -> Self {
        let began: Timestamp = "2026-11-23T09:00:00Z".parse().expect("a time");
        let clock = VirtualClock::at(began);
        let text = format!(
            "[github]\n{}\ntoken = \"env:TOKEN\"\nwebhook_secrets = [\"env:WEBHOOK_SECRET\"]\n{}\n[notify]\nslack = \"env:SLACK\"\n",
            plan.target, plan.fleet
        );
        let config = Arc::new(config::load("fleet.toml", &text).unwrap_or_else(|error| panic!("{error}")));
        let shared = Arc::new(clock.clone());
        let github = InProcess::new(Arc::new(Mutex::new(StandInGitHub::new(plan.github))), shared.clone());
        let fargate = InProcess::new(Arc::new(Mutex::new(StandInFargate::new(plan.fargate))), shared.clone());
        let images = InProcess::new(Arc::new(Mutex::new(StandInImages::new(plan.images))), shared);
        let (ledger, secrets) = (Arc::new(WorldLedger::default()), Arc::new(WorldSecrets::default()));
        let slack = Arc::new(SlackChannel::default());
        let ports = Ports {
            ledger: ledger.clone(),
            github: Arc::new(github.clone()),
            fleet: Arc::new(fargate.clone()),
            images: Arc::new(images.clone()),
            secrets: secrets.clone(),
            tickets: Arc::new(SeededTickets::new(plan.seed)),
            slack: Some(slack.clone()),
        };
        let wiring =
            Arc::new(Wiring::read(TEMPLATE, &BTreeMap::new()).unwrap_or_else(|error| panic!("{error}")));
        let functions = functions(ports, &config, &wiring).unwrap_or_else(|error| panic!("{error}"));
        Self {
            bus: Bus::in_memory(wiring, Pace::Aws).unwrap_or_else(|error| panic!("{error}")),
            runners: SimulatedRunners::new(plan.seed),
            agents: Agents::default(),
            functions: Arc::new(functions),
            scheduled: BTreeMap::new(),
            runtime: tokio::runtime::Builder::new_current_thread().build().expect("a runtime"),
            clock,
            ledger,
            secrets,
            config,
            slack,
            github,
            fargate,
            images,
            began,
        }
    }

    /// The stand-in GitHub.
    pub fn github(&self) -> MutexGuard<'_, StandInGitHub> {
        self.github.state()
    }

    /// The stand-in Fargate.
    pub fn fargate(&self) -> MutexGuard<'_, StandInFargate> {
        self.fargate.state()
    }

    /// The stand-in image builder.
    pub fn images(&self) -> MutexGuard<'_, StandInImages> {
        self.images.state()
    }

    /// Someone pushes: a job of `acme/app`.
    pub fn push(&mut self, labels: &str) -> JobId {
        self.order(order(labels))
    }

    /// Someone brings about a job.
    pub fn order(&mut self, order: JobOrder) -> JobId {
        let now = self.now();
        self.github().queue_job(now, order)
    }
}

/// An ordinary job of `acme/app`, with labels separated by spaces.
pub fn order(labels: &str) -> JobOrder {
    let labels = labels.split_whitespace().map(|label| label.parse().expect("a label")).collect();
    JobOrder::new("acme/app".parse().expect("a repository"), labels)
}
