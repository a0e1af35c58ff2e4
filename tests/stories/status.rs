//! What the fleet says of itself is so, and it can be asked why.

use std::collections::{BTreeMap, BTreeSet};

use fleetfoot_model::SignedDuration;
use fleetfoot_model::job::JobState;
use fleetfoot_model::record::{Index, Record};
use fleetfoot_stand_in::FaultLevel;
use fleetfoot_tests::world::{Plan, World, order};

const SMALL: &str = "self-hosted class:small";

fn rough_day(seed: u64) -> World {
    let mut plan = Plan::new(seed).with("[limits]\nrunners = 8\n");
    plan.github.faults = FaultLevel::Heavy.into();
    plan.fargate.faults = FaultLevel::Some.into();
    let mut world = plan.world();
    for n in 0..20 {
        let mut job = order(SMALL);
        job.run_for = SignedDuration::from_secs(30 + 10 * n);
        job.cancel_after = (n % 5 == 4).then(|| SignedDuration::from_secs(60));
        world.order(job);
        world.run_for(SignedDuration::from_secs(5));
    }
    world.settle();
    world
}

/// lesson 19: status was shown from a table that drifted from reality: states that never left "waiting".
#[test]
fn after_a_rough_day_the_ledger_says_what_github_says() {
    for seed in 1..=4 {
        let world = rough_day(seed);
        let mut compared = 0;
        for (id, _, history) in world.github().jobs() {
            let Some(job) = world.find_job(id) else { continue };
            if let JobState::Finished { conclusion, runner, .. } = &job.state {
                assert_eq!(history.conclusion.as_ref(), Some(conclusion), "seed {seed}: job {id}");
                let ran_on = history.started().map(|(_, runner)| runner);
                assert_eq!(runner.as_deref(), ran_on, "seed {seed}: job {id}");
                compared += 1;
            }
        }
        assert!(compared >= 15, "seed {seed}: only {compared} jobs finished");
    }
}

/// lesson 13: all runners had the same name; runners were not ephemeral and served other jobs.
#[test]
fn every_runner_has_a_name_of_its_own_and_runs_one_job() {
    let world = rough_day(5);
    let mut jobs_of: BTreeMap<String, usize> = BTreeMap::new();
    for (_, _, history) in world.github().jobs() {
        for (_, runner) in &history.starts {
            *jobs_of.entry(runner.clone()).or_default() += 1;
        }
    }
    assert!(jobs_of.len() >= 15 && jobs_of.values().all(|count| *count == 1), "{jobs_of:?}");
    let rows = world.rows(Index::Ended).into_iter().filter(|row| matches!(row, Record::Runner(_)));
    let keys: BTreeSet<String> = rows.map(|row| row.key().to_string()).collect();
    assert!(jobs_of.keys().all(|runner| keys.contains(&format!("runner#{runner}"))), "each has a row");
}

/// lesson 19: the numbers that alarms and dashboards are made from are counted, not added up.
#[test]
fn the_fleet_is_measured_as_it_is() {
    let mut world = Plan::new(1).with("[limits]\nrunners = 3\n").world();
    for _ in 0..5 {
        let mut long = order(SMALL);
        long.run_for = SignedDuration::from_mins(30);
        world.order(long);
    }
    world.run_for(SignedDuration::from_mins(10));
    let measured = world.events("FleetMeasured");
    let now = &measured.last().expect("it is measured every minute").detail;
    for (what, count) in [
        ("jobsWaiting", 2),
        ("jobsLaunched", 0),
        ("jobsRunning", 3),
        ("runnersStarting", 0),
        ("runnersIdle", 0),
        ("runnersBusy", 3),
    ] {
        assert_eq!(now[what], count, "{what}: {now}");
    }
    let oldest = now["oldestWaitingSeconds"].as_u64().expect("a number");
    assert!((530..=600).contains(&oldest), "{oldest}");
    world.settle();
    world.run_for(SignedDuration::from_mins(2));
    let measured = world.events("FleetMeasured");
    let now = &measured.last().expect("it is measured every minute").detail;
    assert!(
        now.as_object().is_some_and(|now| now.values().all(|it| it.as_u64().is_none_or(|it| it == 0))),
        "{now}"
    );
}

/// lesson 20: there was no way to ask why a job had not started.
#[test]
fn every_wait_of_a_job_has_its_reason_in_its_timeline() {
    let mut world = Plan::new(1).with("[limits]\nrunners = 1\n").world();
    let mut long = order(SMALL);
    long.run_for = SignedDuration::from_mins(30);
    let first = world.order(long);
    world.run_until("it is launched", |world| world.launches() == 1);
    let second = world.push("self-hosted class:small image:ubuntu:22.04");
    world.settle();
    assert!(world.steps(first).starts_with("queued at GitHub\nheard of\ncapacity is taken: runner ff-"));
    let steps = world.steps(second);
    for words in [
        "waits for its image",
        "runners of the fleet: 1 at most",
        "capacity is taken",
        "started on runner",
        "finished: success",
    ] {
        assert!(steps.contains(words), "{words} is not in\n{steps}");
    }
}
