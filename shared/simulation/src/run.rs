//! One seed: a scenario is played to its end, and what came of it is told.

use std::sync::Arc;

use fleetfoot_model::config::Config;
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_stand_in::{fargate, github, images, registry};

use crate::faults::{Faults, Latency};
use crate::invariants::{self, Inspection, Violation};
use crate::mutation::Mutation;
use crate::workload::{Origins, Workload};
use crate::world::{World, WorldPlan};

/// Everything that may go wrong in a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct AllFaults {
    /// At GitHub.
    pub github: github::Faults,
    /// In Fargate.
    pub fargate: fargate::Faults,
    /// At the registries of base images.
    pub registry: registry::Faults,
    /// With builds of images.
    pub images: images::Faults,
    /// Between them.
    pub system: Faults,
}

impl From<fleetfoot_stand_in::FaultLevel> for AllFaults {
    fn from(level: fleetfoot_stand_in::FaultLevel) -> Self {
        Self {
            github: level.into(),
            fargate: level.into(),
            registry: level.into(),
            images: level.into(),
            system: level.into(),
        }
    }
}

/// The limits of others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// GitHub's.
    pub github: github::Limits,
    /// Those of ECS and Fargate.
    pub fargate: fargate::Limits,
}

/// Where nobody asks for the history it is as long as one step may need.
const SHORT_HISTORY: usize = 1_000;

/// What is played.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Where chance comes from.
    pub seed: u64,
    /// The fleet's configuration.
    pub config: Arc<Config>,
    /// The jobs that come.
    pub workload: Workload,
    /// What goes wrong.
    pub faults: AllFaults,
    /// The limits of others.
    pub limits: Limits,
    /// A protection that is not there.
    pub mutation: Option<Mutation>,
    /// How long after the last job everything must have settled.
    pub settles_within: SignedDuration,
    /// Whether everything that is written is searched for secrets, and events come again at the end.
    pub is_thorough: bool,
}

/// What came of a scenario.
pub struct Outcome {
    /// How long it took until everything had settled.
    pub took: SignedDuration,
    /// What did not hold.
    pub violations: Vec<Violation>,
    /// The world as it is now.
    pub world: World,
}

impl Scenario {
    /// Its world, in which nothing has happened yet.
    pub fn world(&self) -> World {
        let mut plan = WorldPlan::new(self.seed, self.config.clone());
        plan.github.is_brief = true;
        plan.github.faults = self.faults.github.clone();
        plan.github.limits = self.limits.github.clone();
        plan.fargate.faults = self.faults.fargate.clone();
        plan.fargate.limits = self.limits.fargate.clone();
        plan.fargate.is_brief = true;
        plan.registry.faults = self.faults.registry.clone();
        plan.images.faults = self.faults.images.clone();
        plan.faults = self.faults.system.clone();
        plan.latency = Latency::REAL;
        plan.mutation = self.mutation;
        if !self.is_thorough {
            plan.history = SHORT_HISTORY;
        }
        World::new(plan)
    }

    /// Plays it to its end, or until an invariant is broken.
    pub fn play(&self) -> Outcome {
        self.play_in(self.world())
    }

    /// The same in a world that somebody watches already.
    pub fn play_in(&self, mut world: World) -> Outcome {
        let inspection = Inspection::of(&world, self.is_thorough);
        let began = world.began();
        let mut coming = self.workload.clone().coming(Origins::of(&self.config)).peekable();
        let mut latest = began;
        while let Some(next) = coming.next() {
            latest = began + next.after;
            while !inspection.is_broken() && world.step(latest) {}
            world.clock.set(latest);
            world.order(next.order);
            while let Some(same) = coming.next_if(|it| began + it.after == latest) {
                world.order(same.order);
            }
        }
        let deadline = latest + self.settles_within;
        settle(&mut world, &inspection, deadline);
        let took = world.now().duration_since(began);
        let mut violations = inspection.at_the_end(&world);
        if violations.is_empty() && self.is_thorough {
            world.clear_up();
            violations.extend(invariants::replay_changes_nothing(&mut world, self.seed));
        }
        Outcome { took, violations, world }
    }
}

/// Until everything has settled, something is broken, or the time is over.
fn settle(world: &mut World, inspection: &Inspection, deadline: Timestamp) {
    while !inspection.is_broken() && !inspection.is_settled(world) && world.step(deadline) {}
}
