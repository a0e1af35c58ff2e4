//! Without any one of the fleet's protections something breaks, and the simulator finds it soon.

use fleetfoot_model::SignedDuration;
use fleetfoot_simulation::mutation::Mutation;
use fleetfoot_simulation::run::Scenario;
use fleetfoot_simulation::workload::Arrival;
use fleetfoot_stand_in::FaultLevel;

use crate::scenes::{CROWDED, ROOMY, scenario};

/// Within so many seeds.
const SEEDS: u64 = 100;

/// Plays seed after seed until something breaks, which must be one of the invariants that the protection is for. With the
/// protection in place nothing breaks in the same scenarios.
#[track_caller]
fn is_found(mutation: Mutation, expected: &[&str], scene: impl Fn(u64) -> Scenario) {
    for seed in 1..=SEEDS {
        let mut whole = scene(seed);
        let mut without = whole.clone();
        without.mutation = Some(mutation);
        let violations = without.play().violations;
        let found: Vec<&str> = violations.iter().map(|violation| violation.invariant).collect();
        whole.mutation = None;
        assert_eq!(whole.play().violations, [], "seed {seed}, with every protection");
        if let Some(first) = found.first() {
            assert!(expected.contains(first), "seed {seed} breaks {violations:#?}, not {expected:?}");
            return;
        }
    }
    panic!("nothing breaks without it in {SEEDS} seeds");
}

fn heavy(fleet: &'static str, jobs: u64) -> impl Fn(u64) -> Scenario {
    move |seed| scenario(seed, fleet, jobs, FaultLevel::Heavy)
}

#[test]
fn a_row_that_changed_is_not_written_over() {
    is_found(Mutation::WritesWithoutCondition, &["states-move-forward"], heavy(ROOMY, 20));
}

#[test]
fn a_transaction_is_done_whole_or_not_at_all() {
    is_found(Mutation::WritesInParts, &["counters-count", "one-runner-per-job"], heavy(ROOMY, 20));
}

#[test]
fn counters_stop_at_their_limits() {
    is_found(Mutation::CapacityWithoutLimit, &["limits-hold"], heavy(CROWDED, 20));
}

#[test]
fn capacity_is_given_back() {
    is_found(Mutation::CapacityIsKept, &["counters-count", "every-job-ends"], heavy(ROOMY, 20));
}

#[test]
fn a_runner_that_github_calls_busy_stays() {
    is_found(Mutation::BusyRunnersAreRemoved, &["busy-runners-live"], heavy(ROOMY, 40));
}

#[test]
fn a_runner_is_removed_at_github_before_it_is_stopped() {
    let expected = &["busy-runners-live", "nothing-is-left"];
    is_found(Mutation::StopsWithoutDeleting, expected, heavy(ROOMY, 20));
}

#[test]
fn a_launch_that_is_asked_for_twice_is_one_task() {
    is_found(Mutation::LaunchesWithoutToken, &["one-task-per-runner"], heavy(ROOMY, 40));
}

#[test]
fn what_is_stuck_is_mended() {
    is_found(Mutation::NoCleanup, &["every-job-ends", "nothing-is-left"], heavy(ROOMY, 20));
}

#[test]
fn what_is_counted_again_takes_the_place_of_what_was_counted() {
    is_found(Mutation::CostsAreAdded, &["costs-are-counted-once"], |seed| {
        let mut scene = scenario(seed, ROOMY, 40, FaultLevel::Heavy);
        // For hours: one is counted when it is over, and again when what was told late belongs to it.
        scene.workload.arrival = Arrival::Poisson(20.0 / 3600.0);
        scene
    });
}

#[test]
fn a_ticket_is_good_once() {
    is_found(Mutation::TicketsStayGood, &["one-configuration-per-task"], |seed| {
        let mut scene = scenario(seed, ROOMY, 20, FaultLevel::Heavy);
        scene.faults.system.ticket_stolen = 1.0;
        scene
    });
}

#[test]
fn a_ticket_is_written_nowhere() {
    is_found(Mutation::TicketsInRows, &["no-secrets"], |seed| {
        let mut scene = scenario(seed, ROOMY, 5, FaultLevel::None);
        scene.is_thorough = true;
        scene
    });
}

#[test]
fn a_job_that_ended_stays_ended() {
    is_found(Mutation::EndedJobsAreForgotten, &["states-move-forward"], heavy(ROOMY, 20));
}

#[test]
fn a_job_whose_runner_was_taken_gets_another() {
    is_found(Mutation::StartsElsewhereUnheard, &["jobs-start-soon"], |seed| {
        let mut scene = scenario(seed, ROOMY, 40, FaultLevel::None);
        scene.workload.arrival = Arrival::Burst;
        scene.faults.github.runner_swapped = 1.0;
        scene
    });
}

#[test]
fn jobs_that_a_limit_holds_up_go_on_when_it_has_passed() {
    is_found(Mutation::NoTurns, &["every-job-ends"], |seed| {
        let mut scene = scenario(seed, ROOMY, 100, FaultLevel::None);
        scene.workload.arrival = Arrival::Burst;
        (scene.limits.fargate.launches_per_second, scene.limits.fargate.launch_burst) = (1, 1);
        // The last of them is launched after two minutes, and none runs for more than twenty.
        scene.settles_within = SignedDuration::from_mins(30);
        scene
    });
}
