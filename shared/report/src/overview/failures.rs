//! What went wrong in the last day, by reason.

use std::collections::BTreeMap;

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::{JobId, RunnerName};
use fleetfoot_model::job::JobState;
use fleetfoot_model::record::ImageState;
use fleetfoot_model::runner::RunnerState;
use serde::Serialize;

use super::lines::brief;
use super::rows::Rows;
use super::{DAY, job::JobPhase, runner::is_failure};

/// The most reasons that are told.
const MOST: usize = 12;

/// What failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Failed {
    /// A job was rejected.
    Rejected,
    /// A job was given up after its time.
    Expired,
    /// A runner ended as it should not have.
    Runner,
    /// An image build failed, and has not been made up for.
    Image,
    /// A job's own steps failed: nothing is wrong with the fleet.
    Steps,
}

impl Failed {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rejected => "job rejected",
            Self::Expired => "job given up",
            Self::Runner => "runner failed",
            Self::Image => "image build failed",
            Self::Steps => "job failed",
        }
    }
}

/// A reason and how often it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailureLine {
    /// What failed.
    pub what: Failed,
    /// Why. Numbers that differ from one to the next (`eni-0123456789abc`) are shown as `…`.
    pub reason: String,
    /// How often.
    pub count: usize,
    /// The last time.
    pub last_at: Timestamp,
    /// The last job of it.
    pub job: Option<JobId>,
    /// The last runner of it.
    pub runner: Option<RunnerName>,
}

/// One failure.
struct Failure<'a> {
    what: Failed,
    reason: &'a str,
    at: Timestamp,
    job: Option<JobId>,
    runner: Option<&'a RunnerName>,
}

/// The fleet's own failures first, then those of jobs' steps; the most frequent first.
pub(super) fn lines(rows: &Rows<'_>, now: Timestamp) -> Vec<FailureLine> {
    let mut lines: BTreeMap<(Failed, String), FailureLine> = BTreeMap::new();
    let mut add = |failure: Failure<'_>| {
        let Failure { what, at, job, runner, .. } = failure;
        if at <= now - DAY {
            return;
        }
        let reason = general(failure.reason);
        let line = lines.entry((what, reason.clone())).or_insert(FailureLine {
            what,
            reason,
            count: 0,
            last_at: at,
            job,
            runner: runner.cloned(),
        });
        line.count += 1;
        if at > line.last_at {
            (line.last_at, line.job, line.runner) = (at, job, runner.cloned());
        }
    };
    for job in rows.jobs() {
        let (what, reason, at) = match &job.state {
            JobState::Rejected { reason, at } => (Failed::Rejected, reason, *at),
            JobState::Expired { reason, at } => (Failed::Expired, reason, *at),
            JobState::Finished { conclusion, at, .. } if JobPhase::of(job) == JobPhase::Failed => {
                (Failed::Steps, conclusion, *at)
            }
            _ => continue,
        };
        add(Failure { what, reason, at, job: Some(job.id()), runner: None });
    }
    for runner in rows.runners() {
        if let RunnerState::Stopped(reason) = &runner.state
            && is_failure(reason)
        {
            let at = runner.stopped_at.unwrap_or(runner.changed_at);
            let reason = reason.to_string();
            let runner_name = Some(&runner.name);
            add(Failure { what: Failed::Runner, reason: &reason, at, job: runner.job, runner: runner_name });
        }
    }
    for image in rows.images.values() {
        if let ImageState::Failed { reason, .. } = &image.state {
            let reason = format!("{}: {reason}", image.image);
            add(Failure {
                what: Failed::Image,
                reason: &reason,
                at: image.changed_at,
                job: None,
                runner: None,
            });
        }
    }
    let mut lines: Vec<FailureLine> = lines.into_values().collect();
    lines.sort_by_key(|line| (line.what == Failed::Steps, std::cmp::Reverse(line.count), line.what));
    lines.truncate(MOST);
    lines
}

/// A reason without what differs from one to the next: ids, ARNs' last parts, digests.
fn general(reason: &str) -> String {
    let is_id = |word: &str| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        digits >= 6 || (digits >= 3 && word.len() >= 16 && !word.contains('.'))
    };
    let separators = |c: char| c.is_whitespace() || matches!(c, '/' | ',' | ';' | '"' | '\'' | '(' | ')');
    let mut general = String::new();
    for piece in brief(reason).split_inclusive(separators) {
        let word = piece.trim_end_matches(separators);
        general.push_str(if is_id(word) { "…" } else { word });
        general.push_str(&piece[word.len()..]);
    }
    general
}

#[cfg(test)]
mod tests {
    use super::general;

    #[test]
    fn what_differs_from_one_to_the_next_is_left_out() {
        assert_eq!(
            general("no route for eni-0a1b2c3d4e5f60718 (task 0123456789abcdef0123456789abcdef)"),
            "no route for … (task …)"
        );
        for plain in ["label class:mediun is not known", "failed with exit code 1: x", "ubuntu:22.04 is gone"]
        {
            assert_eq!(general(plain), plain);
        }
    }
}
