//! Image builds on one machine. Time is virtual where nothing real is started.

#![expect(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fleetfoot_local::images::{Builder, Docker, LocalImages, StandIn};
use fleetfoot_model::Timestamp;
use fleetfoot_model::base;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::foreign::{BUILD_STATE_CHANGE, BuildStateChange};
use fleetfoot_model::image::ImageReference;
use fleetfoot_model::image_key::ImageMode;
use fleetfoot_model::ports::{BuildRequest, BuildStatus, Images};
use fleetfoot_model::spec::Arch;
use fleetfoot_shell::clock::VirtualClock;
use globset::Glob;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const MINUTE: Duration = Duration::from_mins(1);

fn request(image: &str) -> BuildRequest {
    let image: ImageReference = image.parse().unwrap();
    let key = base::key_of(&image, Arch::X64).as_str().parse().unwrap();
    let base = image.normalized();
    BuildRequest { key, image, base, arch: Arch::X64, mode: ImageMode::Build }
}

fn stand_in(takes: Duration) -> Builder {
    Builder::StandIn(StandIn { takes, fails: vec![Glob::new("broken*").unwrap().compile_matcher()] })
}

fn open(folder: &Path, builder: Builder) -> (LocalImages, UnboundedReceiver<Envelope>) {
    let (events, told) = unbounded_channel();
    let clock = Arc::new(VirtualClock::at(Timestamp::UNIX_EPOCH));
    let images = LocalImages::open(folder.join("images"), builder, 5 * MINUTE, clock, events).unwrap();
    (images, told)
}

