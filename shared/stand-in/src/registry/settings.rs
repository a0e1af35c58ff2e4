//! What stand-in registries are made with.

use crate::level::nameable_by_level;

/// What stand-in registries are made with.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What chance is drawn from.
    pub seed: u64,
    /// Whether every well-formed image is there, for both architectures, unless it was removed. Default true; else only
    /// what was pushed.
    pub knows_everything: bool,
    /// What goes wrong. Default: nothing.
    pub faults: Faults,
    /// How much may be asked of them.
    pub limits: Limits,
}

impl Settings {
    /// Registries without faults that know every image.
    pub fn new(seed: u64) -> Self {
        Self { seed, knows_everything: true, faults: Faults::NONE, limits: Limits::default() }
    }
}

/// How much may be asked, all registries taken together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Requests a second. Default 10.
    pub requests_per_second: u32,
    /// Requests at once. Default 1000.
    pub request_burst: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests_per_second: 10, request_burst: 1000 }
    }
}

/// What goes wrong, as rates from 0.0 (never) to 1.0 (always).
#[derive(Debug, Clone, PartialEq)]
pub struct Faults {
    /// A request is answered with an error of the server.
    pub request_failed: f64,
    /// A request is answered with a limit, though there is room.
    pub throttled: f64,
}

impl Faults {
    /// Nothing goes wrong.
    pub const NONE: Self = Self { request_failed: 0.0, throttled: 0.0 };

    /// What a bad week brings.
    pub const SOME: Self = Self { request_failed: 0.01, throttled: 0.01 };

    /// Far worse than anything seen.
    pub const HEAVY: Self = Self { request_failed: 0.1, throttled: 0.05 };
}

nameable_by_level!(Faults);
