//! Tasks that do not do what they should.

use crate::harness::System;

/// Its runner is taken away before it has started the job: the job gets another, on demand.
pub(crate) async fn a_spot_interruption(system: &System) {
    system.interrupt_next();
    let job = system.push(&["self-hosted", "class:cheap"]);
    assert_eq!(system.github.ended(job).await, "success");
    let (_, runner) = system.started(job);
    assert_eq!(runner, format!("ff-{job}-2"));
    system.nothing_runs().await;
}

/// Its image cannot be pulled: another task is launched for the job.
pub(crate) async fn a_task_that_never_starts(system: &System) {
    system.fail_next_start();
    let job = system.push(&["self-hosted", "class:small"]);
    assert_eq!(system.github.ended(job).await, "success");
    let (_, runner) = system.started(job);
    assert_eq!(runner, format!("ff-{job}-2"));
    system.nothing_runs().await;
}
