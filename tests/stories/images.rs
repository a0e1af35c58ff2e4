//! Runner images: built once, for all that wait, and anew in time.

use fleetfoot_model::SignedDuration;
use fleetfoot_model::ids::JobId;
use fleetfoot_stand_in::images::Faults;
use fleetfoot_tests::world::{Plan, World};

const UBUNTU: &str = "self-hosted class:small image:ubuntu:22.04";

fn builds_of(world: &World, image: &str) -> usize {
    world.images().builds_of(&image.parse().expect("an image"))
}

fn builds(world: &World) -> usize {
    builds_of(world, "ubuntu:22.04")
}

fn ended(world: &World, job: JobId) -> bool {
    world.find_job(job).is_some_and(|job| !job.is_open())
}

/// lesson 12: N jobs that needed a new image started N builds.
#[test]
fn fifty_jobs_with_one_new_image_start_one_build_and_all_run() {
    let mut world = Plan::new(1).with("[limits]\nrunners = 100\n").world();
    let jobs: Vec<JobId> = (0..50).map(|_| world.push(UBUNTU)).collect();
    world.settle();
    assert!(jobs.iter().all(|job| world.end_of(*job) == "success"));
    assert_eq!((builds(&world), world.launches()), (1, 50));
    // A build takes five minutes at most.
    assert!(jobs.iter().all(|job| world.queued_for(*job) < SignedDuration::from_mins(7)));
    let late = world.push(UBUNTU);
    world.settle();
    assert_eq!(builds(&world), 1);
    assert!(world.queued_for(late) < SignedDuration::from_mins(1), "{:#}", world.queued_for(late));
}

/// lesson 12: a failed build told nobody. Its jobs are told at once, and later ones while it is not tried again.
#[test]
fn a_failed_build_rejects_its_jobs_with_the_reason_and_tells_a_person() {
    let mut plan = Plan::new(1);
    plan.images.faults.build_failed = 1.0;
    let mut world = plan.world();
    let jobs: Vec<JobId> = (0..3).map(|_| world.push(UBUNTU)).collect();
    world.settle();
    for job in jobs {
        assert!(world.end_of(job).contains("BUILD: COMMAND_EXECUTION_ERROR"), "{}", world.end_of(job));
    }
    assert_eq!(world.slack_says("The runner image on ubuntu:22.04 could not be built"), 1);
    assert_eq!(world.slack_says("will get no runner"), 3);

    let soon = world.push(UBUNTU);
    world.run_until("it is told", |world| ended(world, soon));
    assert!(world.end_of(soon).contains("cannot be used"), "{}", world.end_of(soon));
    assert_eq!(builds(&world), 1, "a failed build is not tried again within ten minutes");

    world.images().set_faults(Faults::NONE);
    world.run_for(SignedDuration::from_mins(10));
    let later = world.push(UBUNTU);
    world.settle();
    assert_eq!((world.end_of(later).as_str(), builds(&world)), ("success", 2));
}

/// lesson 12: two images shared a tag because `/` and `:` both became `-`.
#[test]
fn images_with_similar_names_are_built_apart() {
    let mut plan = Plan::new(1);
    plan.fleet = "[images]\nallow = [\"**\"]\n".to_owned();
    let mut world = plan.world();
    let names = ["ghcr.io/acme/app:1", "ghcr.io/acme/app-1", "ghcr.io/acme-app:1"];
    for name in names {
        world.push(&format!("self-hosted image:{name}"));
    }
    world.settle();
    assert!(names.iter().all(|name| builds_of(&world, name) == 1));
}

/// lesson 12: built images were never rebuilt. The old one serves until the new one is there.
#[test]
fn an_image_is_built_anew_in_time_and_nobody_waits_for_that() {
    let mut plan = Plan::new(1);
    plan.fleet = "[images]\nallow = [\"ubuntu:*\"]\nrebuild_after_seconds = 7200\n".to_owned();
    let mut world = plan.world();
    world.push(UBUNTU);
    world.settle();
    world.run_for(SignedDuration::from_hours(2));
    assert_eq!(builds(&world), 1, "nobody uses it");
    let meanwhile = world.push(UBUNTU);
    world.run_until("it has started", |world| {
        world.find_job(meanwhile).is_some_and(|job| job.started_at.is_some())
    });
    assert_eq!(builds(&world), 2);
    assert_eq!(world.images().running(), 1, "the new build is not done");
    world.settle();
}

/// A registry that refuses says until when: it is asked again then, and not at the next full hour.
#[test]
fn a_registry_that_refuses_for_a_while_is_asked_again_by_its_own_clock() {
    let mut world = Plan::new(1).world();
    let until = world.now() + SignedDuration::from_mins(10);
    world.registry().throttle(until);
    let jobs = [world.push(UBUNTU), world.push(UBUNTU)];
    world.settle();
    assert_eq!(builds(&world), 1);
    for job in jobs {
        assert_eq!(world.end_of(job), "success");
        // A minute until that is seen, and a build of five minutes at most.
        assert!(world.queued_for(job) < SignedDuration::from_mins(18), "{:#}", world.queued_for(job));
    }
}

/// No word of a build arrives: it is asked how it stands.
#[test]
fn a_build_of_which_nothing_is_heard_is_looked_after() {
    let mut plan = Plan::new(1);
    plan.images.faults.event_lost = 1.0;
    let mut world = plan.world();
    let job = world.push(UBUNTU);
    world.settle();
    assert_eq!((world.end_of(job).as_str(), builds(&world)), ("success", 1));
    assert!(world.queued_for(job) < SignedDuration::from_mins(70), "{:#}", world.queued_for(job));
}
