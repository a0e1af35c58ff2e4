//! What a label names is asked of its registry, served, made anew and forgotten.

use crate::world::{BASE, World, config, names};
use fleetfoot_model::SignedDuration;
use fleetfoot_model::base::BaseState;
use fleetfoot_model::events::Fact;
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::image_key::{ImageMode, RUNNER_VERSION};
use fleetfoot_model::ports::{RegistryError, TaskImage};
use fleetfoot_model::record::ImageState;
use fleetfoot_model::spec::Arch;

const DAY: i64 = 86_400;

fn reason(facts: &[Fact]) -> String {
    facts[0].detail().expect("a detail")["reason"].as_str().expect("text").to_owned()
}

/// A world whose base is served by its first build.
async fn served() -> World {
    let world = World::new();
    world.asks("job").await;
    world.builder.finish(1);
    world.says("SUCCEEDED", 1).await;
    world
}

#[tokio::test]
async fn what_a_registry_refuses_is_said_at_once_and_it_is_left_alone_for_a_while() {
    let world = World::new();
    world.registry.breaks(Some(RegistryError::Refused("there is no tag 22.05".to_owned())));
    let facts = world.asks("job").await;
    assert_eq!((names(&facts), reason(&facts)), (vec!["ImageFailed"], "there is no tag 22.05".to_owned()));
    assert_eq!(names(&world.asks("other").await), ["ImageFailed"]);
    assert_eq!(world.registry.asked(), 1);
    world.passes(600).await;
    world.registry.breaks(None);
    assert_eq!(names(&world.asks("later").await), ["ImageBuildStarted"]);
}

#[tokio::test]
async fn a_registry_that_is_away_is_asked_again_by_the_schedule_and_given_up_in_the_end() {
    let world = World::new();
    let away = Some(RegistryError::Unavailable("503".to_owned()));
    world.registry.breaks(away.clone());
    assert!(matches!(world.ask("job").await, Err(FunctionError::Again(_))));
    assert!(world.asks("other").await.is_empty(), "somebody has just asked");
    assert_eq!(world.registry.asked(), 1);
    world.registry.breaks(None);
    assert_eq!(names(&world.passes(60).await), ["ImageBuildStarted"]);

    let world = World::new();
    world.registry.breaks(away);
    assert!(world.ask("job").await.is_err());
    let mut facts = Vec::new();
    for _ in 0..60 {
        facts.extend(world.pass(60).await.unwrap_or_default());
    }
    assert_eq!(names(&facts), ["ImageFailed"]);
    assert_eq!(reason(&facts), "its registry could not be asked 6 times: 503");
    assert_eq!(world.registry.asked(), 6);
}

#[tokio::test]
async fn a_registry_that_throttles_is_left_alone_until_its_time() {
    let world = World::new();
    let until = world.now() + SignedDuration::from_mins(30);
    world.registry.breaks(Some(RegistryError::Throttled { until }));
    assert!(world.asks("job").await.is_empty());
    assert!(world.passes(29 * 60).await.is_empty());
    assert_eq!(world.registry.asked(), 1);
    world.registry.breaks(None);
    assert_eq!(names(&world.passes(60).await), ["ImageBuildStarted"]);
}

/// Dies between the answer of the registry and the start of the build.
#[tokio::test]
async fn whoever_dies_after_the_registry_has_answered_leaves_no_job_behind() {
    let world = World::new();
    world.builder.break_before_start();
    assert!(world.ask("job").await.is_err());
    assert!(matches!(world.base().await.state, BaseState::Making));
    assert_eq!(names(&world.passes(60).await), ["ImageBuildStarted"]);
    assert_eq!((world.registry.asked(), world.builder.started()), (1, 1));
}

#[tokio::test]
async fn two_names_of_one_image_share_its_build() {
    let world = World::new();
    world.asks("job").await;
    let other = world.request_of("ubuntu:jammy", Arch::X64, "other");
    assert_eq!(names(&world.tells(&other).await.unwrap()), ["ImageBuildStarted"], "the same build");
    assert_eq!(world.builder.started(), 1);
    world.builder.finish(1);
    assert_eq!(names(&world.says("SUCCEEDED", 1).await), ["ImageReady", "ImageReady"]);

    world.registry.push("ubuntu:noble", 'a');
    let other = world.request_of("ubuntu:noble", Arch::X64, "third");
    world.tells(&other).await.unwrap();
    assert_eq!(world.builder.started(), 2, "other content is another image");
}

#[tokio::test]
async fn a_repository_has_so_many_builds_at_once_and_the_others_follow() {
    let world = World::new();
    for (number, digits) in "abcdef1".chars().enumerate() {
        let image = format!("ubuntu:{number}");
        world.registry.push(&image, digits);
        world.tells(&world.request_of(&image, Arch::X64, &image)).await.unwrap();
    }
    assert_eq!(world.builder.started(), 5);
    assert!(world.passes(60).await.is_empty(), "none has ended");
    world.end_build(3, 'c', "FAILED").await;
    assert_eq!(names(&world.passes(60).await), ["ImageBuildStarted"]);
    assert_eq!(world.builder.started(), 6);
}

