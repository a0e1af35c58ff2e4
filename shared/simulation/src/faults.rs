//! What goes wrong between the fleet's functions and what they call, as rates from 0.0 (never) to 1.0 (always). What goes
//! wrong at GitHub, in Fargate and with builds is in `fleetfoot_stand_in`.

use fleetfoot_model::SignedDuration;
use fleetfoot_stand_in::{FaultLevel, Span, millis};

/// What goes wrong, and how often.
#[derive(Debug, Clone, PartialEq)]
pub struct Faults {
    /// A function dies before or after a call of a port. What it would have told is never told.
    pub function_died: f64,
    /// A function's facts are published and it dies before that is noted: the same event comes again.
    pub died_after_publishing: f64,
    /// An event never wakes its function.
    pub event_lost: f64,
    /// An event wakes its function twice at once.
    pub event_doubled: f64,
    /// An event is held back by up to a minute, so that others overtake it.
    pub event_delayed: f64,
    /// The ledger does not answer a call; half of its writes are done all the same.
    pub ledger_refused: f64,
    /// The ledger says that a row had changed when it had not.
    pub ledger_conflicted: f64,
    /// Somebody who has read a task's ticket asks for a registration with it, after the task itself.
    pub ticket_stolen: f64,
    /// How often an hour the ledger is away for one to three minutes.
    pub ledger_outages: f64,
    /// How often an hour GitHub is down for two to eight minutes.
    pub github_outages: f64,
    /// How far the ledger's indexes may lag behind its rows.
    pub index_lag: SignedDuration,
}

impl Faults {
    /// Nothing goes wrong.
    pub const NONE: Self = Self {
        function_died: 0.0,
        died_after_publishing: 0.0,
        event_lost: 0.0,
        event_doubled: 0.0,
        event_delayed: 0.0,
        ledger_refused: 0.0,
        ledger_conflicted: 0.0,
        ticket_stolen: 0.0,
        ledger_outages: 0.0,
        github_outages: 0.0,
        index_lag: SignedDuration::ZERO,
    };

    /// What a bad week brings.
    pub const SOME: Self = Self {
        function_died: 0.0005,
        died_after_publishing: 0.001,
        event_lost: 0.0005,
        event_doubled: 0.01,
        event_delayed: 0.01,
        ledger_refused: 0.001,
        ledger_conflicted: 0.002,
        ticket_stolen: 0.0,
        ledger_outages: 0.1,
        github_outages: 0.1,
        index_lag: SignedDuration::from_millis(200),
    };

    /// Far worse than anything seen.
    pub const HEAVY: Self = Self {
        function_died: 0.005,
        died_after_publishing: 0.02,
        event_lost: 0.01,
        event_doubled: 0.1,
        event_delayed: 0.1,
        ledger_refused: 0.01,
        ledger_conflicted: 0.02,
        ticket_stolen: 0.0,
        ledger_outages: 1.0,
        github_outages: 1.0,
        index_lag: SignedDuration::from_secs(2),
    };
}

impl From<FaultLevel> for Faults {
    fn from(level: FaultLevel) -> Self {
        match level {
            FaultLevel::None => Self::NONE,
            FaultLevel::Some => Self::SOME,
            FaultLevel::Heavy => Self::HEAVY,
        }
    }
}

/// How long calls take.
#[derive(Debug, Clone, PartialEq)]
pub struct Latency {
    /// A read or write of rows.
    pub ledger: Span,
    /// A request to GitHub.
    pub github: Span,
    /// A request to the fleet or the builder of images.
    pub fleet: Span,
}

impl Latency {
    /// Nothing takes any time: every invocation runs to its end at one instant.
    pub const NONE: Self = Self { ledger: millis(0, 0), github: millis(0, 0), fleet: millis(0, 0) };

    /// About what the real ones take.
    pub const REAL: Self = Self { ledger: millis(2, 12), github: millis(80, 400), fleet: millis(100, 500) };
}
