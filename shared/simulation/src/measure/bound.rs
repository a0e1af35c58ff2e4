//! The best that anybody could do within the limits: each job is launched as soon as every limit lets it, in the order in
//! which they came, with everything known in advance and nothing ever going wrong.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use fleetfoot_model::config::Config;
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_stand_in::TokenBucket;

use crate::run::Limits;
use crate::workload::Coming;

/// GitHub's price of a registration (its documentation, "Rate limits for the REST API").
const POINTS: u64 = 5;
/// A task is up after so long, and has stopped so long after its job: the middle of what Fargate takes.
const START: SignedDuration = SignedDuration::from_millis(32_500);
const STOP: SignedDuration = SignedDuration::from_secs(12);

/// A limit that launches run into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bound {
    /// Fargate's launches a second.
    LaunchesPerSecond,
    /// GitHub's points a minute.
    PointsPerMinute,
    /// GitHub's requests an hour.
    RequestsPerHour,
    /// GitHub's registrations in five minutes.
    Registrations,
    /// `[limits] runners`.
    Runners,
    /// Fargate's vCPUs.
    Vcpus,
}

impl Bound {
    /// In words, with its value.
    pub fn words(self, limits: &Limits, config: &Config) -> String {
        let (github, fargate) = (&limits.github, &limits.fargate);
        match self {
            Self::LaunchesPerSecond => format!("Fargate's {} launches a second", fargate.launches_per_second),
            Self::PointsPerMinute => format!(
                "GitHub's {} points a minute, {} registrations",
                github.points_per_minute,
                u64::from(github.points_per_minute) / POINTS
            ),
            Self::RequestsPerHour => format!("GitHub's {} requests an hour", github.requests_per_hour),
            Self::Registrations => {
                format!("GitHub's {} registrations in five minutes", github.registrations_per_five_minutes)
            }
            Self::Runners => format!("[limits] runners = {}", config.limits.runners),
            Self::Vcpus => format!("Fargate's quota of {} vCPUs", fargate.on_demand_vcpus),
        }
    }
}

/// What the limits allow.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    /// The limit that held jobs up for longest in all; none if no job had to wait for any.
    pub binding: Option<Bound>,
    /// When the last job could have been launched, from the beginning on.
    pub last_launch: SignedDuration,
    /// How long each limit held jobs up, in all.
    pub held_up: BTreeMap<Bound, SignedDuration>,
}

/// What the limits allow for these jobs.
pub fn bounds(jobs: impl Iterator<Item = Coming>, limits: &Limits, config: &Config) -> Bounds {
    let mut gates = Gates::new(limits, config);
    let mut bounds = Bounds { binding: None, last_launch: SignedDuration::ZERO, held_up: BTreeMap::new() };
    let (mut before, mut by_before) = (Timestamp::UNIX_EPOCH, None);
    for job in jobs {
        let came = Timestamp::UNIX_EPOCH + job.after;
        let (at, by) = gates.pass(came.max(before), job.order.run_for, spec_cpu(&job, config));
        // Without a wait of its own it came behind one that waited.
        by_before = if at > came { by.or(by_before) } else { None };
        if let Some(by) = by_before {
            *bounds.held_up.entry(by).or_default() += at.duration_since(came);
        }
        before = at;
        bounds.last_launch = at.duration_since(Timestamp::UNIX_EPOCH);
    }
    bounds.binding = bounds.held_up.iter().max_by_key(|(_, time)| **time).map(|(by, _)| *by);
    bounds
}

fn spec_cpu(job: &Coming, config: &Config) -> u32 {
    let class = job.order.labels.iter().find_map(|label| label.as_str().strip_prefix("class:")?.parse().ok());
    let class = config.classes.get(&class.unwrap_or_else(|| config.labels.default_class.clone()));
    class.map_or(1024, |class| class.size.cpu)
}

struct Gates {
    launches: TokenBucket,
    points: TokenBucket,
    registrations: TokenBucket,
    hour: (Timestamp, u64),
    per_hour: u64,
    most: usize,
    quota: u32,
    in_use: u32,
    ends: BinaryHeap<Reverse<(Timestamp, u32)>>,
}

impl Gates {
    fn new(limits: &Limits, config: &Config) -> Self {
        let (github, fargate) = (&limits.github, &limits.fargate);
        let bucket = |capacity, refill, per| TokenBucket::new(capacity, refill, per);
        let points = u64::from(github.points_per_minute);
        let registrations = u64::from(github.registrations_per_five_minutes);
        Self {
            launches: bucket(fargate.launch_burst, fargate.launches_per_second, SignedDuration::from_secs(1)),
            points: bucket(points, github.points_per_minute, SignedDuration::from_mins(1)),
            registrations: bucket(
                registrations,
                github.registrations_per_five_minutes,
                SignedDuration::from_mins(5),
            ),
            hour: (Timestamp::UNIX_EPOCH, 0),
            per_hour: github.requests_per_hour,
            most: usize::try_from(config.limits.runners).unwrap_or(usize::MAX),
            quota: fargate.on_demand_vcpus.saturating_mul(1024),
            in_use: 0,
            ends: BinaryHeap::new(),
        }
    }

    /// When a job can be launched that is there at `at`, and which limit it had to wait for, if any.
    fn pass(&mut self, mut at: Timestamp, runs: SignedDuration, cpu: u32) -> (Timestamp, Option<Bound>) {
        let mut by = None;
        while let Some((until, bound)) = self.closed(at, cpu) {
            at = until;
            by = Some(bound);
        }
        // None of them is closed now.
        let _ = self.launches.take(at, 1);
        let _ = self.points.take(at, POINTS);
        let _ = self.registrations.take(at, 1);
        if at >= self.hour.0 + SignedDuration::from_hours(1) {
            self.hour = (at, 0);
        }
        self.hour.1 += 1;
        self.in_use += cpu;
        self.ends.push(Reverse((at + START + runs + STOP, cpu)));
        (at, by)
    }

    fn closed(&mut self, at: Timestamp, cpu: u32) -> Option<(Timestamp, Bound)> {
        while let Some(Reverse((ended, cpu))) = self.ends.peek().copied().filter(|Reverse((ended, _))| *ended <= at) {
            self.ends.pop();
            self.in_use -= cpu;
            debug_assert!(ended <= at);
        }
        let next_end = self.ends.peek().map(|Reverse((ended, _))| *ended);
        let hour_ends = self.hour.0 + SignedDuration::from_hours(1);
        let is_hour_over = at >= hour_ends;
        let closed = [
            (self.launches.check(at, 1).err(), Bound::LaunchesPerSecond),
            (self.points.check(at, POINTS).err(), Bound::PointsPerMinute),
            (self.registrations.check(at, 1).err(), Bound::Registrations),
            ((!is_hour_over && self.hour.1 >= self.per_hour).then_some(hour_ends), Bound::RequestsPerHour),
            (next_end.filter(|_| self.ends.len() >= self.most), Bound::Runners),
            (next_end.filter(|_| self.in_use + cpu > self.quota), Bound::Vcpus),
        ];
        closed.into_iter().filter_map(|(until, bound)| Some((until?, bound))).max_by_key(|(until, _)| *until)
    }
}
