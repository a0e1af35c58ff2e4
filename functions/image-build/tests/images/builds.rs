//! An image is built once, whoever dies on the way.

use crate::world::{World, names, sample};
use fleetfoot_model::SignedDuration;
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ports::BuildStatus;
use fleetfoot_model::record::ImageState;
use fleetfoot_model::spec::Arch;

/// Peers' line 12: N jobs that need a new image started N builds.
#[tokio::test]
async fn many_jobs_that_need_one_image_start_one_build() {
    let world = World::new();
    let mut asked = tokio::task::JoinSet::new();
    for job in 0..50 {
        let (function, event) = (world.function(), world.request(&format!("job-{job}")));
        let now = world.now();
        asked.spawn(async move { crate::world::answer(&function, &event, now).await });
    }
    asked.join_all().await;
    assert_eq!(world.builder.started(), 1);
    world.builder.finish(1);
    assert_eq!(names(&world.says("SUCCEEDED", 1).await), ["ImageReady"]);
    assert_eq!(names(&world.asks("late").await), ["ImageReady"], "whoever waits since then must hear of it");
    assert_eq!(world.builder.started(), 1);
}

#[tokio::test]
async fn each_architecture_is_an_image_of_its_own() {
    let world = World::new();
    world.asks("one").await;
    let other = world.request_for(Arch::Arm64, "two");
    crate::world::answer(&world.function(), &other, world.now()).await.unwrap();
    assert_eq!(world.builder.started(), 2);
}

#[tokio::test]
async fn an_event_that_comes_twice_gets_the_same_answer() {
    let world = World::new();
    assert_eq!(world.asks("job").await, world.asks("job").await);
    assert!(world.says("IN_PROGRESS", 1).await.is_empty());
    assert!(world.says("IN_PROGRESS", 1).await.is_empty());
    world.builder.finish(1);
    assert_eq!(world.says("SUCCEEDED", 1).await, world.says("SUCCEEDED", 1).await);

    let world = World::new();
    world.asks("job").await;
    world.builder.fail(1, "exit status 1");
    let failed = world.says("FAILED", 1).await;
    assert_eq!(names(&failed), ["ImageFailed"]);
    assert_eq!(failed, world.says("FAILED", 1).await);
}

/// An image that is there needs no build, even if the ledger has never heard of it.
#[tokio::test]
async fn an_image_that_is_there_is_not_built() {
    let world = World::new();
    world.builder.push("registry/there");
    assert_eq!(names(&world.asks("job").await), ["ImageReady"]);
    assert_eq!(world.builder.started(), 0);
}

/// Peers' line 12: a failed build told nobody.
#[tokio::test]
async fn a_failed_build_says_why_and_is_not_tried_again_at_once() {
    let world = World::new();
    world.asks("job").await;
    let facts = world.tells(&sample("failed", 1)).await.unwrap();
    let detail = facts[0].detail().unwrap();
    let reason = detail["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("BUILD: COMMAND_EXECUTION_ERROR: Error while executing command: docker"),
        "{reason}"
    );
    assert!(detail["logUrl"].as_str().unwrap().starts_with("https://console.aws.amazon.com/cloudwatch/"));

    world.passes(599).await;
    assert_eq!(names(&world.asks("soon").await), ["ImageFailed"]);
    assert_eq!(world.builder.started(), 1);
    world.passes(1).await;
    assert_eq!(names(&world.asks("later").await), ["ImageBuildStarted"]);
    assert_eq!(world.builder.started(), 2);
    assert!(world.tells(&sample("failed", 1)).await.unwrap().is_empty(), "that was the other build");
}

#[tokio::test]
async fn the_recorded_events_of_a_build_are_understood() {
    let world = World::new();
    world.asks("job").await;
    assert!(world.tells(&sample("in-progress", 1)).await.unwrap().is_empty());
    world.builder.finish(1);
    assert_eq!(names(&world.tells(&sample("succeeded", 1)).await.unwrap()), ["ImageReady"]);
}

/// Dies after the lease is written and before the build is started.
#[tokio::test]
async fn a_lease_without_a_build_is_taken_over() {
    let world = World::new();
    world.builder.break_before_start();
    assert!(matches!(world.ask("job").await, Err(FunctionError::Again(_))));
    assert!(world.asks("job").await.is_empty(), "the lease may be somebody's who is just slow");
    assert_eq!(world.builder.started(), 0);
    assert_eq!(names(&world.passes(60).await), ["ImageBuildStarted"]);
    assert_eq!(world.builder.started(), 1);
}

/// Dies after the build is started and before it is noted.
#[tokio::test]
async fn a_build_that_was_not_noted_is_found_by_its_event() {
    let world = World::new();
    world.builder.break_after_start();
    assert!(world.ask("job").await.is_err());
    assert!(
        matches!(world.say("FAILED", 1).await, Err(FunctionError::Again(_))),
        "it cannot be told whose it is"
    );
    assert!(world.says("IN_PROGRESS", 1).await.is_empty());
    assert!(world.passes(60).await.is_empty(), "it is known again");
    assert_eq!(world.builder.started(), 1);
    world.builder.finish(1);
    assert_eq!(names(&world.says("SUCCEEDED", 1).await), ["ImageReady"]);
}

