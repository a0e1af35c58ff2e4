//! A world: the whole system in one place. Something happens, the world goes on, somebody looks.

mod agents;
mod ask;
mod drive;
mod executor;
mod weather;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use fleetfoot_local::assembly::{Ports, functions};
use fleetfoot_local::bus::{Bus, Delivery, Pace};
use fleetfoot_local::functions::Functions;
use fleetfoot_local::template::Wiring;
use fleetfoot_model::Timestamp;
use fleetfoot_model::config::Config;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::ports::Clock;
use fleetfoot_model::secret::Secret;
use fleetfoot_shell::clock::{SeededTickets, VirtualClock};
use fleetfoot_shell::traces::Exporter;
use fleetfoot_stand_in::InProcess;
use fleetfoot_stand_in::fargate::{self, StandInFargate};
use fleetfoot_stand_in::github::{self, JobOrder, StandInGitHub};
use fleetfoot_stand_in::images::{self, StandInImages};
use fleetfoot_stand_in::registry::{self, StandInRegistry};
use fleetfoot_stand_in::runner::SimulatedRunners;

use crate::faults::{Faults, Latency};
use crate::mutation::Mutation;
use crate::ports::{
    SlackChannel, Surroundings, WEBHOOK_SECRET, WorldFleet, WorldGitHub, WorldImages, WorldLedger,
    WorldRegistry, WorldSecrets, WorldTickets,
};
use crate::watch::Watch;
use agents::Agents;
use executor::Executor;

/// The template that is deployed.
const TEMPLATE: &str = include_str!("../../../../template.yaml");

/// What a world is made with.
#[derive(Debug, Clone)]
pub struct WorldPlan {
    /// Where chance comes from.
    pub seed: u64,
    /// When it begins.
    pub began: Timestamp,
    /// The fleet's configuration.
    pub config: Arc<Config>,
    /// The stand-in GitHub.
    pub github: github::Settings,
    /// The stand-in Fargate.
    pub fargate: fargate::Settings,
    /// The stand-in registries of base images.
    pub registry: registry::Settings,
    /// The stand-in image builder.
    pub images: images::Settings,
    /// What goes wrong between them.
    pub faults: Faults,
    /// How long calls take.
    pub latency: Latency,
    /// A protection that is not there.
    pub mutation: Option<Mutation>,
    /// The most events that are remembered; the oldest go first.
    pub history: usize,
}

