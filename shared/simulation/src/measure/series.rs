//! Counts over time, in a bounded number of points.

use fleetfoot_model::{SignedDuration, Timestamp};

/// When there are so many points, each two become one.
const MOST_POINTS: usize = 600;

/// How many there are of each at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Point {
    /// Jobs that are queued, as the ledger knows.
    pub queued: u64,
    /// Runners that are reserved or starting.
    pub starting: u64,
    /// Runners that are registered and wait for a job.
    pub idle: u64,
    /// Runners that have a job.
    pub busy: u64,
}

/// Counts over time: the highest of each within each stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// When the first stretch begins.
    pub began: Timestamp,
    /// How long a stretch is.
    pub width: SignedDuration,
    /// A point for each stretch.
    pub points: Vec<Point>,
}

impl Series {
    /// Without points, in stretches of a second.
    pub(super) fn new(began: Timestamp) -> Self {
        Self { began, width: SignedDuration::from_secs(1), points: Vec::new() }
    }

    /// So it was until now.
    pub(super) fn pass(&mut self, now: Timestamp, point: Point) {
        let index = self.index(now);
        if index >= MOST_POINTS {
            while self.index(now) >= MOST_POINTS {
                self.halve();
            }
            return self.pass(now, point);
        }
        if let Some(last) = self.points.last_mut() {
            last.raise(&point);
        }
        while self.points.len() <= index {
            self.points.push(point);
        }
    }

    fn index(&self, now: Timestamp) -> usize {
        let passed = now.duration_since(self.began).as_millis() / self.width.as_millis().max(1);
        usize::try_from(passed).unwrap_or(0)
    }

    fn halve(&mut self) {
        self.width = self.width * 2;
        let both = |two: &[Point]| {
            let mut one = two[0];
            two.iter().for_each(|point| one.raise(point));
            one
        };
        self.points = self.points.chunks(2).map(both).collect();
    }
}

impl Point {
    fn raise(&mut self, other: &Self) {
        self.queued = self.queued.max(other.queued);
        self.starting = self.starting.max(other.starting);
        self.idle = self.idle.max(other.idle);
        self.busy = self.busy.max(other.busy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_series_has_no_more_points_than_a_short_one_and_keeps_its_peaks() {
        let began = Timestamp::UNIX_EPOCH;
        let mut series = Series::new(began);
        for second in 0..100_000 {
            let queued = if second == 77_777 { 1000 } else { 1 };
            series.pass(began + SignedDuration::from_secs(second), Point { queued, ..Point::default() });
        }
        assert!((MOST_POINTS / 2..=MOST_POINTS).contains(&series.points.len()), "{}", series.points.len());
        let peak = series.points.iter().position(|point| point.queued == 1000);
        let at = series.width * i32::try_from(peak.unwrap()).unwrap();
        assert!((at.as_secs() - 77_777).abs() <= series.width.as_secs(), "{at:?}");
    }
}
