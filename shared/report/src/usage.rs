//! What jobs really used of their class, and which size would do.

use std::collections::BTreeMap;

use fleetfoot_model::Timestamp;
use fleetfoot_model::config::{Class, Config};
use fleetfoot_model::ids::{ClassName, RunnerName};
use fleetfoot_model::price::{Prices, usd};
use fleetfoot_model::runner::Runner;
use fleetfoot_model::size::Size;
use fleetfoot_model::spec::Spec;
use serde::Serialize;

/// What stands before the fields of a line of the agent's.
pub const MARK: &str = "fleetfoot_agent::usage: usage";
/// Of fewer jobs nothing is concluded.
pub const LEAST_JOBS: usize = 10;
/// Room above what nearly all jobs used.
const ROOM: f64 = 1.2;
/// Of its memory, above which a job is near its end.
const NEAR: f64 = 0.95;
/// A smaller saving is not worth a change.
const LEAST_SAVING: f64 = 0.05;

/// What a job used, as its agent told.
#[derive(Debug, Clone, PartialEq)]
pub struct Used {
    /// The largest working set seen.
    pub memory_mib: f64,
    /// Processors at work on average.
    pub vcpu: f64,
    /// Whether the kernel killed a process as there was no memory left.
    pub was_killed: bool,
}

/// Reads a line of the log; none if it is another one.
pub fn read(line: &str) -> Option<(RunnerName, Used)> {
    let (before, fields) = line.split_once(MARK)?;
    // Other programs write names into the log that a job has chosen: a line of the agent's begins as one.
    let [time, "INFO"] = before.split_whitespace().collect::<Vec<_>>()[..] else { return None };
    time.parse::<Timestamp>().ok()?;
    let fields: BTreeMap<&str, &str> =
        fields.split_whitespace().filter_map(|field| field.split_once('=')).collect();
    // 2^53 milliseconds are 285,000 years.
    let number = |name: &str| fields.get(name)?.parse::<u32>().ok().map(f64::from);
    let long = |name: &str| fields.get(name)?.parse::<f64>().ok().filter(|it| (0.0..9e15).contains(it));
    let name = fields.get("runner.name")?.trim_matches('"').parse().ok()?;
    let wall = long("usage.wall_ms")?;
    let vcpu = if wall > 0.0 { long("usage.cpu_ms")? / wall } else { 0.0 };
    let used = Used {
        memory_mib: number("usage.peak_memory_mib")?,
        vcpu,
        was_killed: number("usage.out_of_memory")? > 0.0,
    };
    Some((name, used))
}

/// A distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Half are at most this.
    pub p50: f64,
    /// 95 of 100 are at most this.
    pub p95: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let rank = |percent: usize| values.get((values.len() * percent).div_ceil(100).max(1) - 1).copied();
        Some(Self { p50: rank(50)?, p95: rank(95)?, max: rank(100)? })
    }
}

/// What is to be said of a class.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum Verdict {
    /// Too few jobs were seen.
    Unknown,
    /// There is nothing to change.
    Right,
    /// Jobs come near its memory, or were killed.
    #[serde(rename_all = "camelCase")]
    TooSmall {
        /// Jobs that used more than 95% of the memory.
        near: usize,
        /// Jobs of which a process was killed as there was no memory left.
        killed: usize,
        /// A size with room; none if there is none.
        size: Option<Size>,
    },
    /// A smaller size would have done.
    #[serde(rename_all = "camelCase")]
    TooLarge {
        /// Which.
        size: Size,
        /// What it would have saved of these jobs, in USD.
        saved_usd: f64,
    },
}

/// A class, and what its jobs used.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClassUsage {
    /// Its name.
    pub class: ClassName,
    /// Its size now.
    pub size: Size,
    /// Jobs of which is known what they used.
    pub jobs: usize,
    /// In MiB.
    pub memory_mib: Option<Spread>,
    /// Processors at work on average.
    pub vcpu: Option<Spread>,
    /// What is to be said of it.
    pub verdict: Verdict,
}

