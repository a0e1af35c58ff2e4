//! What was spent is counted by the hour, held against the budget, and told in the morning.

use fleetfoot_model::SignedDuration;
use fleetfoot_model::cost::{Group, spent};
use fleetfoot_model::record::{Index, Record};
use fleetfoot_simulation::at_once;
use fleetfoot_tests::world::{Plan, World, order};

const SMALL: &str = "self-hosted class:small";

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

fn push_for(world: &mut World, takes: SignedDuration) {
    let mut it = order(SMALL);
    it.run_for = takes;
    world.order(it);
}

/// What the ended runners' rows say, in millionths of a USD.
fn of_rows(world: &World) -> u64 {
    let cost = |row: Record| match row {
        Record::Runner(runner) => runner.cost_micro_usd,
        _ => None,
    };
    world.rows(Index::Ended).into_iter().filter_map(cost).sum()
}

fn of_hours(world: &World) -> Vec<(Group, u64)> {
    let now = world.now();
    let within = world.began() - minutes(60)..now + minutes(60);
    let spent = at_once(spent(&*world.ledger.inside(), &world.config.fleet, within, now))
        .expect("the ledger answers");
    let groups = spent.values().flat_map(|sums| sums.groups.iter());
    groups.map(|(group, amounts)| (group.clone(), amounts.micro_usd)).collect()
}

/// Rows of jobs and runners are forgotten after a week, sums of their hours are not; nobody has to ask in time.
#[test]
fn costs_outlive_the_rows_they_come_from() {
    let mut world = Plan::new(1).world();
    push_for(&mut world, minutes(10));
    world.settle();
    let cost = of_rows(&world);
    assert!(
        cost > 4_000,
        "ten minutes of a small class are 4,100 millionths of a USD, and its start: {cost}"
    );
    world.run_for(SignedDuration::from_hours(8 * 24));
    assert_eq!(of_rows(&world), 0);
    let hours = of_hours(&world);
    assert_eq!(hours.len(), 1);
    let (group, counted) = &hours[0];
    assert_eq!(*counted, cost);
    assert_eq!(group.repository.as_ref().map(ToString::to_string).as_deref(), Some("acme/app"));
    assert_eq!(group.class.as_ref().map(ToString::to_string).as_deref(), Some("small"));
}

/// Each percentage of a budget is told once, and a new day begins anew.
#[test]
fn a_budget_tells_when_it_is_used_up() {
    let mut world = Plan::new(1).with("[budget]\ndaily_usd = 0.01\n").world();
    let told = |world: &World| -> Vec<(String, u64)> {
        let facts = world.events("BudgetReached");
        let of = |fact: &serde_json::Value| {
            (fact["period"].as_str().unwrap_or_default().to_owned(), fact["percent"].as_u64().unwrap_or(0))
        };
        facts.iter().map(|fact| of(&fact.detail)).collect()
    };
    push_for(&mut world, minutes(13));
    world.settle();
    world.run_for(minutes(60));
    assert_eq!(told(&world), [("2026-11-23".to_owned(), 50)]);
    push_for(&mut world, minutes(30));
    world.settle();
    world.run_for(minutes(60));
    assert_eq!(told(&world)[1..], [("2026-11-23".to_owned(), 100)]);
    let messages: Vec<String> = world.slack.messages();
    assert!(
        messages.iter().any(|text| text.contains("100 percent of the budget of 2026-11-23")),
        "{messages:?}"
    );
    world.run_for(SignedDuration::from_hours(24));
    assert_eq!(told(&world).len(), 2, "on a day without jobs nothing is told");
}

/// The digest comes once a day at its time, whatever there was to tell.
#[test]
fn a_digest_tells_of_the_day_before() {
    let mut plan = Plan::new(1);
    plan.notify = "digest = \"10:00 Europe/Berlin\"\n".to_owned();
    let mut world = plan.world();
    push_for(&mut world, minutes(10));
    world.push("self-hosted class:huge");
    world.settle();
    let cost = of_rows(&world);
    world.run_for(SignedDuration::from_hours(49));
    let days = world.events("DayReported");
    let digest = |n: usize| &days[n].detail["digest"];
    let named: Vec<_> = days.iter().map(|day| day.detail["digest"]["day"].clone()).collect();
    assert_eq!(named, ["2026-11-22", "2026-11-23", "2026-11-24"]);
    assert_eq!((digest(1)["jobs"].clone(), digest(1)["rejected"].clone()), (1.into(), 1.into()));
    let told = digest(1)["usd"].as_f64().unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let cost = cost as f64 / 1e6;
    assert!((told - cost).abs() < 1e-9, "{told} is not {cost}");
    assert!(digest(1)["queueToStartP50Seconds"].as_u64().is_some_and(|seconds| seconds > 5));
    assert_eq!(digest(2)["usd"], 0.0);
    let messages: Vec<String> = world.slack.messages();
    assert_eq!(messages.iter().filter(|text| text.contains("📊")).count(), 3, "{messages:?}");
}
