//! Warm runners: as many as wanted, when they are wanted.

use fleetfoot_model::SignedDuration;
use fleetfoot_model::ids::{JobId, PoolName};
use fleetfoot_tests::world::{Plan, World, order};

const POOL: &str = "[[pools]]\nname = \"day\"\nlabels = [\"self-hosted\", \"class:small\"]\nsize = 2\n";
const SMALL: &str = "self-hosted class:small";

/// Runners that are up and wait for work.
fn warm(world: &World) -> usize {
    let day: PoolName = "day".parse().expect("a pool's name");
    world.live_runners().iter().filter(|runner| runner.is_idle_in(&day) && runner.github_id.is_some()).count()
}

fn push_long(world: &mut World, takes: SignedDuration) -> JobId {
    let mut long = order(SMALL);
    long.run_for = takes;
    world.order(long)
}

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

/// GitHub tells that a job is queued before it has started.
fn in_order() -> Plan {
    let mut plan = Plan::new(1).with(POOL);
    plan.github.times.webhook = SignedDuration::from_millis(200)..=SignedDuration::from_millis(200);
    plan.github.times.pickup = SignedDuration::from_secs(1)..=SignedDuration::from_secs(1);
    plan
}

/// As many runners as wanted are always ready; one that is taken is replaced at once, not when it ends.
#[test]
fn a_pool_is_kept_full() {
    let mut world = in_order().world();
    world.run_for(minutes(2));
    assert_eq!((warm(&world), world.launches()), (2, 2));
    world.run_for(minutes(60));
    assert_eq!(
        (warm(&world), world.launches(), world.jit_requests()),
        (2, 2, 2),
        "an idle hour costs no request"
    );

    let job = push_long(&mut world, minutes(30));
    world.run_for(SignedDuration::from_secs(50));
    assert_eq!((warm(&world), world.live_runners().len()), (2, 3), "there is a third while the job runs");
    world.settle();
    assert!(world.ran_on(job).starts_with("ff-pool-day-"));
    assert_eq!((warm(&world), world.launches()), (2, 3));
}

/// A job that a warm runner suits starts in seconds, and nothing is launched for it but the next warm one.
#[test]
fn a_warm_runner_starts_a_job_in_seconds_and_suppresses_a_launch() {
    let mut world = in_order().world();
    world.run_for(minutes(2));
    let (near, far) = (world.push(SMALL), world.push("self-hosted class:large"));
    world.settle();
    assert!(world.queued_for(near) < SignedDuration::from_secs(3), "{:#}", world.queued_for(near));
    assert_eq!(world.count("JobMatched"), 1);
    assert_eq!(world.ran_on(far), format!("ff-{far}-1"), "a large job needs a runner of its own");
    world.run_for(minutes(2));
    assert_eq!((world.launches(), warm(&world)), (4, 2));
}

/// A job has started on a warm runner before the fleet heard of it: nothing was matched, and the schedule fills the gap.
#[test]
fn a_warm_runner_that_was_taken_unheard_of_is_replaced_within_a_minute() {
    let mut plan = in_order();
    plan.github.times.pickup = SignedDuration::ZERO..=SignedDuration::ZERO;
    plan.github.faults.webhook_delayed = 1.0;
    let mut world = plan.world();
    world.run_for(minutes(2));
    let job = push_long(&mut world, minutes(30));
    world.run_for(minutes(2));
    assert_eq!((warm(&world), world.live_runners().len()), (2, 3));
    world.settle();
    assert_eq!((world.end_of(job).as_str(), world.launches()), ("success", 3));
}

/// More jobs than warm runners: the rest are launched, and the pool fills up behind them.
#[test]
fn a_burst_takes_the_pool_and_launches_the_rest() {
    let mut world = Plan::new(1).with(POOL).world();
    world.run_for(minutes(2));
    let jobs: Vec<JobId> = (0..6).map(|_| push_long(&mut world, minutes(3))).collect();
    world.settle();
    assert!(jobs.iter().all(|job| world.end_of(*job) == "success"));
    let at_once = jobs.iter().filter(|job| world.queued_for(**job) < SignedDuration::from_secs(3)).count();
    assert_eq!(at_once, 2);
    world.run_for(minutes(2));
    assert_eq!(warm(&world), 2);
    assert!(world.launches() <= 6 + 2 + 2, "{} launches for 6 jobs", world.launches());
}

/// More in business hours, none at night. What has a job when the hours end keeps it.
#[test]
fn a_pool_follows_the_hours_of_its_time_zone() {
    // The world begins at 09:00 UTC, which is 10:00 in Berlin in November.
    let mut world =
        Plan::new(1).with(POOL).with("schedule = \"Mon-Fri 11:00-13:00 Europe/Berlin\"\n").world();
    world.run_for(minutes(58));
    assert_eq!((warm(&world), world.launches()), (0, 0), "09:58 UTC");
    world.run_for(minutes(4));
    assert_eq!(warm(&world), 2, "10:02 UTC");
    world.run_for(minutes(110));
    let long = push_long(&mut world, minutes(60));
    world.run_for(minutes(5));
    assert_eq!(warm(&world), 2, "11:57 UTC");
    world.run_for(minutes(8));
    let left: Vec<bool> = world.live_runners().iter().map(|runner| runner.job == Some(long)).collect();
    assert_eq!(left, [true], "12:05 UTC\n{}", world.describe());
    world.settle();
    assert_eq!(world.end_of(long), "success");
    world.run_for(SignedDuration::from_hours(10));
    assert_eq!(world.live_runners().len(), 0);
}

/// A pool of runners that never start asks no oftener than its schedule, and the fleet's limit holds for it too.
#[test]
fn a_pool_takes_no_more_than_the_fleets_limit() {
    let mut world = Plan::new(1).with("[limits]\nrunners = 2\n").with(POOL).world();
    world.run_for(minutes(2));
    let large = world.push("self-hosted class:large");
    world.run_for(minutes(10));
    assert_eq!((warm(&world), world.launches()), (2, 2));
    let waiting = world.job(large).waiting().map(ToString::to_string);
    assert!(
        waiting.as_deref().is_some_and(|it| it.contains("runners of the fleet: 2 at most")),
        "{waiting:?}"
    );
    world.push(SMALL);
    world.settle();
    assert_eq!(world.end_of(large), "success", "a runner that ends frees capacity for whoever waits");
}
