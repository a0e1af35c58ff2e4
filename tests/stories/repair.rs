//! What is left over, or forgotten, and how `cleanup` mends it.

use fleetfoot_model::SignedDuration;
use fleetfoot_model::events::JobDescription;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::job::Job;
use fleetfoot_stand_in::millis;
use fleetfoot_tests::world::{Plan, World, order};

const SMALL: &str = "self-hosted class:small";

fn registered(world: &World) -> Vec<String> {
    world.github().registrations().into_iter().map(|runner| runner.name).collect()
}

fn long(world: &mut World) -> JobId {
    let mut long = order(SMALL);
    long.run_for = SignedDuration::from_mins(30);
    world.order(long)
}

/// Every row is gone, while jobs run and a runner waits. What is busy is left alone, what is idle is removed.
#[test]
fn a_lost_ledger_ends_no_job_and_leaves_nothing_behind() {
    let pool = "[[pools]]\nname = \"day\"\nlabels = [\"self-hosted\", \"class:large\"]\nsize = 1\n";
    let mut world = Plan::new(1).with(pool).world();
    let running = long(&mut world);
    world.run_until("it runs, and a runner is warm", |world| {
        world.jit_requests() == 2 && world.find_job(running).is_some_and(|job| job.started_at.is_some())
    });
    world.ledger.lose();
    world.run_for(SignedDuration::from_mins(10));
    let warm = registered(&world);
    assert_eq!(warm.len(), 2, "the busy one and a new warm one: {warm:?}");
    let next = world.push(SMALL);
    world.settle();
    let ended = world.github().history(running).and_then(|history| history.conclusion.clone());
    assert_eq!((ended.as_deref(), world.end_of(next).as_str()), (Some("success"), "success"));
}

/// A job whose row is lost is found by asking, as soon as its repository is heard of again.
#[test]
fn a_job_that_waits_when_the_ledger_is_lost_runs_in_the_end() {
    let mut world = Plan::new(1).world();
    let forgotten = world.push(SMALL);
    world.run_until("it is launched", |world| world.launches() == 1);
    world.ledger.lose();
    world.run_for(SignedDuration::from_mins(20));
    let next = world.push("self-hosted class:large");
    world.settle();
    assert_eq!((world.end_of(forgotten).as_str(), world.end_of(next).as_str()), ("success", "success"));
}

/// A registration that carries the fleet's name and has no task is removed; another fleet's is not ours to touch.
#[test]
fn a_registration_that_nobody_has_is_removed_and_a_strangers_is_not() {
    let mut world = Plan::new(1).world();
    for name in ["ff-17-1", "gg-17-1", "gpu-box-7"] {
        world.ghost(name, None);
    }
    world.run_for(SignedDuration::from_mins(12));
    assert_eq!(registered(&world), ["gg-17-1", "gpu-box-7"]);
    assert_eq!(world.count("RunnerReaped"), 1);
}

/// The same for runners of repositories: every listed one is looked at.
#[test]
fn a_registration_with_a_repository_that_nobody_has_is_removed() {
    let mut plan = Plan::new(1);
    plan.target = "repositories = [\"acme/app\", \"acme/lib\"]".to_owned();
    let mut world = plan.world();
    world.ghost("ff-17-1", Some("acme/lib"));
    world.run_for(SignedDuration::from_mins(12));
    assert_eq!(registered(&world), [""; 0]);
}

/// Of a large fleet `cleanup` looks at the 5,000 oldest rows. A task whose runner is behind them is no orphan.
#[test]
fn a_task_whose_runner_is_behind_thousands_of_rows_is_left_alone() {
    let mut plan = Plan::new(1);
    // An orphan would be stopped long before it is up.
    plan.fargate.times.start = millis(240_000, 300_000);
    let mut world = plan.world();
    let elsewhere = world.push("gpu");
    let description = world.github().report(elsewhere).expect("GitHub knows it").description;
    for id in (1..=5_000).map(JobId) {
        let mut job = Job::new(JobDescription { id, ..description.clone() }, world.now());
        job.start("gpu-box-7", world.now(), world.now());
        world.keep(job);
    }
    world.run_for(SignedDuration::from_secs(1));
    let job = world.push(SMALL);
    world.run_until("it has ended", |world| world.find_job(job).is_some_and(|job| !job.is_open()));
    assert_eq!((world.end_of(job).as_str(), world.launches()), ("success", 1));
    assert_eq!(world.count("RunnerReaped"), 0);
}

/// GitHub is down for half an hour, while jobs come, run and end.
#[test]
fn an_outage_of_github_delays_jobs_and_loses_none() {
    let mut world = Plan::new(1).world();
    let first = world.push(SMALL);
    world.run_until("it is launched", |world| world.launches() == 1);
    let now = world.now();
    world.github().add_outage(now, now + SignedDuration::from_mins(30));
    let second = world.push(SMALL);
    world.settle();
    for job in [first, second] {
        assert_eq!(world.end_of(job), "success");
    }
}
