//! Limits: of the fleet, of a class, of a repository, of AWS and of GitHub.

use fleetfoot_model::SignedDuration;
use fleetfoot_model::ids::JobId;
use fleetfoot_stand_in::fargate;
use fleetfoot_stand_in::github::Call;
use fleetfoot_tests::world::{Plan, World, order};

const SMALL: &str = "self-hosted class:small";

fn push_many(world: &mut World, repository: &str, labels: &str, count: usize) -> Vec<JobId> {
    let mut push = || {
        let job = world.push_to(repository, labels);
        world.run_for(SignedDuration::from_secs(3));
        job
    };
    (0..count).map(|_| push()).collect()
}

/// The jobs in the order they started at GitHub.
fn order_of_starts(world: &World) -> Vec<JobId> {
    let github = world.github();
    let started = github.jobs().filter_map(|(id, _, history)| Some((history.started()?.0, id)));
    let mut started: Vec<_> = started.collect();
    started.sort();
    started.into_iter().map(|(_, id)| id).collect()
}

/// lesson 5: at the cap, the wrong message of a batch was retried and a queued job was deleted.
#[test]
fn at_the_cap_jobs_wait_and_are_served_oldest_first() {
    let mut world = Plan::new(1).with("[limits]\nrunners = 2\n").world();
    let jobs = push_many(&mut world, "acme/app", SMALL, 12);
    world.settle();
    let launched = world.events("RunnerLaunched");
    let served: Vec<u64> = launched.iter().filter_map(|event| event.detail["job"].as_u64()).collect();
    assert_eq!(served, jobs.iter().map(|job| job.0).collect::<Vec<_>>());
    assert_eq!((world.launches(), world.jit_requests()), (12, 12));
    assert_eq!(world.bus.dead_letters(10).expect("the bus answers").len(), 0);
    assert!(world.steps(jobs[11]).contains("runners of the fleet: 2 at most"), "{}", world.steps(jobs[11]));
}

/// Nobody polls: the end of a runner is what lets the next job be launched.
#[test]
fn freed_capacity_is_given_to_the_next_job_at_once() {
    let mut world = Plan::new(1).with("[limits]\nrunners = 1\n").world();
    push_many(&mut world, "acme/app", SMALL, 5);
    world.settle();
    let (stopped, launched) = (world.events("RunnerStopped"), world.events("RunnerLaunched"));
    for (stop, launch) in stopped.iter().zip(&launched[1..]) {
        assert_eq!(stop.time, launch.time, "{} after {}", launch.detail["runner"], stop.detail["runner"]);
    }
}

/// Runners of one repository serve no other, so that the fleet alone decides whose turn it is.
#[test]
fn a_quiet_repository_does_not_wait_for_all_the_jobs_of_a_noisy_one() {
    let mut plan = Plan::new(1).with("[limits]\nrunners = 2\n");
    plan.target = "repositories = [\"acme/noisy\", \"acme/quiet\"]".to_owned();
    let mut world = plan.world();
    push_many(&mut world, "acme/noisy", SMALL, 10);
    let quiet = push_many(&mut world, "acme/quiet", SMALL, 1)[0];
    world.settle();
    let place = order_of_starts(&world).iter().position(|job| *job == quiet);
    assert!(place.is_some_and(|place| place <= 3), "it was number {place:?}");
}

/// An organization's runners are given to whichever job has waited longest, whoever they were launched for.
#[test]
fn a_job_whose_runners_are_always_taken_by_older_jobs_runs_in_the_end() {
    let mut world = Plan::new(1).with("[limits]\nrunners = 3\n").world();
    push_many(&mut world, "acme/noisy", SMALL, 40);
    let quiet = push_many(&mut world, "acme/quiet", SMALL, 1)[0];
    world.settle();
    assert_eq!(world.end_of(quiet), "success");
    assert_eq!((world.launches(), world.jit_requests()), (41, 41));
}

#[test]
fn limits_of_a_class_and_of_a_repository_hold_and_keep_nobody_else_waiting() {
    let limits = "[classes]\nsmall = { cpu = 512, memory = 1024, runners = 2 }\nmedium = { cpu = 1024, memory = 2048 }\n\
                  large = { cpu = 4096, memory = 16384 }\n[limits]\nrunners = 10\nrunners_per_repository = 3\n";
    let mut world = Plan::new(1).with(limits).world();
    let small = push_many(&mut world, "acme/app", SMALL, 5);
    let app = push_many(&mut world, "acme/app", "self-hosted class:large", 3);
    let other = push_many(&mut world, "acme/other", "self-hosted class:medium", 1)[0];
    world.settle();
    assert!(world.steps(small[2]).contains("runners of class small: 2 at most"), "{}", world.steps(small[2]));
    assert!(world.steps(app[2]).contains("runners of acme/app: 3 at most"), "{}", world.steps(app[2]));
    assert!(world.queued_for(other) < SignedDuration::from_mins(1), "{:#}", world.queued_for(other));
}

