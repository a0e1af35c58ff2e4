//! Tasks that do not do what they should.

use fleetfoot_model::ids::JobId;
use fleetfoot_stand_in::fargate::Faults;

use crate::harness::wait::until;
use crate::harness::{Figures, System};

/// Spot takes it back before its runner has a job: the job gets another, on demand.
pub(crate) async fn a_spot_interruption(system: &System) {
    system.cloud.set_faults(Faults { spot_interrupted: 1.0, ..Faults::NONE });
    let job = system.push(&["self-hosted", "class:cheap"]);
    runs_on_another(system, job).await;
    system.cloud.set_faults(Faults::NONE);
}

/// Its image cannot be pulled, or there is no address for it: another task is launched for the job.
pub(crate) async fn a_task_that_never_starts(system: &System) {
    let before = Figures::of(system);
    system.cloud.set_faults(Faults { never_started: 1.0, ..Faults::NONE });
    let job = system.push(&["self-hosted", "class:small"]);
    until("its task was accepted", || Figures::of(system).since(&before).of_call("ECS.RunTask") > 0).await;
    system.cloud.set_faults(Faults::NONE);
    runs_on_another(system, job).await;
}

async fn runs_on_another(system: &System, job: JobId) {
    assert_eq!(system.github.ended(job).await, "success");
    let (_, runner) = system.started(job);
    assert_eq!(runner, format!("ff-{job}-2"));
    system.nothing_runs().await;
}
