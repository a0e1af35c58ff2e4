//! What was spent, summed up by the hour: rows that outlive those of jobs and runners.
//!
//! An hour's rows are not added to: they are counted anew from the ended rows of that hour, and written over what was
//! there. So nothing is counted twice or left out, whatever is lost, doubled or late, and no job costs a write of its own.
//! Hours, not days, as a day begins at another time in each zone.

mod count;
mod hints;
mod read;
mod tally;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::ids::{ClassName, Repository};
use crate::spec::{Arch, Capacity};
use crate::{SignedDuration, Timestamp};

pub use count::{CostMemory, count_due};
pub use hints::{CostHint, hints};
pub use read::{Spent, spent};
pub use tally::tally;

/// Hours are kept this long.
pub const KEEP_COSTS: SignedDuration = SignedDuration::from_hours(400 * 24);
/// The most groups in one row: with the longest names some 120 KB, of the 400 KB that DynamoDB takes.
const MOST_IN_PART: usize = 200;
/// The most groups of an hour; the cheapest beyond are put together. Workflows' names are chosen by whoever may push.
const MOST_GROUPS: usize = 4000;
/// The longest name of a workflow that is kept, in characters.
const LONGEST_NAME: usize = 100;

/// The hour in which a moment lies.
pub fn hour_of(time: Timestamp) -> Timestamp {
    let seconds = time.as_second().div_euclid(3600) * 3600;
    // Only the first hour of all time begins before it.
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MIN)
}

/// The length of an hour.
pub const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// For whom, and on what.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Group {
    /// Whose job it was, or was meant to be; none for what was launched for nobody in particular.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<Repository>,
    /// The job's workflow by name; empty if it is not known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub workflow: String,
    /// The class; none for jobs that were refused before it was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<ClassName>,
    /// The base image, if the job named one or there is a default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// For which processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arch: Option<Arch>,
    /// How the capacity was bought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
}

/// How much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Amounts {
    /// Runners that ended, priced.
    #[serde(skip_serializing_if = "is_zero")]
    pub runners: u64,
    /// Their billed time.
    #[serde(skip_serializing_if = "is_zero")]
    pub seconds: u64,
    /// Their list price in USD, in millionths.
    #[serde(skip_serializing_if = "is_zero")]
    pub micro_usd: u64,
    /// Those of them that ran no job.
    #[serde(skip_serializing_if = "is_zero")]
    pub unused_runners: u64,
    /// What these cost.
    #[serde(skip_serializing_if = "is_zero")]
    pub unused_micro_usd: u64,
    /// Jobs that ended on a runner of the fleet.
    #[serde(skip_serializing_if = "is_zero")]
    pub jobs: u64,
    /// Those of them that failed or ran out of time.
    #[serde(skip_serializing_if = "is_zero")]
    pub failed: u64,
    /// Jobs that got no runner.
    #[serde(skip_serializing_if = "is_zero")]
    pub rejected: u64,
    /// Jobs that were given up.
    #[serde(skip_serializing_if = "is_zero")]
    pub expired: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl AddAssign<&Amounts> for Amounts {
    fn add_assign(&mut self, other: &Amounts) {
        self.runners += other.runners;
        self.seconds += other.seconds;
        self.micro_usd += other.micro_usd;
        self.unused_runners += other.unused_runners;
        self.unused_micro_usd += other.unused_micro_usd;
        self.jobs += other.jobs;
        self.failed += other.failed;
        self.rejected += other.rejected;
        self.expired += other.expired;
    }
}

/// How long jobs waited from queued to started: how many of them so many seconds, rounded up to two digits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Waits(BTreeMap<u64, u64>);

impl Waits {
    /// One more.
    pub fn add(&mut self, millis: u64) {
        let mut seconds = millis.div_ceil(1000);
        let mut unit = 1;
        while seconds > 99 {
            seconds = seconds.div_ceil(10);
            unit *= 10;
        }
        *self.0.entry(seconds * unit).or_default() += 1;
    }

    /// Adds another's.
    pub fn merge(&mut self, other: &Self) {
        for (seconds, count) in &other.0 {
            *self.0.entry(*seconds).or_default() += count;
        }
    }

    /// Within how many seconds so many percent started; none if none did. Up to a tenth too high above 99.
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let all: u64 = self.0.values().sum();
        let rank = (all * percent).div_ceil(100).max(1);
        let mut counted = 0;
        self.0.iter().find_map(|(seconds, count)| {
            counted += count;
            (counted >= rank).then_some(*seconds)
        })
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The sums of an hour, or of a longer time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums {
    /// By group.
    pub groups: BTreeMap<Group, Amounts>,
    /// How long jobs waited.
    pub waits: Waits,
    /// The dates of the price tables that were used.
    pub prices: BTreeSet<String>,
}

impl Sums {
    /// Everything together.
    pub fn total(&self) -> Amounts {
        let mut total = Amounts::default();
        self.groups.values().for_each(|amounts| total += amounts);
        total
    }

