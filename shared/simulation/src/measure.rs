//! What is measured while a scenario is played, a little with each thing that happens.

mod bound;
mod figures;

use std::collections::BTreeMap;

use fleetfoot_model::ids::{JobId, RunnerName};
use fleetfoot_model::job::{Job, JobState};
use fleetfoot_model::record::Record;
use fleetfoot_model::runner::{Runner, RunnerState, StopReason};
use fleetfoot_model::{SignedDuration, Timestamp};
use rustc_hash::FxHashMap;

use crate::plot::{Bucket, Timeline};
use crate::watch::{Happening, Watch};
use crate::world::World;

pub use bound::{Bound, Bounds, bounds};
pub use figures::Figures;

/// When a timeline has so many buckets, each two become one.
const MOST_BUCKETS: i32 = 600;

/// Everything that was measured.
#[derive(Debug)]
pub struct Meter {
    /// Over time: jobs that are queued, runners by what they do, launches and registrations.
    pub timeline: Timeline,
    began: Timestamp,
    now: Bucket,
    jobs: FxHashMap<JobId, bool>,
    runners: FxHashMap<RunnerName, Kind>,
    /// The most runners at once.
    pub peak: u64,
    /// List price of all runners, in millionths of a USD.
    pub cost_micro_usd: u64,
    /// How many runners ended, by why.
    pub stops: BTreeMap<&'static str, u64>,
    /// How often jobs were told to wait, by what for.
    pub waits: BTreeMap<&'static str, u64>,
    /// Events that were published.
    pub events: u64,
    /// When a task was last accepted.
    pub last_launch: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Starting,
    Idle,
    Busy,
}

impl Meter {
    /// Nothing was measured yet.
    pub fn new(began: Timestamp) -> Self {
        Self {
            timeline: Timeline { bucket: SignedDuration::from_secs(1), buckets: Vec::new() },
            began,
            now: Bucket::default(),
            jobs: FxHashMap::default(),
            runners: FxHashMap::default(),
            peak: 0,
            cost_micro_usd: 0,
            stops: BTreeMap::new(),
            waits: BTreeMap::new(),
            events: 0,
            last_launch: None,
        }
    }

    /// So it was until now.
    fn pass(&mut self, now: Timestamp) {
        let passed = now.duration_since(self.began);
        while passed >= self.timeline.bucket * MOST_BUCKETS {
            self.timeline.widen();
        }
        let index =
            usize::try_from(passed.as_millis() / self.timeline.bucket.as_millis().max(1)).unwrap_or(0);
        let counted = Bucket { launched: 0, registered: 0, ..self.now };
        let buckets = &mut self.timeline.buckets;
        while buckets.len() <= index {
            buckets.push(counted);
        }
        // What was counted since the last time belongs to the last bucket, give or take an instant.
        let Bucket { launched, registered, .. } = buckets[index];
        buckets[index] = Bucket {
            launched: launched + self.now.launched,
            registered: registered + self.now.registered,
            ..counted
        };
        self.now = counted;
    }

    fn job_written(&mut self, job: &Job) {
        let is_queued = job.is_queued();
        let was_queued = if job.is_open() {
            self.jobs.insert(job.id(), is_queued).unwrap_or(false)
        } else {
            self.jobs.remove(&job.id()).unwrap_or(false)
        };
        self.now.queued = self.now.queued + u64::from(is_queued) - u64::from(was_queued);
        if let JobState::Queued { waiting: Some(waiting), runner: None } = &job.state {
            *self.waits.entry(waiting.kind()).or_default() += 1;
        }
    }