async fn next(told: &mut UnboundedReceiver<Envelope>) -> BuildStateChange {
    let event = told.recv().await.unwrap();
    assert_eq!((event.detail_type.as_str(), event.source.as_str()), (BUILD_STATE_CHANGE, "aws.codebuild"));
    BuildStateChange::deserialize(event.detail).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_build_takes_its_time_and_tells_its_end() {
    let folder = TempDir::new().unwrap();
    let (images, mut told) = open(folder.path(), stand_in(MINUTE));
    let request = request("ubuntu:22.04");
    assert_eq!(images.find(&request.key).await.unwrap(), None);
    let build = images.build(&request).await.unwrap();
    assert_eq!(images.build(&request).await.unwrap(), build, "while one runs, it is that one");
    assert_eq!(images.status(&build).await.unwrap(), BuildStatus::Running);

    let started = next(&mut told).await;
    assert_eq!((started.build_status.as_str(), started.build_id.as_str()), ("IN_PROGRESS", build.as_str()));
    let ended = next(&mut told).await;
    assert_eq!(ended.build_status, "SUCCEEDED");
    let variable = &ended.additional_information.environment.environment_variables[0];
    assert_eq!((variable.name.as_str(), variable.value.as_str()), ("IMAGE_KEY", request.key.as_str()));
    assert_eq!(images.status(&build).await.unwrap(), BuildStatus::Succeeded);
    let uri = images.find(&request.key).await.unwrap().unwrap();
    assert_eq!(uri, format!("fleetfoot-stand-in:{}", request.key));
    assert!(told.try_recv().is_err(), "one build, two events");
}

#[tokio::test(start_paused = true)]
async fn a_build_that_is_told_to_fail_says_why() {
    let folder = TempDir::new().unwrap();
    let (images, mut told) = open(folder.path(), stand_in(MINUTE));
    let request = request("broken:1");
    let build = images.build(&request).await.unwrap();
    next(&mut told).await;
    let ended = next(&mut told).await;
    assert_eq!(ended.build_status, "FAILED");
    let phase = &ended.additional_information.phases[0];
    assert_eq!((phase.phase_type.as_str(), phase.phase_status.as_deref()), ("BUILD", Some("FAILED")));
    let reason = "the stand-in was told to fail broken:1";
    assert_eq!(phase.phase_context, [reason]);
    assert_eq!(images.status(&build).await.unwrap(), BuildStatus::Failed(reason.to_owned()));
    assert_eq!(images.find(&request.key).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_build_that_takes_too_long_is_ended() {
    let folder = TempDir::new().unwrap();
    let (images, mut told) = open(folder.path(), stand_in(60 * MINUTE));
    images.build(&request("ubuntu")).await.unwrap();
    next(&mut told).await;
    assert_eq!(next(&mut told).await.build_status, "TIMED_OUT");
}

#[tokio::test(start_paused = true)]
async fn what_was_built_is_known_after_a_restart_and_what_was_running_goes_on() {
    let folder = TempDir::new().unwrap();
    let (done, running) = (request("ubuntu:22.04"), request("ubuntu:24.04"));
    let (images, mut told) = open(folder.path(), stand_in(MINUTE));
    images.build(&done).await.unwrap();
    next(&mut told).await;
    next(&mut told).await;
    let build = images.build(&running).await.unwrap();
    next(&mut told).await;
    drop((images, told));

    let (images, mut told) = open(folder.path(), stand_in(MINUTE));
    assert!(images.find(&done.key).await.unwrap().is_some());
    assert_eq!(images.status(&build).await.unwrap(), BuildStatus::Running);
    let ended = next(&mut told).await;
    assert_eq!((ended.build_status.as_str(), ended.build_id.as_str()), ("SUCCEEDED", build.as_str()));
}

#[tokio::test(start_paused = true)]
async fn what_was_built_is_still_there_after_a_build_that_failed() {
    let folder = TempDir::new().unwrap();
    let request = request("ubuntu");
    for (takes, end) in [(MINUTE, "SUCCEEDED"), (60 * MINUTE, "TIMED_OUT"), (60 * MINUTE, "TIMED_OUT")] {
        let (images, mut told) = open(folder.path(), stand_in(takes));
        images.build(&request).await.unwrap();
        next(&mut told).await;
        assert_eq!(next(&mut told).await.build_status, end);
        assert!(images.find(&request.key).await.unwrap().is_some());
    }
    let kept = std::fs::read_to_string(folder.path().join("images/builds.json")).unwrap();
    assert_eq!(kept.matches("\"id\"").count(), 2, "the one that serves and the last one: {kept}");
}

#[tokio::test]
async fn a_damaged_file_is_named() {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("images")).unwrap();
    std::fs::write(folder.path().join("images/builds.json"), "{").unwrap();
    let (events, _told) = unbounded_channel();
    let clock = Arc::new(VirtualClock::at(Timestamp::UNIX_EPOCH));
    let opened = LocalImages::open(folder.path().join("images"), stand_in(MINUTE), MINUTE, clock, events);
    assert!(opened.err().unwrap().to_string().contains("images/builds.json: EOF"));
}

fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/docker/docker")
}

#[tokio::test]
async fn docker_builds_the_recipe_on_the_base() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("Dockerfile"), "FROM scratch").unwrap();
    let docker = Docker::find(program(), folder.path().to_owned()).await.unwrap();
    let (images, mut told) = open(folder.path(), Builder::Docker(docker));
    assert_eq!(images.builder().to_string(), "images are built with Docker 28.2.2");
    let wanted = request("ubuntu:22.04");
    images.build(&wanted).await.unwrap();
    next(&mut told).await;
    assert_eq!(next(&mut told).await.build_status, "SUCCEEDED");
    let uri = format!("fleetfoot-runner:{}", wanted.key);
    assert_eq!(images.find(&wanted.key).await.unwrap(), Some(uri.clone()));
    let asked = std::fs::read_to_string(folder.path().join("asked")).unwrap();
    let asked: Vec<&str> = asked.lines().collect();
    let options =
        ["build", "--pull", "--platform", "linux/amd64", "--target", "runner", "--tag", uri.as_str()];
    assert_eq!(asked[..8], options);
    assert_eq!(asked[8], "--build-arg=BASE_IMAGE=docker.io/library/ubuntu:22.04");

    images.build(&request("broken")).await.unwrap();
    next(&mut told).await;
    let ended = next(&mut told).await;
    let said = &ended.additional_information.phases[0].phase_context[0];
    assert_eq!(
        said,
        "docker build ended with exit status: 1: #4 resolving base / ERROR: failed to solve: \
         docker.io/library/broken:latest: not found"
    );
}

#[tokio::test]
async fn without_an_engine_or_a_recipe_the_stand_in_builds() {
    let folder = TempDir::new().unwrap();
    let recipe = folder.path().to_owned();
    assert!(Docker::find(program(), recipe.clone()).await.is_none(), "there is no Dockerfile");
    std::fs::write(recipe.join("Dockerfile"), "FROM scratch").unwrap();
    for absent in ["no-such-program-anywhere", "false"] {
        assert!(Docker::find(absent, recipe.clone()).await.is_none());
    }
    let chosen = Builder::choose(None, StandIn { takes: MINUTE, fails: Vec::new() }).await;
    assert_eq!(chosen.to_string(), "no Docker engine: image builds are stand-ins that take 60s");
}