/// What jobs used of each class that is configured now. Runners of a class that had another size then are left out.
pub fn classes(config: &Config, runners: &[Runner], used: &BTreeMap<RunnerName, Used>) -> Vec<ClassUsage> {
    let of = |(name, class): (&ClassName, &Class)| {
        let is_meant = |runner: &&Runner| {
            let Spec { class: of, cpu, memory_mib, .. } = &runner.spec;
            of == name && Size { cpu: *cpu, memory_mib: *memory_mib } == class.size
        };
        let seen = runners.iter().filter(is_meant).filter_map(|it| Some((it, used.get(&it.name)?)));
        class_usage(name, class, &seen.collect::<Vec<_>>(), &config.prices)
    };
    config.classes.iter().map(of).collect()
}

fn class_usage(name: &ClassName, class: &Class, seen: &[(&Runner, &Used)], prices: &Prices) -> ClassUsage {
    let memory_mib = Spread::of(seen.iter().map(|(_, used)| used.memory_mib).collect());
    let vcpu = Spread::of(seen.iter().map(|(_, used)| used.vcpu).collect());
    let verdict = match (memory_mib, vcpu) {
        (Some(memory), Some(vcpu)) => judge(name, class, seen, (memory, vcpu), prices),
        _ => Verdict::Unknown,
    };
    ClassUsage { class: name.clone(), size: class.size, jobs: seen.len(), memory_mib, vcpu, verdict }
}

fn judge(
    name: &ClassName,
    class: &Class,
    seen: &[(&Runner, &Used)],
    (memory, vcpu): (Spread, Spread),
    prices: &Prices,
) -> Verdict {
    let limit = f64::from(class.size.memory_mib);
    let near = seen.iter().filter(|(_, used)| used.memory_mib > limit * NEAR).count();
    let killed = seen.iter().filter(|(_, used)| used.was_killed).count();
    let per_hour = |size: Size| {
        let spec = Spec { cpu: size.cpu, memory_mib: size.memory_mib, ..class.spec(name) };
        prices.usd_per_hour(&spec, class.capacity)
    };
    let cheapest = |cpu: f64, memory_mib: f64| {
        let fits = |size: &Size| f64::from(size.cpu) >= cpu && f64::from(size.memory_mib) >= memory_mib;
        Size::all().filter(fits).min_by(|a, b| per_hour(*a).total_cmp(&per_hour(*b)))
    };
    // One job that was killed is reason enough, however few were seen.
    if near > 0 || killed > 0 {
        let size = cheapest(f64::from(class.size.cpu), (memory.max * ROOM).max(limit + 1.0));
        return Verdict::TooSmall { near, killed, size };
    }
    if seen.len() < LEAST_JOBS {
        return Verdict::Unknown;
    }
    let Some(size) = cheapest(vcpu.p95 * ROOM * 1024.0, (memory.p95 * ROOM).max(memory.max)) else {
        return Verdict::Right;
    };
    let saving = 1.0 - per_hour(size) / per_hour(class.size);
    if saving < LEAST_SAVING {
        return Verdict::Right;
    }
    let spent: u64 = seen.iter().filter_map(|(runner, _)| runner.cost_micro_usd).sum();
    Verdict::TooLarge { size, saved_usd: usd(spent) * saving }
}

#[cfg(test)]
mod tests {
    use fleetfoot_model::SignedDuration;
    use fleetfoot_model::config::Class;
    use fleetfoot_model::ids::JobId;
    use fleetfoot_model::ports::Tickets as _;
    use fleetfoot_model::runner::{Reservation, Scope};
    use fleetfoot_model::spec::{Arch, Capacity};
    use fleetfoot_shell::clock::SeededTickets;

    use super::*;

    /// As the agent writes it.
    const LINE: &str = "2026-11-21T10:00:00.000000Z  INFO fleetfoot_agent::usage: usage runner.name=\"ff-42-1\" \
                        usage.peak_memory_mib=812 usage.cpu_ms=90250 usage.wall_ms=180500 usage.out_of_memory=0";

