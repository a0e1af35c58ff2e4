//! What a job went through, in the order of the clock: what took how long.

use fleetfoot_model::Timestamp;
use fleetfoot_model::job::{Job, JobState};
use fleetfoot_model::runner::Runner;
use serde::Serialize;

use super::heard::HeardView;
use crate::table::{Cell, table};
use crate::times::{Times, span};

/// A phase, by the moment at which it began.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Phase {
    pub(super) name: &'static str,
    pub(super) at: Timestamp,
    /// Since the phase before it.
    pub(super) took_millis: Option<i64>,
}

/// Every phase whose moment is known. A runner that was there before its job (warm, or left over) begins before it.
pub(super) fn phases(job: &Job, runner: Option<&Runner>, heard: &HeardView) -> Vec<Phase> {
    let arrival = runner.and_then(|runner| runner.arrival.as_ref());
    let of_runner = |pick: fn(&Runner) -> Option<Timestamp>| runner.and_then(pick);
    let ended = match &job.state {
        JobState::Finished { at, .. } => Some(("job ended", Some(*at))),
        JobState::Rejected { at, .. } => Some(("job rejected", Some(*at))),
        JobState::Expired { at, .. } => Some(("job given up", Some(*at))),
        JobState::Queued { .. } | JobState::Running { .. } => None,
    };
    let mut moments = vec![
        ("created at GitHub", Some(job.description.created_at)),
        ("heard of", Some(heard.at)),
        ("capacity taken", of_runner(|runner| Some(runner.reserved_at))),
        ("task accepted", arrival.and_then(|arrival| arrival.created_at).or(of_runner(accepted_at))),
        ("image pull began", arrival.and_then(|arrival| arrival.pull_started_at)),
        ("image was there", arrival.and_then(|arrival| arrival.pull_stopped_at)),
        ("task runs", of_runner(|runner| runner.started_at)),
        ("registered at GitHub", of_runner(|runner| runner.registered_at)),
        ("job started", job.started_at),
    ];
    moments.extend(ended);
    moments.push(("task ended", of_runner(|runner| runner.stopped_at)));
    let mut phases: Vec<Phase> = Vec::new();
    let mut latest = Timestamp::MIN;
    for (name, at) in moments.into_iter().filter_map(|(name, at)| Some((name, at?))) {
        let at = within_its_second(at, latest);
        latest = latest.max(at);
        phases.push(Phase { name, at, took_millis: None });
    }
    // Clocks differ by moments; phases at one moment stay in the order in which they happen.
    phases.sort_by_key(|phase| phase.at);
    let before: Vec<Timestamp> = phases.iter().map(|phase| phase.at).collect();
    for (phase, before) in phases.iter_mut().skip(1).zip(before) {
        phase.took_millis = i64::try_from(phase.at.duration_since(before).as_millis()).ok();
    }
    phases
}

/// GitHub tells whole seconds: what began in a second in which something had to happen before came after that, not at
/// the second's beginning.
fn within_its_second(at: Timestamp, before: Timestamp) -> Timestamp {
    let is_whole = at.subsec_nanosecond() == 0;
    if is_whole && at < before && before.as_second() == at.as_second() { before } else { at }
}

fn accepted_at(runner: &Runner) -> Option<Timestamp> {
    let steps = runner.timeline.steps();
    steps.iter().find(|step| step.what.starts_with("launched as task")).map(|step| step.at)
}

/// As a table.
pub(super) fn describe(phases: &[Phase], times: &Times) -> String {
    let rows = phases.iter().map(|phase| {
        let took = phase.took_millis.map(fleetfoot_model::SignedDuration::from_millis);
        [
            Cell::from(format!("  {}", phase.name)),
            times.date_time(phase.at).into(),
            took.map(|took| format!("+{}", span(took))).unwrap_or_default().into(),
        ]
    });
    table(["  PHASE", "AT", "AFTER"], rows)
}
