//! From a scenario that breaks an invariant to the shortest one that still does: fewer jobs, then fewer kinds of faults.

use std::collections::BTreeSet;

use fleetfoot_local::bus::Published;
use fleetfoot_stand_in::{fargate, github, images};

use crate::faults::Faults;
use crate::invariants::Violation;
use crate::run::{Outcome, Scenario};

/// The most scenarios that are tried.
const MOST_TRIES: usize = 150;

/// What was found to be enough.
pub struct Shortest {
    /// The jobs and faults that it takes.
    pub scenario: Scenario,
    /// How that ended.
    pub outcome: Outcome,
    /// How many jobs are left.
    pub jobs: usize,
}

impl Shortest {
    /// What is broken.
    pub fn violation(&self) -> Option<&Violation> {
        self.outcome.violations.first()
    }

    /// Everything that was told of the job and the runner that it is about, or of everything if it is about none.
    ///
    /// # Panics
    /// Never: a bus in memory answers.
    pub fn history(&self) -> Vec<Published> {
        let violation = self.violation();
        let about: Vec<String> = violation
            .into_iter()
            .flat_map(|it| {
                let runner = it.runner.as_ref().map(ToString::to_string);
                [it.job.map(|job| job.to_string()), runner]
            })
            .flatten()
            .collect();
        let history = self.outcome.world.bus.history(0, usize::MAX).expect("a bus in memory answers");
        let is_about = |event: &Published| {
            let text = event.envelope.detail.to_string();
            about.is_empty() || about.iter().any(|name| text.contains(name))
        };
        history.into_iter().filter(is_about).filter(|event| event.envelope.source != "aws.events").collect()
    }
}

/// Finds the shortest scenario that breaks the same invariant. `outcome` is how the whole one ended.
pub fn shrink(scenario: &Scenario, outcome: Outcome) -> Shortest {
    let jobs: BTreeSet<u64> =
        scenario.workload.only.clone().unwrap_or_else(|| (0..scenario.workload.jobs).collect());
    let invariant = outcome.violations.first().map_or("", |violation| violation.invariant);
    let mut search = Search { invariant, tries: 0, jobs, scenario: scenario.clone(), outcome };
    search.fewer_jobs();
    search.fewer_faults();
    search.fewer_jobs();
    Shortest { jobs: search.jobs.len(), scenario: search.scenario, outcome: search.outcome }
}

struct Search {
    invariant: &'static str,
    tries: usize,
    jobs: BTreeSet<u64>,
    scenario: Scenario,
    outcome: Outcome,
}

impl Search {
    /// Leaves out ever smaller parts of the jobs, as long as what is left breaks the invariant.
    fn fewer_jobs(&mut self) {
        let mut part = self.jobs.len() / 2;
        while part > 0 {
            let all: Vec<u64> = self.jobs.iter().copied().collect();
            for left_out in all.chunks(part) {
                let rest: BTreeSet<u64> =
                    self.jobs.iter().copied().filter(|job| !left_out.contains(job)).collect();
                let mut smaller = self.scenario.clone();
                smaller.workload.only = Some(rest.clone());
                if !rest.is_empty() && self.try_out(smaller) {
                    self.jobs = rest;
                }
            }
            part /= 2;
        }
    }

    fn fewer_faults(&mut self) {
        let switches: [fn(&mut Scenario); 4] = [
            |scenario| scenario.faults.github = github::Faults::NONE,
            |scenario| scenario.faults.fargate = fargate::Faults::NONE,
            |scenario| scenario.faults.images = images::Faults::NONE,
            |scenario| scenario.faults.system = Faults::NONE,
        ];
        for switch_off in switches {
            let mut fairer = self.scenario.clone();
            switch_off(&mut fairer);
            self.try_out(fairer);
        }
    }

    fn try_out(&mut self, scenario: Scenario) -> bool {
        if self.tries >= MOST_TRIES {
            return false;
        }
        self.tries += 1;
        let outcome = scenario.play();
        let is_broken = outcome.violations.first().is_some_and(|it| it.invariant == self.invariant);
        if is_broken {
            self.scenario = scenario;
            self.outcome = outcome;
        }
        is_broken
    }
}
