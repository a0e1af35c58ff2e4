//! Tasks that never start, end early, are taken away or are lost, and runners that are left alone while they work.

use fleetfoot_model::SignedDuration;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::job::Waiting;
use fleetfoot_stand_in::fargate::Faults;
use fleetfoot_stand_in::github;
use fleetfoot_tests::world::{Plan, World, order};

const SMALL: &str = "self-hosted class:small";
const SPOT: &str = "self-hosted class:small spot";

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

/// A job that takes this long.
fn push_long(world: &mut World, labels: &str, takes: SignedDuration) -> JobId {
    let mut long = order(labels);
    long.run_for = takes;
    world.order(long)
}

fn runs(world: &World, job: JobId) -> bool {
    world.find_job(job).is_some_and(|job| job.started_at.is_some())
}

/// How the capacity of a runner's task was bought.
fn capacity_of(world: &World, runner: &str) -> String {
    let events = world.events("ECS Task State Change");
    let event = events.iter().find(|event| event.detail["startedBy"] == runner);
    let event = event.unwrap_or_else(|| panic!("nothing was told of {runner}"));
    event.detail["capacityProviderName"].as_str().expect("a task has a capacity provider").to_owned()
}

/// lesson 11: a task that never started was noticed after hours or never.
#[test]
fn a_task_that_never_starts_is_replaced_as_soon_as_the_fleet_gives_it_up() {
    let mut world = Plan::new(1).world();
    world.fargate().set_faults(Faults { never_started: 1.0, ..Faults::NONE });
    let job = world.push(SMALL);
    world.run_until("it is launched", |world| world.launches() == 1);
    world.fargate().set_faults(Faults::NONE);
    world.settle();
    assert_eq!((world.ran_on(job), world.jit_requests()), (format!("ff-{job}-2"), 1));
    // Four minutes until it is given up, 45 seconds for the second.
    assert!(world.queued_for(job) < minutes(5), "{:#}", world.queued_for(job));
    assert!(world.steps(job).contains("its task never started"), "{}", world.steps(job));
}

/// lesson 11: if no task ever starts, the job is given up with the fleet's own words, and a person hears of it.
#[test]
fn a_job_whose_tasks_never_start_is_rejected_with_the_reason() {
    let mut world = Plan::new(1).world();
    world.fargate().set_faults(Faults { never_started: 1.0, ..Faults::NONE });
    let job = world.push(SMALL);
    world.settle();
    let end = world.end_of(job);
    assert!(end.starts_with("rejected: 5 runners were launched for it"), "{end}");
    assert!(end.contains("CannotPullContainerError") || end.contains("network interface"), "{end}");
    assert_eq!((world.launches(), world.jit_requests()), (5, 0));
    assert_eq!(
        world.slack_says("acme/app: job \\\"build\\\" will get no runner"),
        1,
        "{:?}",
        world.slack.messages()
    );
    assert!(world.elapsed() < minutes(40), "{:#}", world.elapsed());
}

/// `cleanup` misses a task before the fleet has told of its end. The job waits for the fleet's own words.
#[test]
fn a_task_that_is_missed_before_its_end_is_told_still_has_a_reason() {
    let mut plan = Plan::new(1);
    plan.fargate.times.event = SignedDuration::from_secs(50)..=SignedDuration::from_secs(50);
    let mut world = plan.world();
    world.fargate().set_faults(Faults { never_started: 1.0, ..Faults::NONE });
    let job = world.push(SMALL);
    world.settle();
    let missed =
        world.events("RunnerStopped").iter().filter(|it| it.detail["reason"]["because"] == "lost").count();
    assert!(missed > 0, "a story about this has one");
    let steps = world.steps(job);
    assert_eq!((world.launches(), steps.matches("its task never started").count()), (5, 5), "{steps}");
}

/// A fleet without capacity is asked again, ever later.
#[test]
fn a_job_for_which_there_is_no_capacity_now_is_launched_when_there_is() {
    let mut world = Plan::new(1).world();
    world.fargate().set_faults(Faults { no_capacity: 1.0, ..Faults::NONE });
    let job = world.push(SMALL);
    world.run_for(minutes(2));
    world.fargate().set_faults(Faults::NONE);
    world.settle();
    assert_eq!(world.end_of(job), "success");
    assert!(world.fargate().counts().launch_calls <= 5);
    assert!(world.steps(job).contains("Capacity is unavailable"), "{}", world.steps(job));
}

