//! GitHub gives a job to any idle runner whose labels cover it: who really runs what, and what is left over.

use fleetfoot_model::SignedDuration;
use fleetfoot_model::ids::{JobId, RunnerName};
use fleetfoot_stand_in::fargate;
use fleetfoot_stand_in::github::SessionId;
use fleetfoot_tests::world::{Plan, World};

const SMALL: &str = "self-hosted class:small";

fn own(job: JobId, launch: u32) -> String {
    format!("ff-{job}-{launch}")
}

fn name(text: &str) -> RunnerName {
    text.parse().expect("a runner's name")
}

fn takeovers(world: &World) -> usize {
    world.events("RunnerBusy").iter().filter(|event| event.detail.get("takenFrom").is_some()).count()
}

/// The first push's task takes minutes; what comes after it is up first.
fn with_a_slow_first(world: &mut World, labels: &str) -> JobId {
    world.fargate().set_faults(fargate::Faults { slow_start: 1.0, ..fargate::Faults::NONE });
    let first = world.push(labels);
    world.run_until("it is launched", |world| world.launches() == 1);
    world.fargate().set_faults(fargate::Faults::NONE);
    first
}

/// lesson 1: a runner was taken by another job, and its own job waited for hours.
#[test]
fn jobs_that_take_each_others_runners_cost_no_further_registration() {
    let mut plan = Plan::new(3);
    plan.github.faults.runner_swapped = 1.0;
    let mut world = plan.world();
    let jobs: Vec<JobId> = (0..10).map(|_| world.push(SMALL)).collect();
    world.settle();
    assert!(takeovers(&world) > 0, "a story about takeovers has one");
    assert_eq!((world.jit_requests(), world.launches()), (10, 10));
    assert!(jobs.iter().all(|job| world.end_of(*job) == "success"));
}

/// lesson 1: the two jobs exchange their runners, before and after they are up.
#[test]
fn a_job_that_is_older_takes_the_first_runner_that_is_up_and_gives_its_own() {
    let mut world = Plan::new(1).world();
    let older = with_a_slow_first(&mut world, SMALL);
    let younger = world.push(SMALL);
    world.settle();
    assert_eq!((world.ran_on(older), world.ran_on(younger)), (own(younger, 1), own(older, 1)));
    assert_eq!((world.jit_requests(), world.launches()), (2, 2));
    assert!(world.steps(younger).contains("whose runner it gets"), "{}", world.steps(younger));
}

/// lesson 1: the taker's own runner is too small for the job that was robbed, which gets another one at once.
#[test]
fn a_job_whose_runner_was_taken_by_one_with_fewer_labels_gets_another_runner_at_once() {
    let mut world = Plan::new(1).world();
    let modest = with_a_slow_first(&mut world, "self-hosted");
    let large = world.push("self-hosted class:large");
    world.settle();
    assert_eq!((world.ran_on(modest), world.ran_on(large)), (own(large, 1), own(large, 2)));
    assert_eq!(
        (world.jit_requests(), world.launches()),
        (2, 3),
        "the runner that nobody needs never registered"
    );
    assert!(world.steps(large).contains("its runner was taken by another job"));
    assert!(world.queued_for(large) < SignedDuration::from_mins(3), "{:#}", world.queued_for(large));
    assert_eq!(world.told(&own(modest, 1)).last().map(String::as_str), Some("RunnerStopped"));
}

/// lesson 1: a job whose runners others take as often as one may fail is not given up: it waits longer before the next.
#[test]
fn a_job_whose_runners_are_always_taken_is_not_given_up() {
    let mut world = Plan::new(1).with("[limits]\nlaunch_attempts = 1\n").world();
    with_a_slow_first(&mut world, "self-hosted");
    let large = world.push("self-hosted class:large");
    world.settle();
    assert_eq!(world.end_of(large), "success");
    assert!(
        world.steps(large).contains("1 of its runners were taken by other jobs"),
        "{}",
        world.steps(large)
    );
}

