//! Limits of others: a refused API is asked again as often as it can say yes, however many jobs wait.

use fleetfoot_model::SignedDuration;
use fleetfoot_tests::world::{Plan, World};

fn burst(limits: &str, jobs: usize) -> World {
    let mut plan = Plan::new(1).with(limits);
    plan.fargate.limits.launch_burst = 5;
    plan.fargate.limits.launches_per_second = 1;
    let mut world = plan.world();
    for _ in 0..jobs {
        world.push("self-hosted");
    }
    world
}

/// lesson 17: a retry storm against a throttled API.
#[test]
fn a_burst_beyond_the_launch_rate_is_launched_at_that_rate_and_hardly_ever_refused() {
    let mut world = burst("[limits]\nrunners = 100\nlaunches_per_second = 1\n", 60);
    world.run_until("every job has started", |world| {
        world.github().jobs().all(|(_, _, history)| history.started().is_some())
    });
    // 5 at once and 55 more at one a second, half a minute until the last is up.
    let took = world.elapsed();
    let within = SignedDuration::from_secs(55)..SignedDuration::from_secs(55 + 60);
    assert!(within.contains(&took), "{took:?}");
    let refused = world.fargate().counts().throttled;
    assert!(refused <= 6, "{refused} calls were refused for 60 jobs");
    assert_eq!(world.launches(), 60);
    world.settle();
}

#[test]
fn more_jobs_than_github_registers_in_a_minute_wait_before_they_cost_anything() {
    let mut world = burst("[limits]\nrunners = 100\nregistrations_per_minute = 30\n", 3);
    world.fargate().set_faults(fleetfoot_stand_in::fargate::Faults::NONE);
    for _ in 0..57 {
        world.push("self-hosted");
    }
    world.run_for(SignedDuration::from_secs(30));
    let launched = world.launches();
    assert!((3..=45).contains(&launched), "{launched} of 60 were launched within half a minute");
    assert!(world.count("LaunchesPaused") > 0);
    world.settle();
    assert_eq!(world.launches(), 60);
}
