//! What a stand-in image builder is made with.

use crate::dice::{Span, millis};
use crate::level::nameable_by_level;

/// What a stand-in image builder is made with.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What chance is drawn from.
    pub seed: u64,
    /// What goes wrong. Default: nothing.
    pub faults: Faults,
    /// How much may be asked of it.
    pub limits: Limits,
    /// How long things take.
    pub times: Times,
}

impl Settings {
    /// A builder without faults, with the times of a real one.
    pub fn new(seed: u64) -> Self {
        Self { seed, faults: Faults::NONE, limits: Limits::default(), times: Times::default() }
    }
}

/// How much may be asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Builds that may be started a second. Default 10.
    pub starts_per_second: u32,
    /// Builds that may be started at once. Default 20.
    pub start_burst: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { starts_per_second: 10, start_burst: 20 }
    }
}

/// How long things take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times {
    /// A build. Default 1 to 5 min.
    pub build: Span,
    /// From a change to its event. Default 0.2 to 2 s.
    pub event: Span,
    /// From an event to its double. Default 1 to 60 s.
    pub late_event: Span,
}

impl Default for Times {
    fn default() -> Self {
        Self { build: millis(60_000, 300_000), event: millis(200, 2_000), late_event: millis(1_000, 60_000) }
    }
}

impl Times {
    /// For a demonstration before an impatient audience: a build takes a second or two.
    pub fn quick() -> Self {
        Self { build: millis(800, 2_000), event: millis(5, 50), late_event: millis(50, 500) }
    }
}

/// What goes wrong, as rates from 0.0 (never) to 1.0 (always).
#[derive(Debug, Clone, PartialEq)]
pub struct Faults {
    /// A build fails.
    pub build_failed: f64,
    /// A build runs for ever.
    pub build_hangs: f64,
    /// A request is answered with an error of the server, and nothing is done.
    pub request_failed: f64,
    /// An event does not come.
    pub event_lost: f64,
    /// An event comes twice.
    pub event_doubled: f64,
}

impl Faults {
    /// Nothing goes wrong.
    pub const NONE: Self = Self {
        build_failed: 0.0,
        build_hangs: 0.0,
        request_failed: 0.0,
        event_lost: 0.0,
        event_doubled: 0.0,
    };

    /// What a bad week brings.
    pub const SOME: Self = Self {
        build_failed: 0.02,
        build_hangs: 0.01,
        request_failed: 0.01,
        event_lost: 0.02,
        event_doubled: 0.05,
    };

    /// Far worse than anything seen.
    pub const HEAVY: Self = Self {
        build_failed: 0.1,
        build_hangs: 0.05,
        request_failed: 0.05,
        event_lost: 0.1,
        event_doubled: 0.2,
    };
}

nameable_by_level!(Faults);
