//! The best that anybody could do within the limits: each job is launched as soon as every limit lets it, in the order in
//! which they came, with everything known in advance and nothing ever going wrong.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

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

/// A limit that costs less than this binds nobody.
const TELLING: SignedDuration = SignedDuration::from_secs(2);

impl Bound {
    const ALL: [Self; 6] = [
        Self::LaunchesPerSecond,
        Self::PointsPerMinute,
        Self::RequestsPerHour,
        Self::Registrations,
        Self::Runners,
        Self::Vcpus,
    ];

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
    /// The limit that binds; none if no limit made much of a difference.
    pub binding: Option<Bound>,
    /// When the last job could have been launched, from the beginning on.
    pub last_launch: SignedDuration,
}

/// What the limits allow for these jobs. The limit that binds is the one without which the last of them could be launched
/// earliest.
pub fn bounds(jobs: impl Iterator<Item = Coming>, limits: &Limits, config: &Config) -> Bounds {
    let mut all = Gates::new(limits, config);
    let mut lifted = Bound::ALL.map(|bound| Gates { lifted: Some(bound), ..Gates::new(limits, config) });
    for job in jobs {
        let cpu = spec_cpu(&job, config);
        for gates in lifted.iter_mut().chain([&mut all]) {
            gates.pass(Timestamp::UNIX_EPOCH + job.after, job.order.run_for, cpu);
        }
    }
    let first = lifted.into_iter().min_by_key(|gates| gates.latest);
    let binding = first.filter(|first| first.latest + TELLING < all.latest).and_then(|first| first.lifted);
    Bounds { binding, last_launch: all.latest.duration_since(Timestamp::UNIX_EPOCH) }
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
    /// The limit that does not hold.
    lifted: Option<Bound>,
    /// When the last job was launched.
    latest: Timestamp,
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
            lifted: None,
            latest: Timestamp::UNIX_EPOCH,
        }
    }

    /// A job came: it is launched as soon as it can be, after those before it.
    fn pass(&mut self, came: Timestamp, runs: SignedDuration, cpu: u32) {
        let mut at = came.max(self.latest);
        while let Some(until) = self.closed(at, cpu) {
            at = until;
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
        self.latest = at;
    }

    /// Until when a job of this size has to wait, if it has to.
    fn closed(&mut self, at: Timestamp, cpu: u32) -> Option<Timestamp> {
        while let Some(Reverse((ended, cpu))) =
            self.ends.peek().copied().filter(|Reverse((ended, _))| *ended <= at)
        {
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
        closed
            .into_iter()
            .filter(|(_, bound)| self.lifted != Some(*bound))
            .filter_map(|(until, _)| until)
            .max()
    }
}
