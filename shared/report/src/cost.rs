//! What runners cost, as people are shown it.

use std::collections::BTreeMap;

use fleetfoot_model::Timestamp;
use fleetfoot_model::cost::{Amounts, Group, Spent, Sums};
use fleetfoot_model::digest::hours;
use fleetfoot_model::price::usd;
use jiff::tz::TimeZone;
use serde::Serialize;

/// What the functions, their bus and their table cost for each 1,000 jobs, in USD, as `docs/performance.md` measures it.
pub const CONTROL_PLANE_USD_PER_1000_JOBS: f64 = 0.073;

/// By what costs are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Whose job it was.
    Repository,
    /// The job's workflow, in its repository.
    Workflow,
    /// The class.
    Class,
    /// The base image.
    Image,
    /// The processor.
    Arch,
    /// On demand or Spot.
    Capacity,
    /// The day in the reader's zone.
    Day,
}

impl By {
    /// Every way.
    pub const ALL: [Self; 7] =
        [Self::Repository, Self::Workflow, Self::Class, Self::Image, Self::Arch, Self::Capacity, Self::Day];

    /// How it is written on command lines and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Repository => "repository",
            Self::Workflow => "workflow",
            Self::Class => "class",
            Self::Image => "image",
            Self::Arch => "arch",
            Self::Capacity => "capacity",
            Self::Day => "day",
        }
    }

    /// The way of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.name() == name)
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CostRow {
    /// The repository, the workflow, ...; absent for what has none.
    pub name: Option<String>,
    /// Of a workflow, the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Runners that ended.
    pub runners: u64,
    /// Jobs that ended on them.
    pub jobs: u64,
    /// Billed hours.
    pub hours: f64,
    /// List price.
    pub usd: f64,
    /// Of the whole, from 0 to 1.
    pub share: f64,
    /// Runners that ran no job, and what they cost.
    pub unused_runners: u64,
    /// What these cost.
    pub unused_usd: f64,
}

impl CostRow {
    fn new(key: Key, amounts: &Amounts, total: &Amounts) -> Self {
        let share = if total.micro_usd == 0 { 0.0 } else { usd(amounts.micro_usd) / usd(total.micro_usd) };
        let (repository, name) = key;
        Self {
            name,
            repository,
            runners: amounts.runners,
            jobs: amounts.jobs,
            hours: hours(amounts.seconds),
            usd: usd(amounts.micro_usd),
            share,
            unused_runners: amounts.unused_runners,
            unused_usd: usd(amounts.unused_micro_usd),
        }
    }
}

/// A repository for workflows, and a name.
type Key = (Option<String>, Option<String>);

/// Rows, the most expensive first, days in their order, and everything together.
pub fn rows(spent: &Spent, by: By, zone: &TimeZone) -> (Vec<CostRow>, CostRow) {
    let mut amounts: BTreeMap<Key, Amounts> = BTreeMap::new();
    for (hour, sums) in spent {
        for (group, more) in &sums.groups {
            *amounts.entry(key(*hour, group, by, zone)).or_default() += more;
        }
    }
    let mut total = Amounts::default();
    for more in amounts.values() {
        total += more;
    }
    // Jobs that were refused are in the sums, and cost nothing.
    amounts.retain(|_, amounts| amounts.runners > 0 || amounts.jobs > 0);
    let mut rows: Vec<CostRow> =
        amounts.into_iter().map(|(key, amounts)| CostRow::new(key, &amounts, &total)).collect();
    if by != By::Day {
        rows.sort_by(|a, b| b.usd.total_cmp(&a.usd));
    }
    (rows, CostRow::new((None, None), &total, &total))
}

/// All hours in one.
pub fn together(spent: &Spent) -> Sums {
    let mut sums = Sums::default();
    for hour in spent.values() {
        sums.merge(hour);
    }
    sums
}

fn key(hour: Timestamp, group: &Group, by: By, zone: &TimeZone) -> Key {
    let repository = || group.repository.as_ref().map(ToString::to_string);
    let name = match by {
        By::Repository => repository(),
        By::Workflow => Some(group.workflow.clone()).filter(|name| !name.is_empty()),
        By::Class => group.class.as_ref().map(ToString::to_string),
        By::Image => group.image.clone(),
        By::Arch => group.arch.as_ref().map(ToString::to_string),
        By::Capacity => group.capacity.as_ref().map(ToString::to_string),
        By::Day => Some(hour.to_zoned(zone.clone()).date().to_string()),
    };
    (if by == By::Workflow { repository() } else { None }, name)
}