    #[test]
    fn the_agents_line_is_read_and_no_other() {
        let (name, used) = read(LINE).unwrap();
        assert_eq!(name.as_str(), "ff-42-1");
        assert_eq!(used, Used { memory_mib: 812.0, vcpu: 0.5, was_killed: false });
        for other in [
            "",
            "INFO fleetfoot_agent::report: phase agent.phase=\"exit\"",
            "fleetfoot_agent::usage: usage",
            &LINE.replace("2026-", "a job of 2026-"),
            &format!("2026-11-21 10:00:00Z: Running job: {LINE}"),
            &LINE.replace("812", "-1"),
            &LINE.replace("ff-42-1", "\u{1b}[2J"),
            &LINE.replace("180500", "NaN"),
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    fn class(cpu: u32, memory_mib: u32) -> Class {
        Class {
            size: Size { cpu, memory_mib },
            disk_gib: 20,
            arch: Arch::X64,
            capacity: Capacity::OnDemand,
            runners: None,
            role: None,
        }
    }

    fn verdict_of(class: &Class, used: &[(f64, f64)]) -> Verdict {
        let name: ClassName = "medium".parse().unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let runner = |n: usize| {
            let reservation = Reservation {
                name: format!("ff-{n}-1").parse().unwrap(),
                pool: None,
                job: Some(JobId(n as u64)),
                scope: Scope::Organization("acme".parse().unwrap()),
                spec: class.spec(&name),
                labels: Vec::new(),
                counters: Vec::new(),
                register_by: now,
            };
            let mut runner = Runner::reserve(reservation, &SeededTickets::new(1).draw(), now);
            let ended = now + SignedDuration::from_hours(1);
            runner.price(&Prices::default(), Some(now), ended);
            runner
        };
        let runners: Vec<Runner> = (1..=used.len()).map(runner).collect();
        let used: Vec<Used> = used
            .iter()
            .map(|(memory_mib, vcpu)| Used { memory_mib: *memory_mib, vcpu: *vcpu, was_killed: false })
            .collect();
        let seen: Vec<_> = runners.iter().zip(&used).collect();
        class_usage(&name, class, &seen, &Prices::default()).verdict
    }

    #[test]
    fn a_class_that_nobody_fills_has_a_smaller_size() {
        let found = verdict_of(&class(4096, 16_384), &[(1500.0, 0.8); 20]);
        // 0.8 x 1.2 vCPU and 1,800 MiB; twenty hours of 0.23304 USD, of which 1 vCPU and 2 GiB would have been 0.04937.
        let Verdict::TooLarge { size, saved_usd } = found else { panic!("{found:?}") };
        assert_eq!(size, Size { cpu: 1024, memory_mib: 2048 });
        assert!((saved_usd - 20.0 * (0.233_04 - 0.049_37)).abs() < 1e-3, "{saved_usd}");
    }

    #[test]
    fn the_largest_job_has_to_fit_and_few_jobs_tell_nothing() {
        let mut used = vec![(500.0, 0.2); 40];
        used.push((7000.0, 0.2));
        let found = verdict_of(&class(4096, 16_384), &used);
        assert!(matches!(&found, Verdict::TooLarge { size, .. } if size.memory_mib >= 7000), "{found:?}");
        assert_eq!(verdict_of(&class(4096, 16_384), &[(500.0, 0.2); 9]), Verdict::Unknown);
        assert_eq!(verdict_of(&class(1024, 2048), &[(1500.0, 0.7); 20]), Verdict::Right);
    }

    #[test]
    fn a_class_that_is_nearly_full_is_too_small_however_few_jobs_told() {
        let found = verdict_of(&class(1024, 2048), &[(500.0, 0.5), (2000.0, 0.5)]);
        let size = Some(Size { cpu: 1024, memory_mib: 3072 });
        assert_eq!(found, Verdict::TooSmall { near: 1, killed: 0, size });
    }
}
