//! What a stand-in Fargate is made with. Every limit and time of the real one is a value here.

use fleetfoot_model::SignedDuration;

use crate::dice::{Span, millis};
use crate::level::nameable_by_level;

/// What a stand-in Fargate is made with.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What chance is drawn from.
    pub seed: u64,
    /// Whether it only tells that tasks run and that they stopped: nobody here listens to the rest. For simulations of
    /// very many jobs. Default false.
    pub is_brief: bool,
    /// What goes wrong. Default: nothing.
    pub faults: Faults,
    /// How much may be asked of it.
    pub limits: Limits,
    /// How long things take.
    pub times: Times,
}

impl Settings {
    /// A Fargate without faults, with the real one's limits and times.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            is_brief: false,
            faults: Faults::NONE,
            limits: Limits::default(),
            times: Times::default(),
        }
    }
}

/// How much may be asked of it (Amazon ECS and Fargate service quotas, read November 2026).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Tasks a second, on demand and Spot each. Default 20.
    pub launches_per_second: u32,
    /// Tasks at once, on demand and Spot each. Default 100.
    pub launch_burst: u64,
    /// `RunTask` and `StopTask` calls a second, together. Default 40.
    pub actions_per_second: u32,
    /// `RunTask` and `StopTask` calls at once, together. Default 100.
    pub action_burst: u64,
    /// `ListTasks` and `DescribeTasks` calls a second. Default 20.
    pub reads_per_second: u32,
    /// `ListTasks` and `DescribeTasks` calls at once. Default 100.
    pub read_burst: u64,
    /// vCPUs that may run on demand. Default 4,000; an account's own quota.
    pub on_demand_vcpus: u32,
    /// vCPUs that may run on Spot. Default 4,000; an account's own quota.
    pub spot_vcpus: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            launches_per_second: 20,
            launch_burst: 100,
            actions_per_second: 40,
            action_burst: 100,
            reads_per_second: 20,
            read_burst: 100,
            on_demand_vcpus: 4_000,
            spot_vcpus: 4_000,
        }
    }
}

/// How long things take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times {
    /// From `RunTask` until the agent is up. Default 20 to 45 s.
    pub start: Span,
    /// The same for a slow start. Default 2 to 5 min.
    pub slow_start: Span,
    /// From `RunTask` until a task that never starts is given up. Default 1 to 4 min.
    pub giving_up: Span,
    /// From the end of the agent until the task has stopped. Default 5 to 15 s.
    pub stop: Span,
    /// From SIGTERM to SIGKILL, after a stop and a Spot warning alike. Default 120 s, the most there is.
    pub grace: SignedDuration,
    /// From the agent being up to its interruption, for Spot tasks that are interrupted. Default 10 s to 20 min.
    pub until_interruption: Span,
    /// From a change to its event. Default 0.2 to 2 s.
    pub event: Span,
    /// The same for a late event. Default 5 to 60 s.
    pub late_event: Span,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            start: millis(20_000, 45_000),
            slow_start: millis(120_000, 300_000),
            giving_up: millis(60_000, 240_000),
            stop: millis(5_000, 15_000),
            grace: SignedDuration::from_secs(120),
            until_interruption: millis(10_000, 1_200_000),
            event: millis(200, 2_000),
            late_event: millis(5_000, 60_000),
        }
    }
}

/// What goes wrong, as rates from 0.0 (never) to 1.0 (always).
#[derive(Debug, Clone, PartialEq)]
pub struct Faults {
    /// There is no capacity for a launch.
    pub no_capacity: f64,
    /// A request is answered with an error of the server, and nothing is done.
    pub request_failed: f64,
    /// A request is carried out, but its answer is lost.
    pub answer_lost: f64,
    /// A task that was accepted never runs: its image cannot be pulled, or there is no address for it.
    pub never_started: f64,
    /// A task takes minutes to start.
    pub slow_start: f64,
    /// A Spot task is interrupted.
    pub spot_interrupted: f64,
    /// A running task is gone without any event.
    pub task_lost: f64,
    /// An event does not come.
    pub event_lost: f64,
    /// An event comes twice.
    pub event_doubled: f64,
    /// An event comes late, so that later ones overtake it.
    pub event_late: f64,
}

impl Faults {
    /// Nothing goes wrong.
    pub const NONE: Self = Self {
        no_capacity: 0.0,
        request_failed: 0.0,
        answer_lost: 0.0,
        never_started: 0.0,
        slow_start: 0.0,
        spot_interrupted: 0.0,
        task_lost: 0.0,
        event_lost: 0.0,
        event_doubled: 0.0,
        event_late: 0.0,
    };

    /// What a bad week brings.
    pub const SOME: Self = Self {
        no_capacity: 0.02,
        request_failed: 0.01,
        answer_lost: 0.005,
        never_started: 0.02,
        slow_start: 0.03,
        spot_interrupted: 0.05,
        task_lost: 0.002,
        event_lost: 0.01,
        event_doubled: 0.05,
        event_late: 0.05,
    };

    /// Far worse than anything seen.
    pub const HEAVY: Self = Self {
        no_capacity: 0.1,
        request_failed: 0.05,
        answer_lost: 0.03,
        never_started: 0.1,
        slow_start: 0.1,
        spot_interrupted: 0.2,
        task_lost: 0.01,
        event_lost: 0.05,
        event_doubled: 0.2,
        event_late: 0.2,
    };
}

nameable_by_level!(Faults);
