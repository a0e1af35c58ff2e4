//! Tasks that do not do what they should.

use fleetfoot_model::ids::JobId;
use fleetfoot_stand_in::fargate::Faults;

use crate::harness::System;

/// Spot takes it back before its runner has a job: the job gets another, on demand.
pub(crate) async fn a_spot_interruption(system: &System) {
    another_runs_it(system, "class:cheap", Faults { spot_interrupted: 1.0, ..Faults::NONE }).await;
}

/// Its image cannot be pulled, or there is no address for it: another task is launched for the job.
pub(crate) async fn a_task_that_never_starts(system: &System) {
    another_runs_it(system, "class:small", Faults { never_started: 1.0, ..Faults::NONE }).await;
}

async fn another_runs_it(system: &System, class: &str, faults: Faults) {
    let mut job = JobId(0);
    system.once(faults, async || job = system.push(&["self-hosted", class])).await;
    assert_eq!(system.github.ended(job).await, "success");
    let (_, runner) = system.started(job);
    assert_eq!(runner, format!("ff-{job}-2"));
    system.nothing_runs().await;
}
