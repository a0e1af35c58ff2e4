//! Webhooks that come twice, late, or never.

use fleetfoot_model::ids::JobId;
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_stand_in::github::Faults;
use fleetfoot_tests::world::{Plan, World, order};

const SMALL: &str = "self-hosted class:small";

fn set(world: &World, faults: Faults) {
    world.github().set_faults(faults);
}

/// A repository in which something ran lately.
fn with_a_past(plan: Plan) -> World {
    let mut world = plan.world();
    world.push(SMALL);
    world.settle();
    world
}

/// lesson 2: a duplicate delivery started a second runner.
#[test]
fn a_webhook_that_comes_twice_starts_one_runner() {
    let mut plan = Plan::new(1);
    plan.github.faults.webhook_doubled = 1.0;
    let mut world = plan.world();
    let jobs: Vec<JobId> = (0..5).map(|_| world.push(SMALL)).collect();
    world.settle();
    assert!(world.github().webhooks().doubled >= 15);
    assert_eq!((world.jit_requests(), world.launches()), (5, 5));
    assert!(jobs.iter().all(|job| world.end_of(*job) == "success"));
}

/// lesson 2: a redelivery started a second runner, while the job waited, ran, or had long ended.
#[test]
fn a_redelivery_starts_nothing_whenever_it_comes() {
    let mut world = Plan::new(1).world();
    let job = world.push(SMALL);
    let mut redelivered = 0;
    for _ in 0..20 {
        world.run_for(SignedDuration::from_secs(10));
        redelivered += world.redeliver_everything();
    }
    world.settle();
    world.run_for(SignedDuration::from_hours(5));
    redelivered += world.redeliver_everything();
    world.settle();
    assert!(redelivered > 50, "{redelivered} deliveries were asked for again");
    assert_eq!((world.jit_requests(), world.launches(), world.end_of(job).as_str()), (1, 1, "success"));
}

/// lesson 3: a webhook was lost, and there never was a runner.
#[test]
fn a_webhook_that_did_not_arrive_is_asked_for_again() {
    let mut world = Plan::new(1).world();
    set(&world, Faults { webhook_dropped: 1.0, ..Faults::NONE });
    let job = world.push(SMALL);
    world.run_for(SignedDuration::from_secs(10));
    assert!(world.find_job(job).is_none());
    set(&world, Faults::NONE);
    world.settle();
    assert_eq!((world.end_of(job).as_str(), world.jit_requests()), ("success", 1));
    assert_eq!(world.count("DeliveryRecovered"), 2, "the job's and its run's");
    assert!(world.queued_for(job) < SignedDuration::from_mins(3), "{:#}", world.queued_for(job));
}

/// `doctor` goes by when they were looked through: where nobody pushes for a weekend, nothing is wrong.
#[test]
fn deliveries_are_looked_through_though_none_comes() {
    let mut world = with_a_past(Plan::new(1));
    world.run_for(SignedDuration::from_hours(3));
    let memory = world.cleanup_memory();
    let ago = |at: Option<Timestamp>| world.now().duration_since(at.expect("cleanup has run"));
    assert!(ago(memory.deliveries_listed_at) <= SignedDuration::from_mins(2), "{memory:?}");
    assert!(ago(memory.deliveries_seen_until) > SignedDuration::from_hours(2), "{memory:?}");
}

/// lesson 3: GitHub does not even list the delivery. A repository that is active is asked for its queued jobs.
#[test]
fn a_job_whose_webhook_is_lost_without_a_trace_is_found_by_asking() {
    let mut world = with_a_past(Plan::new(1));
    set(&world, Faults { webhook_lost: 1.0, ..Faults::NONE });
    let job = world.push(SMALL);
    world.run_for(SignedDuration::from_secs(10));
    set(&world, Faults::NONE);
    world.settle();
    assert_eq!(world.end_of(job), "success");
    assert!(world.queued_for(job) < SignedDuration::from_mins(9), "{:#}", world.queued_for(job));
}

/// lesson 3: where repositories are listed, each is asked, even one in which nothing ran yet.
#[test]
fn a_listed_repository_is_asked_for_jobs_even_if_none_was_ever_heard_of() {
    let mut plan = Plan::new(1);
    plan.target = "repositories = [\"acme/app\", \"acme/quiet\"]".to_owned();
    let mut world = plan.world();
    set(&world, Faults { webhook_lost: 1.0, ..Faults::NONE });
    let job = world.push_to("acme/quiet", SMALL);
    world.run_for(SignedDuration::from_secs(10));
    set(&world, Faults::NONE);
    world.settle();
    assert_eq!(world.end_of(job), "success");
}

