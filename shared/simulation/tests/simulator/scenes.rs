//! Scenarios that are small enough for many of them.

use std::sync::{Arc, Mutex};
use std::thread;

use fleetfoot_model::SignedDuration;
use fleetfoot_model::config::{self, Config};
use fleetfoot_simulation::invariants::Violation;
use fleetfoot_simulation::run::{AllFaults, Limits, Scenario};
use fleetfoot_simulation::workload::{Arrival, Oddities, Workload};
use fleetfoot_stand_in::FaultLevel;

/// Room for every job at once.
pub(crate) const ROOMY: &str = "[limits]\nrunners = 1000\n";
/// Room for few.
pub(crate) const CROWDED: &str = "[limits]\nrunners = 8\n";
/// Jobs come about so fast in a second.
const RATE: f64 = 0.2;

/// The configuration of a fleet, of which only what matters is said.
pub(crate) fn fleet(text: &str) -> Arc<Config> {
    let github =
        "[github]\norganization = \"acme\"\ntoken = \"env:TOKEN\"\nwebhook_secrets = [\"env:SECRET\"]\n";
    let images = "[images]\nallow = [\"ubuntu:*\"]\n";
    Arc::new(config::load("fleet.toml", &format!("{github}{images}{text}")).expect("a configuration"))
}

/// So many jobs, one after the other.
pub(crate) fn scenario(seed: u64, fleet_of: &str, jobs: u64, level: FaultLevel) -> Scenario {
    let (arrival, oddities) = (Arrival::Poisson(RATE), Oddities::SOME);
    Scenario {
        seed,
        config: fleet(fleet_of),
        workload: Workload { seed, arrival, jobs, oddities, only: None },
        faults: AllFaults::from(level),
        limits: Limits::default(),
        mutation: None,
        settles_within: SignedDuration::from_hours(8),
        is_thorough: false,
    }
}

/// Sees that nothing is broken in any of these scenarios, on two threads.
#[track_caller]
pub(crate) fn nothing_breaks(scenarios: impl Iterator<Item = Scenario> + Send) {
    let scenarios = Mutex::new(scenarios);
    let broken: Mutex<Vec<(u64, Vec<Violation>)>> = Mutex::default();
    let next = || scenarios.lock().expect("nobody panics with it").next();
    let work = || {
        while let Some(scenario) = next() {
            let violations = scenario.play().violations;
            if !violations.is_empty() {
                broken.lock().expect("nobody panics with it").push((scenario.seed, violations));
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let broken = broken.into_inner().expect("nobody panicked with it");
    assert!(broken.is_empty(), "seeds and what they broke: {broken:#?}");
}