#[tokio::test]
async fn a_build_that_was_not_noted_and_is_done_needs_no_other() {
    let world = World::new();
    world.builder.break_after_start();
    assert!(world.ask("job").await.is_err());
    world.builder.finish(1);
    assert_eq!(names(&world.passes(60).await), ["ImageReady"]);
    assert_eq!(world.builder.started(), 1);
}

/// An old event must not tie the row to a build that is over.
#[tokio::test]
async fn an_old_event_is_no_new_build() {
    let world = World::new();
    world.asks("job").await;
    world.builder.fail(1, "exit status 1");
    world.says("FAILED", 1).await;
    world.passes(600).await;
    world.builder.break_before_start();
    assert!(world.ask("again").await.is_err());
    assert!(world.says("IN_PROGRESS", 1).await.is_empty());
    assert!(matches!(world.state().await, ImageState::Building { build: None, .. }));
}

#[tokio::test]
async fn lost_events_cost_minutes_and_no_job() {
    let world = World::new();
    world.asks("job").await;
    world.builder.finish(1);
    assert!(world.passes(119).await.is_empty());
    assert_eq!(names(&world.passes(1).await), ["ImageReady"]);

    let world = World::new();
    world.asks("job").await;
    world.builder.fail(1, "no such base");
    let facts = world.passes(120).await;
    assert_eq!(names(&facts), ["ImageFailed"]);
    assert_eq!(facts[0].detail().unwrap()["reason"], "no such base");
}

#[tokio::test]
async fn a_build_that_never_ends_is_given_up_and_serves_if_it_ends_after_all() {
    let world = World::new();
    world.asks("job").await;
    // Its time is 30 minutes, and one more for the builder to tell of its end.
    for _ in 0..30 {
        assert!(world.passes(60).await.is_empty());
    }
    let facts = world.passes(60).await;
    assert_eq!(names(&facts), ["ImageFailed"]);
    assert_eq!(facts[0].detail().unwrap()["reason"], "the build did not end within 30 minutes");
    assert_eq!(world.builder.started(), 1);
    world.builder.finish(1);
    assert_eq!(names(&world.says("SUCCEEDED", 1).await), ["ImageReady"]);
}

/// Peers' line 18: every repair is bounded.
#[tokio::test]
async fn a_builder_that_forgets_is_asked_a_few_times_and_then_a_person() {
    let world = World::new();
    world.asks("job").await;
    world.builder.forget();
    let mut heard = Vec::new();
    for _ in 0..24 * 60 {
        heard.extend(names(&world.passes(60).await));
        world.builder.forget();
    }
    assert_eq!(heard.iter().filter(|name| **name == "ImageBuildStarted").count(), 5);
    assert_eq!(heard.last(), Some(&"ImageFailed"));
    assert_eq!(world.builder.started(), 6);
}

/// Peers' line 17: back off by the limit's own clock.
#[tokio::test]
async fn a_builder_that_is_busy_is_left_alone_until_its_time() {
    let world = World::new();
    let seconds = SignedDuration::from_secs;
    world.builder.throttle(world.now() + seconds(300));
    assert!(world.asks("job").await.is_empty());
    for _ in 0..19 {
        assert!(world.passes(299).await.is_empty());
        world.builder.throttle(world.now() + seconds(301));
        assert!(world.passes(1).await.is_empty());
    }
    assert_eq!(names(&world.passes(300).await), ["ImageBuildStarted"]);
    assert_eq!(world.builder.asked(), 21, "never before its time, and no try is counted");
    assert_eq!(world.builder.started(), 1);
}

#[tokio::test]
async fn what_cannot_be_built_is_said_at_once() {
    let world = World::new();
    world.builder.refuse("no builder for arm64");
    assert_eq!(names(&world.asks("job").await), ["ImageFailed"]);
}

#[tokio::test]
async fn what_is_not_ours_is_left_alone() {
    let world = World::new();
    world.asks("job").await;
    let mut foreign = sample("failed", 1);
    foreign.detail["additional-information"]["environment"]["environment-variables"] = serde_json::json!([]);
    assert!(world.tells(&foreign).await.unwrap().is_empty(), "another project's build");
    assert!(world.says("HIBERNATING", 1).await.is_empty(), "a status that is new to us");
    assert!(world.says("FAILED", 7).await.is_empty(), "another build");
    let mut broken = sample("failed", 1);
    broken.detail["build-id"] = "a b".into();
    assert!(matches!(world.tells(&broken).await, Err(FunctionError::Malformed(_))));
    assert_eq!(world.builder.status_of(1), BuildStatus::Running);
}
