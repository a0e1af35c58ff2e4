//! One reading of the whole fleet, as the dashboard and `fleetfoot top` show it.
//!
//! Bounded whatever the fleet holds: [`MOST_OPEN`] rows of each index of open ones, [`MOST_ENDED`] ended ones,
//! [`MOST_SHOWN`] ended jobs. What was left out is told in [`Cut`]. Names are camelCase, times RFC 3339 in UTC, and
//! what is not known is `null`. Changes are additive.

mod capacity;
mod cost;
mod failures;
mod images;
mod job;
mod lines;
mod pools;
mod reader;
#[cfg(test)]
mod reader_tests;
mod rows;
mod runner;
mod starts;
#[cfg(test)]
mod tests;
mod timeline;
mod wait;

use fleetfoot_model::config::Config;
use fleetfoot_model::ledger::{Ledger, LedgerError};
use fleetfoot_model::{SignedDuration, Timestamp};
use serde::Serialize;

pub use capacity::{Breaker, Gauge, Limited, PauseLine};
pub use cost::{CostToday, RepositoryCost};
pub use failures::{Failed, FailureLine};
pub use images::{ImageLine, ImagePhase, images};
pub use job::{JobLine, JobPhase};
pub use pools::PoolLine;
pub use reader::Reader;
pub use runner::{RunnerLine, RunnerPhase};
pub use starts::StartTimes;
pub use timeline::{JobTimeline, job_timeline, runner_of};
pub use wait::Wait;

/// The most rows that are read of each index of open jobs and runners, and of images.
pub const MOST_OPEN: usize = 2_000;
/// The most ended rows that measures are made from, newest first.
pub const MOST_ENDED: usize = 4_000;
/// The most ended jobs and ended runners that are shown.
pub const MOST_SHOWN: usize = 200;
/// Failures and start times are those of this long.
pub const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The fleet at a moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// When it was read.
    pub at: Timestamp,
    /// The fleet's name: what its runners' names start with.
    pub fleet: String,
    /// How many there are of each.
    pub counts: Counts,
    /// Open jobs, oldest first; then those that ended, newest first.
    pub jobs: Vec<JobLine>,
    /// Open runners, oldest first; then those that ended, newest first.
    pub runners: Vec<RunnerLine>,
    /// Bases and what is made of them; those that need attention first.
    pub images: Vec<ImageLine>,
    /// What is used of each limit: the fleet's, classes', repositories', builds'.
    pub capacity: Vec<Gauge>,
    /// Warm runners.
    pub pools: Vec<PoolLine>,
    /// Launches are paused, if they are.
    pub pause: Option<PauseLine>,
    /// Replacements in these ten minutes; at the limit no runner is launched in place of another.
    pub breaker: Breaker,
    /// From GitHub's creation of a job to its start: of the last hour, and of the last day.
    pub queue_to_start: Vec<StartTimes>,
    /// What went wrong in the last day, the most frequent first.
    pub failures: Vec<FailureLine>,
    /// Since midnight, UTC.
    pub cost: CostToday,
    /// What was left out, if anything was.
    pub cut: Cut,
}

/// How many there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Queued jobs without a runner.
    pub waiting: usize,
    /// Queued jobs whose runner is on its way.
    pub starting: usize,
    /// Jobs that run.
    pub running: usize,
    /// Jobs that ended at GitHub since midnight, UTC.
    pub finished_today: usize,
    /// Of those, the ones whose conclusion is `success`.
    pub succeeded_today: usize,
    /// Jobs that were rejected or given up since midnight, UTC.
    pub refused_today: usize,
    /// Runners that are reserved, launched, or up and not yet ready.
    pub runners_starting: usize,
    /// Runners that are registered and have no job.
    pub runners_idle: usize,
    /// Runners that have a job.
    pub runners_busy: usize,
}

/// What a reading left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cut {
    /// There are more open jobs or runners than [`MOST_OPEN`] allows; the oldest were read.
    pub open: bool,
    /// There are more bases and images than that.
    pub images: bool,
    /// More ended in the last day than [`MOST_ENDED`]: start times, failures and cost are those since this time.
    pub ended_since: Option<Timestamp>,
}

impl Overview {
    /// Reads a fleet once. Whoever looks again and again does better with a [`Reader`], which remembers what ended.
    ///
    /// # Errors
    /// Those of the ledger.
    pub async fn read(ledger: &dyn Ledger, config: &Config, now: Timestamp) -> Result<Self, LedgerError> {
        Reader::default().read(ledger, config, now).await
    }
}

/// Midnight of the day in which `now` lies, in UTC.
pub fn midnight(now: Timestamp) -> Timestamp {
    const DAY_SECONDS: i64 = 24 * 60 * 60;
    Timestamp::from_second(now.as_second().div_euclid(DAY_SECONDS) * DAY_SECONDS).unwrap_or(Timestamp::MIN)
}
