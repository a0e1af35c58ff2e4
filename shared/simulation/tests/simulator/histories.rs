//! What a scenario leaves behind: the same history each time, and the shortest one that shows what is wrong.

use fleetfoot_simulation::invariants::Violation;
use fleetfoot_simulation::mutation::Mutation;
use fleetfoot_simulation::run::Scenario;
use fleetfoot_simulation::shrink::shrink;
use fleetfoot_stand_in::FaultLevel;

use crate::scenes::{CROWDED, ROOMY, scenario};

/// Every event as it was published, and what was found.
fn told(scenario: &Scenario) -> (String, Vec<Violation>) {
    let outcome = scenario.play();
    let history = outcome.world.bus.history(0, usize::MAX).expect("a bus in memory answers");
    let events = history.iter().map(|event| serde_json::to_string(&*event.envelope).expect("JSON") + "\n");
    (events.collect(), outcome.violations)
}

#[test]
fn a_seed_has_one_history() {
    let heavy = scenario(7, CROWDED, 40, FaultLevel::Heavy);
    let (first, violations) = told(&heavy);
    assert!(first.lines().count() > 400, "{} events", first.lines().count());
    assert_eq!((&first, &violations), (&told(&heavy).0, &told(&heavy).1));
    let (other, _) = told(&scenario(8, CROWDED, 40, FaultLevel::Heavy));
    assert_ne!(first, other);
}

#[test]
fn what_is_broken_is_shown_by_few_jobs() {
    let mut mutated = scenario(3, ROOMY, 40, FaultLevel::Heavy);
    mutated.mutation = Some(Mutation::NoCleanup);
    let outcome = mutated.play();
    let broken = outcome.violations.first().expect("without repairs something breaks").clone();
    let shortest = shrink(&mutated, outcome);
    assert!(shortest.jobs <= 4, "{} jobs are left", shortest.jobs);
    let violation = shortest.violation().expect("what is left breaks it still");
    assert_eq!(violation.invariant, broken.invariant);
    // What is left is a scenario like any other.
    assert_eq!(shortest.scenario.play().violations, shortest.outcome.violations);
    let job = violation.job.expect("a job that does not end").to_string();
    let history = shortest.history();
    assert!(!history.is_empty());
    assert!(history.iter().all(|event| event.envelope.detail.to_string().contains(&job)));
}