/// A runner of another fleet takes a job of ours; ours is let go, and a job that waits gets it.
#[test]
fn a_job_that_started_on_a_strange_runner_frees_its_own() {
    let mut world = Plan::new(1).with("[limits]\nrunners = 1\n").world();
    let job = world.push(SMALL);
    world.run_until("it is launched", |world| world.launches() == 1);
    let session = world.strange_runner("gpu-box-7", SMALL);
    world.run_until("it has started", |world| !world.job(job).is_queued());
    let registered = world.jit_requests();
    world.run_for(SignedDuration::from_mins(3));
    assert_eq!(world.ran_on(job), "gpu-box-7");
    assert!(world.live_runners().is_empty(), "its own runner is gone\n{}", world.describe());
    assert_eq!(world.jit_requests(), registered, "and never registered");
    finish(&mut world, session);
    world.settle();
    assert_eq!(world.end_of(job), "success");
}

#[test]
fn a_job_that_waits_gets_the_runner_of_one_that_started_elsewhere() {
    let mut world = Plan::new(1).with("[limits]\nrunners = 1\n").world();
    let elsewhere = world.push(SMALL);
    world.run_until("it is launched", |world| world.launches() == 1);
    let session = world.strange_runner("gpu-box-7", SMALL);
    world.run_until("it has started", |world| !world.job(elsewhere).is_queued());
    let waits = world.push(SMALL);
    world.run_until("it has ended", |world| world.find_job(waits).is_some_and(|job| !job.is_open()));
    assert_eq!((world.ran_on(waits), world.launches()), (own(elsewhere, 1), 1));
    finish(&mut world, session);
    world.settle();
}

fn finish(world: &mut World, session: SessionId) {
    let now = world.now();
    world.github().done(now, session, true).expect("it has a job");
}

/// lesson 10: a cancelled job left a runner that idled until a time limit.
#[test]
fn a_job_cancelled_before_its_task_is_up_costs_no_registration() {
    let mut world = Plan::new(1).world();
    let job = world.push(SMALL);
    world.run_until("it is launched", |world| world.launches() == 1);
    world.cancel(job);
    world.settle();
    assert_eq!(world.end_of(job), "cancelled");
    assert_eq!((world.jit_requests(), world.count("RunnerDismissed")), (0, 1));
    assert!(world.elapsed() < SignedDuration::from_mins(2), "{:#}", world.elapsed());
}

/// lesson 10: the same, a moment later: GitHub knows the runner and has chosen it for the job.
#[test]
fn a_job_cancelled_after_the_registration_leaves_no_idle_runner() {
    let mut world = Plan::new(1).world();
    let job = world.push(SMALL);
    world.run_until("it is registered", |world| world.jit_requests() == 1);
    world.cancel(job);
    world.settle();
    assert_eq!((world.end_of(job).as_str(), world.count("RunnerReleased")), ("cancelled", 1));
    assert!(world.elapsed() < SignedDuration::from_mins(2), "{:#}", world.elapsed());
}

/// lesson 10: the runner of a cancelled job took the next job, and that one's own runner starved.
#[test]
fn the_runner_of_a_cancelled_job_serves_the_next_one() {
    for registered in [false, true] {
        let mut world = Plan::new(1).with("[limits]\nrunners = 1\n").world();
        let cancelled = world.push(SMALL);
        world.run_until("it is launched", |world| world.launches() == 1);
        let next = world.push(SMALL);
        world.run_until("the other waits", |world| {
            let waits = world.find_job(next).is_some_and(|job| job.waiting().is_some());
            waits && (world.jit_requests() == 1) == registered
        });
        world.cancel(cancelled);
        world.settle();
        assert_eq!(world.end_of(next), "success");
        assert_eq!(
            (world.ran_on(next), world.launches()),
            (own(cancelled, 1), 1),
            "registered: {registered}"
        );
    }
}

/// lesson 10: a pool's runner whose job is cancelled stays warm.
#[test]
fn a_pool_runner_whose_job_is_cancelled_stays_warm() {
    let mut world =
        Plan::new(1).with("[[pools]]\nname = \"day\"\nlabels = [\"self-hosted\"]\nsize = 1\n").world();
    world.run_until("it is warm", |world| world.jit_requests() == 1);
    let job = world.push("self-hosted");
    world.cancel(job);
    world.settle();
    let warm = world.runner(&name("ff-pool-day-1"));
    assert!(warm.is_free() && warm.github_id.is_some(), "{warm:?}");
    let next = world.push("self-hosted");
    world.settle();
    assert_eq!(world.ran_on(next), "ff-pool-day-1");
}
