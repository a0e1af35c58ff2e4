//! The fleet in numbers.

use fleetfoot_model::Timestamp;
use fleetfoot_model::events::{Fact, FleetMeasured};
use fleetfoot_model::job::JobState;
use fleetfoot_model::runner::RunnerState;

use crate::snapshot::Snapshot;

pub(crate) fn measure(snapshot: &Snapshot, now: Timestamp) -> Fact {
    let jobs =
        |is: fn(&JobState) -> bool| snapshot.jobs.values().filter(|row| is(&row.value.state)).count() as u64;
    let runners = |is: fn(&RunnerState) -> bool| {
        snapshot.runners.values().filter(|row| is(&row.value.state)).count() as u64
    };
    let waiting_since = |state: &JobState| matches!(state, JobState::Queued { runner: None, .. });
    let oldest = snapshot
        .jobs
        .values()
        .filter(|row| waiting_since(&row.value.state))
        .map(|row| now.duration_since(row.value.description.created_at).as_secs())
        .max();
    FleetMeasured {
        jobs_waiting: jobs(|state| matches!(state, JobState::Queued { runner: None, .. })),
        jobs_launched: jobs(|state| matches!(state, JobState::Queued { runner: Some(_), .. })),
        jobs_running: jobs(|state| matches!(state, JobState::Running { .. })),
        runners_starting: runners(|state| matches!(state, RunnerState::Reserved | RunnerState::Launched)),
        runners_idle: runners(|state| matches!(state, RunnerState::Registered)),
        runners_busy: runners(|state| matches!(state, RunnerState::Busy(_))),
        oldest_waiting_seconds: oldest.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(0),
    }
    .into()
}
