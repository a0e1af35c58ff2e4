//! What one invocation did.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use fleetfoot_stand_in::github::StandInGitHub;

use crate::Failure;
use crate::aws::{Aws, Published, Units};
use crate::process::Process;
use crate::runtime_api::lock;

/// An invocation, and what it did.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) function: &'static str,
    /// A webhook, a fact, a task's state.
    pub(crate) woken_by: String,
    /// Whether it came through the queue.
    pub(crate) queued: bool,
    pub(crate) latency: Duration,
    pub(crate) processor_time: Duration,
    /// Operations of AWS, in their order.
    pub(crate) aws: Vec<String>,
    /// Requests to GitHub, by kind.
    pub(crate) github: BTreeMap<String, u64>,
    /// What it told.
    pub(crate) facts: Vec<String>,
    pub(crate) published: Published,
    pub(crate) units: Units,
    /// What it wrote to its log, in bytes.
    pub(crate) logged: u64,
}

/// What has been done up to a moment.
pub(crate) struct Taken {
    calls: Vec<String>,
    facts: Vec<String>,
    github: BTreeMap<String, u64>,
    published: Published,
    units: Units,
    processor_time: Duration,
    logged: u64,
}

impl Taken {
    /// The calls of AWS are taken away; everything else goes on counting.
    pub(crate) fn of(aws: &Aws, github: &Mutex<StandInGitHub>, process: &Process) -> Result<Self, Failure> {
        let mut account = aws.account();
        let kind = |fact: &serde_json::Value| fact["detail-type"].as_str().unwrap_or_default().to_owned();
        let github = lock(github).calls().iter().map(|(call, count)| (format!("{call:?}"), *count)).collect();
        Ok(Self {
            calls: std::mem::take(&mut account.calls),
            facts: account.facts.iter().map(kind).collect(),
            github,
            published: account.published,
            units: account.table.units,
            processor_time: process.processor_time()?,
            logged: process.logged()?,
        })
    }

    pub(crate) fn since(
        mut self,
        before: &Self,
        function: &'static str,
        woken_by: &str,
        latency: Duration,
    ) -> Step {
        for (call, count) in &mut self.github {
            *count -= before.github.get(call).copied().unwrap_or_default();
        }
        self.github.retain(|_, count| *count > 0);
        Step {
            function,
            woken_by: woken_by.to_owned(),
            queued: false,
            latency,
            processor_time: self.processor_time.saturating_sub(before.processor_time),
            aws: self.calls,
            github: self.github,
            facts: self.facts.split_off(before.facts.len().min(self.facts.len())),
            published: Published {
                events: self.published.events - before.published.events,
                bytes: self.published.bytes - before.published.bytes,
            },
            units: Units {
                half_reads: self.units.half_reads - before.units.half_reads,
                writes: self.units.writes - before.units.writes,
            },
            logged: self.logged - before.logged,
        }
    }
}
