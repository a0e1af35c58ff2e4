//! From GitHub's creation of a job to its start.

use fleetfoot_model::{SignedDuration, Timestamp};
use serde::Serialize;

use super::DAY;
use super::rows::Rows;

/// How long jobs waited that started within a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StartTimes {
    /// Of the last so many hours: 1 or 24.
    pub hours: i64,
    /// How many jobs started.
    pub jobs: usize,
    /// Half of them waited at most this long; null if none started.
    pub p50_millis: Option<u64>,
    /// Nine of ten.
    pub p90_millis: Option<u64>,
    /// 99 of a hundred.
    pub p99_millis: Option<u64>,
}

pub(super) fn read(rows: &Rows<'_>, now: Timestamp) -> Vec<StartTimes> {
    [SignedDuration::from_hours(1), DAY].map(|time| within(rows, time, now)).to_vec()
}

fn within(rows: &Rows<'_>, time: SignedDuration, now: Timestamp) -> StartTimes {
    let started = rows.jobs().filter(|job| job.started_at.is_some_and(|at| at > now - time));
    let mut waits: Vec<u64> = started.filter_map(fleetfoot_model::job::Job::queue_to_start_millis).collect();
    waits.sort_unstable();
    StartTimes {
        hours: time.as_hours(),
        jobs: waits.len(),
        p50_millis: percentile(&waits, 50),
        p90_millis: percentile(&waits, 90),
        p99_millis: percentile(&waits, 99),
    }
}

/// The nearest rank: the smallest value that so many of a hundred do not exceed.
fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_the_nearest_rank() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!(percentile(&hundred, 50), Some(50));
        assert_eq!(percentile(&hundred, 99), Some(99));
        assert_eq!(percentile(&[7], 99), Some(7));
        assert_eq!(percentile(&[1, 2, 3], 50), Some(2));
        assert_eq!(percentile(&[], 50), None);
    }
}