impl WorldPlan {
    /// A world without faults in which calls take no time, on a Monday morning.
    ///
    /// # Panics
    /// Never: the time is one.
    pub fn new(seed: u64, config: Arc<Config>) -> Self {
        Self {
            seed,
            began: "2026-11-23T09:00:00Z".parse().expect("a time"),
            config,
            github: github::Settings::new(seed, Secret::new(WEBHOOK_SECRET)),
            fargate: fargate::Settings::new(seed),
            registry: registry::Settings::new(seed),
            images: images::Settings::new(seed),
            faults: Faults::NONE,
            latency: Latency::NONE,
            mutation: None,
            history: 100_000,
        }
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
    pub bus: Arc<Bus>,
    functions: Arc<Functions>,
    /// The fleet's configuration.
    pub config: Arc<Config>,
    /// What Slack was sent.
    pub slack: Arc<SlackChannel>,
    github: InProcess<StandInGitHub>,
    fargate: InProcess<StandInFargate>,
    registry: InProcess<StandInRegistry>,
    images: InProcess<StandInImages>,
    runners: SimulatedRunners,
    agents: Agents,
    executor: Executor,
    around: Arc<Surroundings>,
    /// What each schedule last woke its function with.
    scheduled: BTreeMap<String, Delivery>,
    /// Jobs of whose end a function was told and never heard.
    lost_ends: BTreeSet<JobId>,
    /// Up to which event watches have been told.
    told: u64,
    began: Timestamp,
    is_fair: bool,
}

impl World {
    /// A world in which nothing has happened yet.
    ///
    /// # Panics
    /// If the template is not understood, which a test would have found.
    pub fn new(plan: WorldPlan) -> Self {
        let is_fair = is_fair(&plan);
        let WorldPlan {
            seed,
            began,
            config,
            github,
            fargate,
            registry,
            images,
            faults,
            latency,
            mutation,
            history,
        } = plan;
        let clock = VirtualClock::at(began);
        let shared = Arc::new(clock.clone());
        let github = InProcess::new(Arc::new(Mutex::new(StandInGitHub::new(github))), shared.clone());
        let fargate = InProcess::new(Arc::new(Mutex::new(StandInFargate::new(fargate))), shared.clone());
        let registry = InProcess::new(Arc::new(Mutex::new(StandInRegistry::new(registry))), shared.clone());
        let images = InProcess::new(Arc::new(Mutex::new(StandInImages::new(images))), shared);
        let weather = weather::Weather::of(seed, began, &faults);
        for (from, until) in weather.github {
            github.state().add_outage(from, until);
        }
        let around = Surroundings::new(clock.clone(), seed, faults, latency, mutation);
        let ledger = Arc::new(WorldLedger::new(around.clone(), weather.ledger));
        let secrets = Arc::new(WorldSecrets::default());
        let slack = Arc::new(SlackChannel::new(around.clone(), config.notify.slack.as_ref()));
        let ports = Ports {
            ledger: ledger.clone(),
            github: Arc::new(WorldGitHub { around: around.clone(), github: github.clone() }),
            fleet: Arc::new(WorldFleet {
                around: around.clone(),
                fargate: fargate.clone(),
                github: github.clone(),
                scopes: config.github.target.scopes(),
            }),
            registry: Arc::new(WorldRegistry { around: around.clone(), registry: registry.clone() }),
            images: Arc::new(WorldImages { around: around.clone(), builder: images.clone() }),
            secrets: secrets.clone(),
            tickets: Arc::new(WorldTickets { around: around.clone(), tickets: SeededTickets::new(seed) }),
            slack: Some(slack.clone()),
        };
        let wiring =
            Arc::new(Wiring::read(TEMPLATE, &BTreeMap::new()).unwrap_or_else(|error| panic!("{error}")));
        let functions = functions(ports, &config, &wiring).unwrap_or_else(|error| panic!("{error}"));
        let bus = Bus::in_memory_with(wiring, Pace::Aws, history).unwrap_or_else(|error| panic!("{error}"));
        Self {
            bus: Arc::new(bus),
            runners: SimulatedRunners::new(seed),
            agents: Agents::default(),
            executor: Executor::default(),
            functions: Arc::new(functions),
            scheduled: BTreeMap::new(),
            lost_ends: BTreeSet::new(),
            told: 0,
            clock,
            ledger,
            secrets,
            config,
            slack,
            github,
            fargate,
            registry,
            images,
            around,
            began,
            is_fair,
        }
    }

    /// Functions tell traces from now on. To be called before anything has happened.
    pub fn trace(&mut self, traces: &Arc<Exporter>) {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        self.functions = Arc::new(Functions::clone(&self.functions).traced(traces, &clock));
    }

    /// Somebody looks on from now on.
    pub fn watch(&self, watch: Arc<Mutex<dyn Watch>>) {
        self.around.watch(watch);
    }

    /// The stand-in GitHub.
    pub fn github(&self) -> MutexGuard<'_, StandInGitHub> {
        self.github.state()
    }

    /// The stand-in Fargate.
    pub fn fargate(&self) -> MutexGuard<'_, StandInFargate> {
        self.fargate.state()
    }

    /// The stand-in registries of base images.
    pub fn registry(&self) -> MutexGuard<'_, StandInRegistry> {
        self.registry.state()
    }

    /// The stand-in image builder.
    pub fn images(&self) -> MutexGuard<'_, StandInImages> {
        self.images.state()
    }

    /// Someone brings about a job.
    pub fn order(&mut self, order: JobOrder) -> JobId {
        let now = self.now();
        self.github().queue_job(now, order)
    }

    /// When it began.
    pub fn began(&self) -> Timestamp {
        self.began
    }

    /// Whether nothing goes wrong in it, but that runners take each other's jobs: at GitHub that is no fault.
    pub fn is_fair(&self) -> bool {
        self.is_fair
    }

    /// Nothing goes wrong between functions and ports from now on. The stand-ins have faults of their own.
    pub fn clear_up(&self) {
        self.around.clear_up();
    }
}

fn is_fair(plan: &WorldPlan) -> bool {
    let runner_swapped = plan.github.faults.runner_swapped;
    plan.github.faults == github::Faults { runner_swapped, ..github::Faults::NONE }
        && plan.fargate.faults == fargate::Faults::NONE
        && plan.registry.faults == registry::Faults::NONE
        && plan.images.faults == images::Faults::NONE
        && plan.faults == Faults::NONE
}
