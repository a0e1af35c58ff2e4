//! The ordinary way of a job.

use fleetfoot_model::job::JobState;
use fleetfoot_tests::world::Plan;

#[test]
fn a_job_is_queued_runs_and_leaves_nothing_behind() {
    let mut world = Plan::new(1).world();
    let job = world.push("self-hosted class:small");
    world.settle();
    assert!(
        matches!(&world.job(job).state, JobState::Finished { conclusion, .. } if conclusion == "success")
    );
    assert_eq!((world.jit_requests(), world.launches()), (1, 1));
    assert_eq!(
        world.told(&job.to_string()),
        [
            "JobQueued",
            "RunnerLaunched",
            "RunnerRegistered",
            "RunnerStarted",
            "JobStarted",
            "RunnerBusy",
            "JobCompleted",
            "JobFinished",
            "RunnerStopped"
        ],
    );
}
