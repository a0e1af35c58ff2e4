//! What can go wrong at GitHub, as rates from 0.0 (never) to 1.0 (always).

use fleetfoot_model::SignedDuration;

use crate::level::nameable_by_level;

/// What goes wrong, and how often.
#[derive(Debug, Clone, PartialEq)]
pub struct Faults {
    /// A webhook does not arrive; GitHub lists the delivery as failed.
    pub webhook_dropped: f64,
    /// A webhook does not arrive and no delivery is listed.
    pub webhook_lost: f64,
    /// A webhook arrives twice, with one GUID.
    pub webhook_doubled: f64,
    /// A webhook comes late, by up to `longest_delay`.
    pub webhook_delayed: f64,
    /// A webhook is held back by a few seconds, so that later ones overtake it.
    pub webhook_reordered: f64,
    /// How late a delayed webhook may be.
    pub longest_delay: SignedDuration,
    /// `queued` comes twice after an approval, as two deliveries.
    pub approval_doubled: f64,
    /// Any of the jobs or runners that fit is taken, instead of the one that has waited longest.
    pub runner_swapped: f64,
    /// A runner does not hear of the job it was assigned; the job is queued again after its time.
    pub assignment_lost: f64,
    /// A runner dies in the middle of its job. Only simulated runners obey this.
    pub runner_died: f64,
    /// A connected runner is not told that its registration was removed: its process lives on without ever getting a
    /// job.
    pub ghost_runner: f64,
    /// A request is answered with an error of the server, and nothing is done.
    pub request_failed: f64,
    /// A request is carried out, but its answer is lost.
    pub answer_lost: f64,
}

impl Faults {
    /// Nothing goes wrong.
    pub const NONE: Self = Self {
        webhook_dropped: 0.0,
        webhook_lost: 0.0,
        webhook_doubled: 0.0,
        webhook_delayed: 0.0,
        webhook_reordered: 0.0,
        longest_delay: SignedDuration::from_secs(10),
        approval_doubled: 0.0,
        runner_swapped: 0.0,
        assignment_lost: 0.0,
        runner_died: 0.0,
        ghost_runner: 0.0,
        request_failed: 0.0,
        answer_lost: 0.0,
    };

    /// What a bad week brings.
    pub const SOME: Self = Self {
        webhook_dropped: 0.03,
        webhook_lost: 0.003,
        webhook_doubled: 0.05,
        webhook_delayed: 0.05,
        webhook_reordered: 0.05,
        approval_doubled: 0.3,
        runner_swapped: 0.2,
        assignment_lost: 0.003,
        runner_died: 0.003,
        ghost_runner: 0.02,
        request_failed: 0.01,
        answer_lost: 0.005,
        ..Self::NONE
    };

    /// Far worse than anything seen.
    pub const HEAVY: Self = Self {
        webhook_dropped: 0.15,
        webhook_lost: 0.01,
        webhook_doubled: 0.2,
        webhook_delayed: 0.2,
        webhook_reordered: 0.2,
        longest_delay: SignedDuration::from_secs(30),
        approval_doubled: 0.5,
        runner_swapped: 0.5,
        assignment_lost: 0.01,
        runner_died: 0.02,
        ghost_runner: 0.1,
        request_failed: 0.05,
        answer_lost: 0.03,
    };
}

nameable_by_level!(Faults);