/// lesson 17: a retry storm against a throttled API: thousands of invocations, nothing launched.
#[test]
fn a_throttled_run_task_is_asked_again_when_its_limit_allows() {
    let mut plan = Plan::new(1).with("[limits]\nrunners = 100\n");
    plan.fargate.limits.launches_per_second = 1;
    plan.fargate.limits.launch_burst = 5;
    let mut world = plan.world();
    let jobs: Vec<JobId> = (0..40).map(|_| world.push(SMALL)).collect();
    world.settle();
    let counts = world.fargate().counts();
    assert!(counts.throttled > 0, "a story about throttling has some");
    assert!(counts.launch_calls <= 40 * 4, "{} calls for 40 launches", counts.launch_calls);
    assert_eq!(world.launches(), 40);
    let longest = jobs.iter().map(|job| world.queued_for(*job)).max().expect("there are jobs");
    assert!(longest < SignedDuration::from_mins(8), "{longest:#}");
}

/// lesson 17: the same at GitHub: agents come again when the limit's own clock says so.
#[test]
fn a_throttled_registration_is_asked_again_when_its_limit_allows() {
    let mut plan = Plan::new(1).with("[limits]\nrunners = 100\n");
    plan.github.limits.registrations_per_five_minutes = 10;
    let mut world = plan.world();
    let jobs: Vec<JobId> = (0..20).map(|_| world.push(SMALL)).collect();
    world.settle();
    assert!(jobs.iter().all(|job| world.end_of(*job) == "success"));
    assert!(world.jit_requests() > 20, "a story about throttling has some");
    assert!(world.jit_requests() <= 200, "{} requests for 20 registrations", world.jit_requests());
}

/// lesson 8: requests to GitHub were serialized at one a second. Here each runner asks once, and none waits for another.
#[test]
fn a_burst_registers_as_fast_as_its_tasks_come_up() {
    let mut world = Plan::new(1).with("[limits]\nrunners = 100\n").world();
    let jobs: Vec<JobId> = (0..60).map(|_| world.push(SMALL)).collect();
    world.settle();
    let longest = jobs.iter().map(|job| world.queued_for(*job)).max().expect("there are jobs");
    // The slowest task takes 45 seconds.
    assert!(longest < SignedDuration::from_secs(50), "{longest:#}");
    let github = world.github();
    assert_eq!(github.calls_of(Call::Jit), 60);
    let odd: u64 = [Call::Job, Call::DeleteRunner, Call::Run, Call::Redeliver]
        .iter()
        .map(|it| github.calls_of(*it))
        .sum();
    assert_eq!(odd, 0, "nothing else is asked for a job that goes well");
}

/// lesson 18: a repair that over-corrected. Replacing is paused, new jobs are served, and a person is told.
#[test]
fn when_all_runners_fail_replacing_them_is_paused_and_told() {
    let mut world = Plan::new(1).with("[limits]\nreplacements = 4\n").world();
    world.fargate().set_faults(fargate::Faults { never_started: 1.0, ..fargate::Faults::NONE });
    let failing: Vec<JobId> = (0..8).map(|_| world.push(SMALL)).collect();
    world.run_until("the breaker is open", |world| world.count("BreakerOpened") > 0);
    assert!(world.launches() <= 8 + 4, "{} launches", world.launches());
    world.fargate().set_faults(fargate::Faults::NONE);
    let fresh = world.push("self-hosted class:large");
    world.run_until("the new job has ended", |world| world.find_job(fresh).is_some_and(|job| !job.is_open()));
    assert!(world.queued_for(fresh) < SignedDuration::from_mins(1), "{:#}", world.queued_for(fresh));
    world.settle();
    assert!(world.slack_says("Runners are not replaced for now") > 0);
    assert!(failing.iter().all(|job| world.end_of(*job) == "success"), "when the pause is over");
}

/// lesson 18: a reconciler that doubled the fleet. However often it looks, it mends a thing once.
#[test]
fn a_hundred_looks_at_a_busy_fleet_change_nothing() {
    let mut world = Plan::new(1).with("[limits]\nrunners = 4\n").world();
    for n in 0..12 {
        let mut job = order(SMALL);
        job.run_for = SignedDuration::from_secs(30 + 20 * n);
        world.order(job);
    }
    for _ in 0..40 {
        world.run_for(SignedDuration::from_secs(7));
        for _ in 0..5 {
            world.wake("cleanup");
        }
    }
    world.settle();
    assert_eq!((world.launches(), world.jit_requests()), (12, 12));
}
