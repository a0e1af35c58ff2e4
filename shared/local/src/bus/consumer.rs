//! Who takes from which channel, and on what terms.

use fleetfoot_model::SignedDuration;

use super::channel::Channel;
use crate::template::{Target, Wiring};

/// How long after its timeout an asynchronous invocation is thought to be lost.
const GRACE: SignedDuration = SignedDuration::from_secs(60);

/// How long a failed item waits for its next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As on AWS. Asynchronous invocations: one minute, then two (AWS Lambda developer guide, "Configuring error
    /// handling settings"). In a queue: until the visibility timeout is over.
    Aws,
    /// The first retry after this time, doubled with each further one and never longer than on AWS. One machine's
    /// functions fail for reasons that pass within seconds.
    From(SignedDuration),
}

/// A function's line, or a queue that a function takes from.
#[derive(Debug)]
pub(super) struct Consumer {
    pub(super) channel: Channel,
    pub(super) function: String,
    /// The most items of one invocation.
    pub(super) batch: usize,
    /// The most invocations at the same time.
    pub(super) concurrency: usize,
    /// How long an item is hidden once it is taken.
    pub(super) lease: SignedDuration,
    /// How often an item is tried.
    pub(super) attempts: u32,
    /// The queue for what failed for good.
    pub(super) dead_letters: Option<String>,
}

impl Consumer {
    /// Everyone who takes anything.
    pub(super) fn all(wiring: &Wiring) -> Vec<Self> {
        let targets = wiring.rules.iter().map(|rule| &rule.targets);
        let targets = targets.chain(wiring.schedules.iter().map(|schedule| &schedule.targets)).flatten();
        let mut invoked: Vec<&String> = targets
            .filter_map(|target| match target {
                Target::Function(package) => Some(package),
                Target::Queue(_) => None,
            })
            .chain(&wiring.subscriptions)
            .collect();
        invoked.sort_unstable();
        invoked.dedup();
        let functions = invoked.into_iter().filter_map(|package| {
            let function = wiring.functions.get(package)?;
            Some(Self {
                channel: Channel::Function(package.clone()),
                function: package.clone(),
                batch: 1,
                concurrency: usize::MAX,
                lease: function.timeout + GRACE,
                attempts: function.retries + 1,
                dead_letters: function.dead_letters.clone(),
            })
        });
        let queues = wiring.mappings.iter().filter_map(|mapping| {
            let queue = wiring.queues.get(&mapping.queue)?;
            let redrive = queue.redrive.as_ref();
            Some(Self {
                channel: Channel::Queue(mapping.queue.clone()),
                function: mapping.function.clone(),
                batch: mapping.batch,
                concurrency: mapping.concurrency,
                lease: queue.visibility,
                attempts: redrive.map_or(u32::MAX, |redrive| redrive.after),
                dead_letters: redrive.map(|redrive| redrive.dead_letters.clone()),
            })
        });
        functions.chain(queues).collect()
    }

    /// How long an item waits after its n-th attempt failed; to the end of its lease if that is not said.
    pub(super) fn delay(&self, pace: Pace, attempt: u32) -> Option<SignedDuration> {
        let on_aws = match self.channel {
            Channel::Function(_) => Some(SignedDuration::from_mins(if attempt <= 1 { 1 } else { 2 })),
            Channel::Queue(_) => None,
        };
        match pace {
            Pace::Aws => on_aws,
            Pace::From(first) => {
                let doubled = first * 2_i32.saturating_pow(attempt.saturating_sub(1).min(16));
                Some(doubled.min(on_aws.unwrap_or(self.lease)))
            }
        }
    }
}