/// GitHub is asked before another launch that may fail like the last: word of the cancellation was lost.
#[test]
fn a_job_that_was_cancelled_without_a_word_is_not_launched_again() {
    let mut world = Plan::new(1).world();
    world.fargate().set_faults(Faults { no_capacity: 1.0, ..Faults::NONE });
    let job = world.push(SMALL);
    world.run_until("it waits to be launched again", |world| {
        world.find_job(job).is_some_and(|job| matches!(job.waiting(), Some(Waiting::Backoff { .. })))
    });
    world.github().set_faults(github::Faults { webhook_lost: 1.0, ..github::Faults::NONE });
    world.cancel(job);
    world.fargate().set_faults(Faults::NONE);
    world.settle();
    assert_eq!((world.end_of(job).as_str(), world.launches()), ("cancelled", 0));
}

#[test]
fn a_spot_job_for_which_there_is_no_spot_capacity_runs_on_demand() {
    let mut plan = Plan::new(1);
    plan.fargate.limits.spot_vcpus = 0;
    let mut world = plan.world();
    let job = world.push(SPOT);
    world.settle();
    assert_eq!(capacity_of(&world, &world.ran_on(job)), "FARGATE");
    assert!(world.queued_for(job) < minutes(1), "{:#}", world.queued_for(job));
}

/// Spot takes the task back while it waits for GitHub, before it has a job.
#[test]
fn a_spot_task_interrupted_before_its_job_began_is_replaced_on_demand() {
    let mut plan = Plan::new(1);
    plan.fargate.faults.spot_interrupted = 1.0;
    plan.fargate.times.until_interruption = SignedDuration::from_secs(10)..=SignedDuration::from_secs(10);
    let mut world = plan.world();
    let job = world.push(SPOT);
    world.run_until("it is launched", |world| world.launches() == 1);
    let now = world.now();
    world.github().add_outage(now, now + minutes(2));
    world.settle();
    assert_eq!(world.ran_on(job), format!("ff-{job}-2"));
    assert_eq!(capacity_of(&world, &format!("ff-{job}-1")), "FARGATE_SPOT");
    assert_eq!(capacity_of(&world, &format!("ff-{job}-2")), "FARGATE");
    assert_eq!(world.end_of(job), "success");
}

/// lesson 9: a job that is interrupted has two minutes, and nobody ends it before.
#[test]
fn a_job_that_ends_within_the_warning_of_spot_succeeds_and_a_longer_one_is_known_to_have_failed() {
    for (takes, end) in [(minutes(1), "success"), (minutes(30), "failure")] {
        let mut plan = Plan::new(1);
        plan.fargate.faults.spot_interrupted = 1.0;
        plan.fargate.times.until_interruption = SignedDuration::from_secs(20)..=SignedDuration::from_secs(20);
        let mut world = plan.world();
        let job = push_long(&mut world, SPOT, takes);
        world.settle();
        assert_eq!((world.end_of(job).as_str(), world.count("RunnerInterrupted")), (end, 1));
        assert_eq!(world.launches(), 1, "a job that ran is not run again");
    }
}

/// lesson 9: a busy runner was terminated because the `busy` flag lagged, or because it was older than a time limit.
#[test]
fn a_busy_runner_is_left_alone_past_every_time_limit() {
    let timeouts = "[timeouts]\nregister_seconds = 60\nidle_seconds = 60\nlinger_seconds = 60\nlost_seconds = 60\n\
                    queued_seconds = 3600\nrunning_seconds = 3600\ngrace_seconds = 30\nsurvey_seconds = 60\n";
    let mut plan = Plan::new(1).with(timeouts);
    plan.github.times.busy_lag = SignedDuration::from_hours(9);
    let mut world = plan.world();
    let job = push_long(&mut world, SMALL, SignedDuration::from_hours(5));
    world.settle();
    assert_eq!(world.github().history(job).and_then(|it| it.conclusion.clone()).as_deref(), Some("success"));
    assert!(world.fargate().stops().is_empty(), "{:?}", world.fargate().stops());
    assert_eq!(world.end_of(job), "success", "what GitHub says last is what counts");
}

