//! Many jobs in bad weather: whatever goes wrong at GitHub and in the fleet, no job is lost and nothing is left over.

use fleetfoot_model::SignedDuration;
use fleetfoot_model::job::JobState;
use fleetfoot_stand_in::FaultLevel;
use fleetfoot_tests::world::{Plan, World, order};

const KINDS: [&str; 4] =
    ["self-hosted class:small", "self-hosted", "self-hosted class:small spot", "self-hosted class:large"];

fn day(seed: u64, level: FaultLevel, jobs: u64) -> World {
    let mut plan = Plan::new(seed).with("[limits]\nrunners = 12\n");
    plan.github.faults = level.into();
    plan.fargate.faults = level.into();
    let mut world = plan.world();
    for n in 0..jobs {
        let mut order = order(KINDS[usize::try_from((n + seed) % 4).unwrap_or(0)]);
        order.repository = format!("acme/repository-{}", n % 3).parse().expect("a repository");
        order.run_for = SignedDuration::from_secs(20 + i64::try_from(n * 37 % 400).unwrap_or(0));
        if n % 7 == 3 {
            order.cancel_after = Some(SignedDuration::from_secs(30 + i64::try_from(n).unwrap_or(0)));
        }
        order.needs_approval = n % 11 == 5;
        world.order(order);
        world.run_for(SignedDuration::from_secs(i64::try_from((n * 7919 + seed) % 20).unwrap_or(0)));
    }
    world.settle();
    world
}

#[test]
fn in_fair_weather_a_day_costs_one_registration_for_each_job() {
    let world = day(1, FaultLevel::None, 40);
    let ran = world.github().jobs().filter(|(.., history)| history.started().is_some()).count() as u64;
    assert!(ran >= 30 && world.jit_requests() <= 40, "{ran} ran with {} registrations", world.jit_requests());
    assert_eq!(world.bus.dead_letters(10).expect("the bus answers").len(), 0);
}

#[test]
fn in_heavy_weather_every_job_ends_and_nothing_is_left_over() {
    for seed in 1..=12 {
        let world = day(seed, FaultLevel::Heavy, 30);
        let jobs: Vec<_> = world.github().jobs().map(|(id, _, history)| (id, history.clone())).collect();
        for (id, history) in jobs {
            let Some(job) = world.find_job(id) else {
                // Cancelled before any word of it came through.
                assert_eq!(
                    history.conclusion.as_deref(),
                    Some("cancelled"),
                    "seed {seed}: job {id} was never heard of"
                );
                continue;
            };
            assert!(!job.is_open(), "seed {seed}: job {id} is {:?}", job.state);
            if let JobState::Rejected { reason, .. } = &job.state {
                assert!(reason.contains("runners were launched for it"), "seed {seed}: {reason}");
            }
        }
    }
}