/// lesson 3: only what comes after `queued` is lost, every time. Nothing is left over, and the end is known.
#[test]
fn a_job_of_which_only_its_queueing_was_told_is_still_seen_to_end() {
    let mut world = Plan::new(1).world();
    let job = world.push(SMALL);
    world.run_until("it is heard of", |world| world.find_job(job).is_some());
    set(&world, Faults { webhook_lost: 1.0, ..Faults::NONE });
    world.settle();
    assert_eq!((world.end_of(job).as_str(), world.launches()), ("success", 1));
}

/// lesson 3: or it was answered 500 after a hiccup, and nobody asked GitHub again. lesson 6: a failed read is not kept.
#[test]
fn a_webhook_that_was_refused_while_the_secrets_were_away_is_delivered_again() {
    let mut world = Plan::new(1).world();
    assert_eq!(world.health().status, 200);
    world.secrets.set_away(true);
    let job = world.push(SMALL);
    world.run_for(SignedDuration::from_mins(3));
    assert_eq!(world.health().status, 503);
    assert!(world.github().webhooks().failed > 0 && world.find_job(job).is_none());
    world.secrets.set_away(false);
    assert_eq!(world.health().status, 200, "at once");
    world.settle();
    assert_eq!((world.end_of(job).as_str(), world.jit_requests()), ("success", 1));
}

/// lesson 3: the ledger is away while jobs come and others run.
#[test]
fn a_ledger_that_is_away_for_minutes_costs_minutes() {
    let mut world = with_a_past(Plan::new(1));
    let mut long = order(SMALL);
    long.run_for = SignedDuration::from_mins(2);
    let running = world.order(long);
    world.run_until("it runs", |world| world.find_job(running).is_some_and(|job| !job.is_queued()));
    world.ledger.set_away(true);
    let queued = world.push(SMALL);
    world.run_for(SignedDuration::from_mins(5));
    world.ledger.set_away(false);
    world.settle();
    assert_eq!((world.end_of(running), world.end_of(queued)), ("success".to_owned(), "success".to_owned()));
    assert_eq!(world.launches(), 3);
    assert!(world.queued_for(queued) < SignedDuration::from_mins(9), "{:#}", world.queued_for(queued));
}

/// lesson 4: what a queue gives up after its last try is found again by asking, not lost.
#[test]
fn a_ledger_that_is_away_for_an_hour_loses_no_job() {
    let mut world = with_a_past(Plan::new(1));
    let mut long = order(SMALL);
    long.run_for = SignedDuration::from_mins(20);
    let running = world.order(long);
    world.run_until("it runs", |world| world.find_job(running).is_some_and(|job| !job.is_queued()));
    world.ledger.set_away(true);
    let queued: Vec<JobId> = (0..3).map(|_| world.push(SMALL)).collect();
    world.run_for(SignedDuration::from_hours(1));
    assert!(!world.bus.dead_letters(100).expect("the bus answers").is_empty());
    world.ledger.set_away(false);
    world.settle();
    assert_eq!(world.end_of(running), "success");
    assert!(queued.iter().all(|job| world.end_of(*job) == "success"));
    assert_eq!(world.launches(), 5);
}

/// lesson 16: a duplicate `queued` for an environment with approval gave two runners.
#[test]
fn an_approval_that_queues_a_job_twice_starts_one_runner() {
    let mut plan = Plan::new(1);
    plan.github.faults.approval_doubled = 1.0;
    let mut world = plan.world();
    let mut careful = order(SMALL);
    careful.needs_approval = true;
    let job = world.order(careful);
    world.settle();
    assert_eq!(world.events("JobQueued").len(), 2, "as two deliveries");
    assert_eq!((world.jit_requests(), world.launches(), world.end_of(job).as_str()), (1, 1, "success"));
    assert_eq!(world.count("JobWaiting"), 1);
}

/// lesson 14: a missing signature was answered 500 instead of 401. Nothing that is not signed becomes an event.
#[test]
fn a_webhook_without_the_right_signature_does_nothing() {
    let world = Plan::new(1).world();
    let body = include_bytes!("../../events/foreign/github/workflow-job-in-progress-0.json");
    assert_eq!(world.post("workflow_job", body, None).status, 401);
    assert_eq!(world.post("workflow_job", body, Some("another secret")).status, 401);
    assert_eq!(world.bus.history(0, 10).expect("the bus answers").len(), 0);
    assert_eq!(world.post_signed("workflow_job", b"{}").status, 400);
}