/// lesson 9: nor if its `in_progress` never came and it looks idle. GitHub refuses to delete it.
#[test]
fn a_busy_runner_that_looks_idle_is_left_alone() {
    let mut world = Plan::new(1).with("[timeouts]\nidle_seconds = 60\n").world();
    let job = push_long(&mut world, SMALL, minutes(30));
    world.run_until("it is launched", |world| world.launches() == 1);
    world.github().set_faults(github::Faults { webhook_lost: 1.0, ..github::Faults::NONE });
    world.settle();
    assert!(world.steps(job).contains("got no job from GitHub within 60 seconds"), "{}", world.steps(job));
    assert_eq!((world.end_of(job).as_str(), world.launches()), ("success", 1));
    assert!(world.fargate().stops().is_empty(), "{:?}", world.fargate().stops());
}

/// The machine of a running job is gone. GitHub lets the job fail; its capacity is free long before.
#[test]
fn a_task_that_is_gone_without_a_word_is_noticed() {
    let mut world = Plan::new(1).world();
    world.fargate().set_faults(Faults { task_lost: 1.0, ..Faults::NONE });
    let job = push_long(&mut world, SMALL, SignedDuration::from_hours(2));
    world.run_until("its runner is thought to be gone", |world| world.count("RunnerStopped") == 1);
    assert!(world.job(job).is_open(), "the job is GitHub's to end");
    world.settle();
    assert_eq!((world.end_of(job).as_str(), world.launches()), ("failure", 1));
}

/// Not one event of the fleet's tasks arrives.
#[test]
fn jobs_run_and_capacity_is_freed_without_any_word_of_the_tasks() {
    let mut world = Plan::new(1).with("[limits]\nrunners = 1\n").world();
    world.fargate().set_faults(Faults { event_lost: 1.0, ..Faults::NONE });
    let jobs = [world.push(SMALL), world.push(SMALL), world.push(SMALL)];
    world.settle();
    assert!(jobs.iter().all(|job| world.end_of(*job) == "success"));
    assert_eq!((world.launches(), world.jit_requests()), (3, 3));
}

/// The answer to `RunTask` is lost: the task runs, and is the same one when it is asked for again.
#[test]
fn a_launch_whose_answer_is_lost_is_one_launch() {
    let mut world = Plan::new(1).world();
    world.fargate().set_faults(Faults { answer_lost: 1.0, ..Faults::NONE });
    let job = push_long(&mut world, SMALL, minutes(10));
    world.run_until("it runs", |world| runs(world, job));
    world.fargate().set_faults(Faults::NONE);
    world.settle();
    assert_eq!((world.launches(), world.jit_requests(), world.end_of(job).as_str()), (1, 1, "success"));
}

/// The answer to a registration is lost: nobody has the configuration, so the name is freed and asked for anew.
#[test]
fn a_registration_whose_answer_is_lost_is_made_anew() {
    let mut world = Plan::new(1).world();
    let job = world.push(SMALL);
    world.run_until("it is launched", |world| world.launches() == 1);
    world.github().set_faults(github::Faults { answer_lost: 1.0, ..github::Faults::NONE });
    world.run_until("GitHub was asked", |world| world.jit_requests() >= 1);
    world.github().set_faults(github::Faults::NONE);
    world.settle();
    assert_eq!((world.end_of(job).as_str(), world.launches()), ("success", 1));
}

#[test]
fn a_runner_that_dies_with_its_job_is_cleaned_up_and_the_job_is_not_run_again() {
    let mut world = Plan::new(1).world();
    world.github().set_faults(github::Faults { runner_died: 1.0, ..github::Faults::NONE });
    let job = push_long(&mut world, SMALL, minutes(20));
    world.settle();
    assert_eq!((world.end_of(job).as_str(), world.launches()), ("failure", 1));
}

/// A job that cannot be served for a day is given up, and a person hears of it.
#[test]
fn a_job_that_is_queued_for_a_day_expires() {
    let mut plan = Plan::new(1).with("[limits]\nrunners = 1\n");
    plan.github.times.queued = SignedDuration::from_hours(35);
    let mut world = plan.world();
    let long = push_long(&mut world, SMALL, SignedDuration::from_hours(26));
    world.run_until("it runs", |world| runs(world, long));
    let waits = world.push("self-hosted class:large");
    world.run_until("it is given up", |world| world.find_job(waits).is_some_and(|job| !job.is_open()));
    let end = world.end_of(waits);
    assert!(end.starts_with("expired: it was queued for more than 24 hours"), "{end}");
    assert!(world.steps(waits).contains("runners of the fleet: 1 at most"), "{}", world.steps(waits));
    world.settle();
    assert_eq!(world.slack_says("was given up"), 1);
    assert_eq!((world.end_of(long).as_str(), world.launches()), ("success", 1));
}