    fn runner_written(&mut self, runner: &Runner) {
        let kind = match &runner.state {
            RunnerState::Reserved | RunnerState::Launched => Some(Kind::Starting),
            RunnerState::Registered => Some(Kind::Idle),
            RunnerState::Busy(_) => Some(Kind::Busy),
            RunnerState::Stopped(_) => None,
        };
        let before = match kind {
            Some(kind) => self.runners.insert(runner.name.clone(), kind),
            None => self.runners.remove(&runner.name),
        };
        if let (Some(_), RunnerState::Stopped(reason)) = (before, &runner.state) {
            *self.stops.entry(words(reason)).or_default() += 1;
            self.cost_micro_usd += runner.cost_micro_usd.unwrap_or(0);
        }
        for (kind, by) in [(before, -1), (kind, 1)] {
            let count = match kind {
                Some(Kind::Starting) => &mut self.now.starting,
                Some(Kind::Idle) => &mut self.now.idle,
                Some(Kind::Busy) => &mut self.now.busy,
                None => continue,
            };
            *count = count.saturating_add_signed(by);
        }
        self.peak = self.peak.max(self.runners.len() as u64);
    }
}

fn words(reason: &StopReason) -> &'static str {
    match reason {
        StopReason::Done => "done",
        StopReason::Failed { .. } => "failed",
        StopReason::NeverStarted { .. } => "never started",
        StopReason::NotLaunched { .. } => "refused",
        StopReason::Interrupted => "interrupted",
        StopReason::MachineFailed { .. } => "machine failed",
        StopReason::Stopped { .. } => "let go",
        StopReason::Lost => "lost",
        StopReason::Other { .. } => "other",
    }
}

impl Watch for Meter {
    fn happened(&mut self, now: Timestamp, what: &Happening<'_>) {
        self.pass(now);
        match what {
            Happening::Written(rows) => rows.iter().for_each(|row| match &row.value {
                Record::Job(job) => self.job_written(job),
                Record::Runner(runner) => self.runner_written(runner),
                _ => {}
            }),
            Happening::Launched(_, Ok(_)) => {
                self.last_launch = Some(now);
                self.now.launched += 1;
            }
            Happening::Registered(_, Ok(_)) => self.now.registered += 1,
            Happening::Published(_) => self.events += 1,
            _ => {}
        }
    }
}

/// How long jobs were queued, from being queued at GitHub to their start there, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waits(Vec<SignedDuration>);

impl Waits {
    /// Of the jobs that started.
    pub fn of(world: &World) -> Self {
        let github = world.github();
        let waited = github
            .jobs()
            .filter_map(|(_, _, history)| Some(history.started()?.0.duration_since(history.queued_at?)));
        waited.collect()
    }

    /// How many jobs started.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none did.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The time that this share of the jobs waited at most, from 0.0 to 1.0; none if no job started.
    pub fn percentile(&self, share: f64) -> Option<SignedDuration> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a share of a length is within it"
        )]
        let rank = (share.clamp(0.0, 1.0) * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.max(1) - 1).copied()
    }
}

impl FromIterator<SignedDuration> for Waits {
    fn from_iter<I: IntoIterator<Item = SignedDuration>>(times: I) -> Self {
        let mut times: Vec<SignedDuration> = times.into_iter().collect();
        times.sort_unstable();
        Self(times)
    }
}

impl Extend<SignedDuration> for Waits {
    fn extend<I: IntoIterator<Item = SignedDuration>>(&mut self, times: I) {
        self.0.extend(times);
        self.0.sort_unstable();
    }
}

impl IntoIterator for Waits {
    type Item = SignedDuration;
    type IntoIter = std::vec::IntoIter<SignedDuration>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let waits: Waits = (1..=100).rev().map(SignedDuration::from_secs).collect();
        for (share, seconds) in [(0.0, 1), (0.5, 50), (0.9, 90), (0.99, 99), (1.0, 100)] {
            assert_eq!(waits.percentile(share), Some(SignedDuration::from_secs(seconds)), "{share}");
        }
        let one: Waits = [SignedDuration::from_secs(7)].into_iter().collect();
        assert_eq!(one.percentile(0.99), Some(SignedDuration::from_secs(7)));
        assert_eq!(Waits::default().percentile(0.5), None);
    }
}
