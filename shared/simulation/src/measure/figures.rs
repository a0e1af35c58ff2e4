//! What a scenario came to, in figures.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use fleetfoot_model::SignedDuration;
use fleetfoot_stand_in::github::Call;

use super::{Bounds, Meter, Waits, bounds};
use crate::ports::lock;
use crate::run::{Limits, Outcome, Scenario};
use crate::watch::Watch;
use crate::workload::Origins;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// What a scenario, or several of a kind, came to.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// How many scenarios.
    pub runs: u64,
    /// How many jobs came.
    pub jobs: u64,
    /// How they ended, in GitHub's words; `open` are those that the fleet gave up.
    pub ends: BTreeMap<String, u64>,
    /// How long jobs were queued.
    pub waits: Waits,
    /// How long jobs ran, in all.
    pub ran: SignedDuration,
    /// From the beginning until the last task was accepted; of the longest run.
    pub last_launch: SignedDuration,
    /// The same if nothing but the limits held jobs up; of that run.
    pub allowed: Option<Bounds>,
    /// From the beginning until everything had settled; of the longest run.
    pub took: SignedDuration,
    /// The most runners at once.
    pub peak: u64,
    /// How many tasks were accepted.
    pub launched: u64,
    /// How many runners ended, by why.
    pub stops: BTreeMap<&'static str, u64>,
    /// How often jobs were told to wait, by what for.
    pub held_up: BTreeMap<&'static str, u64>,
    /// Registrations that GitHub was asked for.
    pub registrations: u64,
    /// Other requests that count against GitHub's limits.
    pub other_requests: u64,
    /// Events that were published.
    pub events: u64,
    /// List price of all runners, in USD.
    pub cost_usd: f64,
}

impl Scenario {
    /// What the limits allow.
    pub fn bounds(&self) -> Bounds {
        self.bounds_within(&self.limits)
    }

    fn bounds_within(&self, limits: &Limits) -> Bounds {
        bounds(self.workload.clone().coming(Origins::of(&self.config)), limits, &self.config)
    }

    /// Plays it and measures, while somebody else may look on.
    pub fn measure(&self, beside: Option<Arc<Mutex<dyn Watch>>>) -> (Outcome, Figures, Meter) {
        let world = self.world();
        if let Some(beside) = beside {
            world.watch(beside);
        }
        let meter = Arc::new(Mutex::new(Meter::new(world.began())));
        world.watch(meter.clone());
        let outcome = self.play_in(world);
        let meter = std::mem::replace(&mut *lock(&meter), Meter::new(outcome.world.began()));
        let figures = self.figures(&outcome, &meter);
        (outcome, figures, meter)
    }

    fn figures(&self, outcome: &Outcome, meter: &Meter) -> Figures {
        let world = &outcome.world;
        let since_the_beginning = |at: fleetfoot_model::Timestamp| at.duration_since(world.began());
        let github = world.github();
        let (mut ends, mut ran, mut jobs) = (BTreeMap::new(), SignedDuration::ZERO, 0);
        for (_, _, history) in github.jobs() {
            jobs += 1;
            *ends.entry(history.conclusion.clone().unwrap_or_else(|| "open".to_owned())).or_default() += 1;
            if let (Some((from, _)), Some(until)) = (history.started(), history.completed_at) {
                ran += until.duration_since(from);
            }
        }
        let registrations = github.calls_of(Call::Jit);
        let other_requests = github.other_requests();
        drop(github);
        let mut limits = self.limits.clone();
        // What other requests took of the hourly limit was not there for registrations.
        let hours = outcome.took.as_secs_f64() / HOUR.as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a count of requests in an hour"
        )]
        let others = (other_requests as f64 / hours.max(1.0)).ceil() as u64;
        limits.github.requests_per_hour = limits.github.requests_per_hour.saturating_sub(others).max(1);
        Figures {
            runs: 1,
            jobs,
            ends,
            waits: Waits::of(world),
            ran,
            last_launch: meter.last_launch.map(since_the_beginning).unwrap_or_default(),
            allowed: Some(self.bounds_within(&limits)),
            took: outcome.took,
            peak: meter.peak,
            launched: world.fargate().launches().map(|(_, tasks)| u64::from(tasks)).sum(),
            stops: meter.stops.clone(),
            held_up: meter.waits.clone(),
            registrations,
            other_requests,
            events: meter.events,
            #[expect(clippy::cast_precision_loss, reason = "millionths of USD, far below 2^52")]
            cost_usd: meter.cost_micro_usd as f64 / 1e6,
        }
    }
}

impl Figures {
    /// Adds those of another run.
    pub fn add(&mut self, other: Self) {
        if other.last_launch >= self.last_launch {
            self.last_launch = other.last_launch;
            self.allowed = other.allowed;
        }
        self.runs += other.runs;
        self.jobs += other.jobs;
        self.ran += other.ran;
        self.took = self.took.max(other.took);
        self.peak = self.peak.max(other.peak);
        self.launched += other.launched;
        self.registrations += other.registrations;
        self.other_requests += other.other_requests;
        self.events += other.events;
        self.cost_usd += other.cost_usd;
        self.waits.extend(other.waits);
        sum(&mut self.ends, other.ends);
        sum(&mut self.stops, other.stops);
        sum(&mut self.held_up, other.held_up);
    }
}

fn sum<K: Ord>(counts: &mut BTreeMap<K, u64>, more: BTreeMap<K, u64>) {
    for (name, count) in more {
        *counts.entry(name).or_default() += count;
    }
}