/// Peers' line 12: built images were never built again.
#[tokio::test]
async fn an_old_image_is_made_anew_when_it_is_asked_for_and_serves_meanwhile() {
    let world = served().await;
    for _ in 0..7 {
        assert!(world.passes(DAY).await.is_empty(), "nobody uses it, so it costs nothing");
    }
    assert!(world.base().await.is_due(&world.config.images, world.now()));
    assert_eq!(names(&world.asks("job").await), ["ImageBuildStarted"]);
    assert_eq!(world.serves().await.as_deref(), Some("registry/build-1"));
    assert!(world.says("SUCCEEDED", 1).await.is_empty(), "the old build's event once more");
    world.builder.finish(2);
    assert_eq!(names(&world.says("SUCCEEDED", 2).await), ["ImageReady"]);
    assert_eq!(world.serves().await.as_deref(), Some("registry/build-2"));
}

#[tokio::test]
async fn a_tag_that_has_moved_is_another_image() {
    let world = served().await;
    let before = world.base().await.serving.unwrap().by;
    world.passes(7 * DAY).await;
    world.registry.push(BASE, 'b');
    world.asks("job").await;
    assert_eq!(world.serves().await.as_deref(), Some("registry/build-1"));
    world.end_build(2, 'b', "SUCCEEDED").await;
    let serving = world.base().await.serving.unwrap();
    assert_ne!(serving.by, before);
    assert_eq!(serving.image.uri, "registry/build-2");
}

#[tokio::test]
async fn an_old_image_serves_on_if_it_cannot_be_made_anew() {
    let world = served().await;
    world.passes(7 * DAY).await;
    world.asks("job").await;
    world.builder.fail(2, "the base is gone");
    assert_eq!(names(&world.says("FAILED", 2).await), ["ImageFailed"]);
    assert_eq!(world.serves().await.as_deref(), Some("registry/build-1"));
    assert_eq!(names(&world.asks("soon").await), ["ImageReady"], "nobody is told every ten minutes");
    world.passes(DAY).await;
    assert_eq!(names(&world.asks("tomorrow").await), ["ImageBuildStarted"]);
}

/// A job that is the first after a new release is not to have a runner that GitHub does not serve any more.
#[tokio::test]
async fn a_new_runner_release_is_built_in_before_anybody_asks_if_the_image_is_in_use() {
    let world = served().await;
    world.was_made_with("2.1.0").await;
    world.registry.push(BASE, 'b');
    assert_eq!(names(&world.passes(60).await), ["ImageBuildStarted"]);
    assert_eq!(world.base().await.resolved.unwrap().recipe.runner, RUNNER_VERSION);

    let world = served().await;
    world.was_made_with("2.1.0").await;
    assert!(world.passes(20 * DAY).await.is_empty(), "nobody has used it for long");
}

#[tokio::test]
async fn what_is_not_allowed_any_more_is_not_made_anew() {
    let mut world = served().await;
    world.was_made_with("2.1.0").await;
    world.config = config("debian:*").into();
    assert!(world.passes(60).await.is_empty());
}

#[tokio::test]
async fn what_nothing_uses_is_deleted_and_what_is_in_use_never() {
    let world = served().await;
    for _ in 0..36 {
        world.passes(DAY).await;
    }
    assert_eq!(world.builder.removed(), 0, "it may still be asked for");
    let kept = TaskImage { uri: "registry/build-1".to_owned(), injector: None };
    assert_eq!(world.fleet.told().last().unwrap().iter().collect::<Vec<_>>(), [&kept]);
    for _ in 0..3 {
        world.passes(DAY).await;
    }
    assert_eq!((world.builder.removed(), world.state().await), (1, ImageState::Removed));
    assert_eq!(world.base().await.state, BaseState::Forgotten);
    assert!(world.fleet.told().last().unwrap().is_empty());
    assert_eq!(names(&world.asks("job").await), ["ImageBuildStarted"], "as if it were new");
}

#[tokio::test]
async fn an_image_that_was_replaced_is_deleted_a_day_later() {
    let world = served().await;
    world.passes(7 * DAY).await;
    world.registry.push(BASE, 'b');
    world.asks("job").await;
    world.passes(1200).await;
    assert_eq!(world.builder.removed(), 0, "it serves while the new one is built");
    world.end_build(2, 'b', "SUCCEEDED").await;
    world.passes(DAY).await;
    assert_eq!(world.builder.removed(), 0, "a launch may have decided for it just before");
    world.passes(DAY).await;
    assert_eq!(world.builder.removed(), 1);
    assert_eq!(world.serves().await.as_deref(), Some("registry/build-2"));
}

#[tokio::test]
async fn injected_bases_run_as_they_are_and_share_one_image() {
    let mut world = World::new();
    let mut config = config("**");
    config.images.mode = ImageMode::Inject;
    world.config = config.into();
    world.registry.push("ubuntu:22.04", 'a');
    world.registry.push("ruby:3.2", 'b');
    world.asks("job").await;
    world.tells(&world.request_of("ruby:3.2", Arch::X64, "other")).await.unwrap();
    assert_eq!(world.builder.started(), 1, "the one that is injected");
    world.end_injector_build(1).await;
    let digest = world.registry.digest(BASE, Arch::X64);
    let injector = Some("registry/build-1".to_owned());
    let uri = format!("docker.io/library/ubuntu@{digest}");
    assert_eq!(world.base().await.serving.unwrap().image, TaskImage { uri, injector });

    world.registry.push("python:3.13", 'c');
    let third = world.tells(&world.request_of("python:3.13", Arch::X64, "third")).await.unwrap();
    assert_eq!(names(&third), ["ImageReady"], "the first use of an image needs no build");
    assert_eq!(world.builder.started(), 1);
}