    /// Adds another's.
    pub fn merge(&mut self, other: &Self) {
        for (group, amounts) in &other.groups {
            *self.groups.entry(group.clone()).or_default() += amounts;
        }
        self.waits.merge(&other.waits);
        self.prices.extend(other.prices.iter().cloned());
    }

    /// Puts the cheapest groups together by class, if there are more than a commit can hold.
    fn bounded(mut self) -> Self {
        if self.groups.len() <= MOST_GROUPS {
            return self;
        }
        let mut costs: Vec<u64> = self.groups.values().map(|amounts| amounts.micro_usd).collect();
        costs.sort_unstable_by(|a, b| b.cmp(a));
        let least = costs.get(MOST_GROUPS / 2).copied().unwrap_or(0);
        for (group, amounts) in std::mem::take(&mut self.groups) {
            let group = if amounts.micro_usd > least {
                group
            } else {
                Group { repository: None, workflow: String::new(), image: None, ..group }
            };
            *self.groups.entry(group).or_default() += &amounts;
        }
        self
    }

    fn from_parts(parts: &[CostHour]) -> Self {
        let mut sums = Self::default();
        for part in parts {
            for Spending { group, amounts } in &part.spending {
                *sums.groups.entry(group.clone()).or_default() += amounts;
            }
            sums.waits.merge(&part.waits);
            sums.prices.extend(part.prices.iter().cloned());
        }
        sums
    }

    /// The rows of an hour, which replace all that were there before.
    fn into_parts(self, hour: Timestamp, before: u32) -> Vec<CostHour> {
        let Self { groups, waits, prices } = self.bounded();
        let spending: Vec<Spending> =
            groups.into_iter().map(|(group, amounts)| Spending { group, amounts }).collect();
        let mut chunks: Vec<Vec<Spending>> = spending.chunks(MOST_IN_PART).map(<[_]>::to_vec).collect();
        // What is not needed any more is left empty: rows are never deleted but by their time.
        let parts = u32::try_from(chunks.len()).unwrap_or(u32::MAX).max(before).max(1);
        chunks.resize(parts as usize, Vec::new());
        let (mut waits, mut prices) = (Some(waits), Some(prices));
        (0..)
            .zip(chunks)
            .map(|(part, spending)| CostHour {
                hour,
                part,
                parts,
                spending,
                waits: waits.take().unwrap_or_default(),
                prices: prices.take().unwrap_or_default(),
            })
            .collect()
    }
}

/// One group of an hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spending {
    /// For whom, and on what.
    #[serde(flatten)]
    pub group: Group,
    /// How much.
    #[serde(flatten)]
    pub amounts: Amounts,
}

/// A row: an hour's sums, or a part of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CostHour {
    /// When it begins.
    pub hour: Timestamp,
    /// Which part, from 0.
    pub part: u32,
    /// How many parts there are, those that are empty by now too.
    pub parts: u32,
    /// By group.
    pub spending: Vec<Spending>,
    /// How long its jobs waited; in part 0.
    #[serde(default, skip_serializing_if = "Waits::is_empty")]
    pub waits: Waits,
    /// The dates of the price tables; in part 0.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub prices: BTreeSet<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_told_to_two_digits() {
        let mut waits = Waits::default();
        for millis in [1, 1000, 1001, 99_000, 99_001, 101_000, 1_234_000] {
            waits.add(millis);
        }
        assert_eq!(waits.0, BTreeMap::from([(1, 2), (2, 1), (99, 1), (100, 1), (110, 1), (1300, 1)]));
        assert_eq!((waits.percentile(50), waits.percentile(99)), (Some(99), Some(1300)));
        assert_eq!((waits.percentile(1), Waits::default().percentile(50)), (Some(1), None));
    }

    #[test]
    fn an_hour_of_many_groups_is_split_and_bounded_and_nothing_is_lost() {
        let groups = (0..10_000).map(|n| {
            let group = Group { workflow: format!("workflow {n}"), ..Group::default() };
            (group, Amounts { runners: 1, micro_usd: n, ..Amounts::default() })
        });
        let sums = Sums { groups: groups.collect(), ..Sums::default() };
        let hour = Timestamp::UNIX_EPOCH;
        let parts = sums.clone().into_parts(hour, 0);
        assert!(parts.len() <= 1 + MOST_GROUPS / MOST_IN_PART, "{}", parts.len());
        assert!(parts.iter().all(|part| part.spending.len() <= MOST_IN_PART));
        assert_eq!(Sums::from_parts(&parts).total(), sums.total());

        let fewer = Sums::default().into_parts(hour, u32::try_from(parts.len()).unwrap());
        assert_eq!(fewer.len(), parts.len(), "what was there is written over");
        assert_eq!(fewer[0].parts, parts[0].parts);
        assert_eq!(Sums::from_parts(&fewer).total(), Amounts::default());
    }
}
