//! How builds go at the stand-in image builder.

use fleetfoot_model::Timestamp;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::foreign::BuildStateChange;
use fleetfoot_model::ids::ImageKey;
use fleetfoot_model::image_key::ImageMode;
use fleetfoot_model::ports::{BuildRequest, BuildStatus, ImagesError};
use fleetfoot_model::spec::Arch;
use fleetfoot_stand_in::images::{Faults, Limits, Settings, StandInImages};
use serde::Deserialize;

use crate::support::{after, start};

fn key() -> ImageKey {
    "ab".repeat(32).parse().unwrap()
}

fn request() -> BuildRequest {
    BuildRequest {
        key: key(),
        image: "ruby:3.2".parse().unwrap(),
        base: "docker.io/library/ruby:3.2".to_owned(),
        arch: Arch::Arm64,
        mode: ImageMode::Build,
    }
}

fn with(faults: Faults) -> StandInImages {
    StandInImages::new(Settings { faults, ..Settings::new(1) })
}

fn events(images: &mut StandInImages) -> Vec<(Timestamp, Envelope)> {
    let mut events = Vec::new();
    while let Some(at) = images.next_due() {
        events.extend(images.due(at).into_iter().map(|event| (at, event)));
    }
    events
}

fn change(event: &Envelope) -> BuildStateChange {
    assert_eq!(
        (event.source.as_str(), event.detail_type.as_str()),
        ("aws.codebuild", "CodeBuild Build State Change")
    );
    BuildStateChange::deserialize(&event.detail).unwrap()
}

#[test]
fn a_build_takes_minutes_and_then_its_image_can_be_pulled() {
    let mut images = with(Faults::NONE);
    let build = images.build(start(), &request()).unwrap();
    assert_eq!(images.status(after(1), &build), Ok(BuildStatus::Running));
    assert_eq!(images.find(after(30), &key()), Ok(None));
    assert_eq!(images.running(), 1);

    let events = events(&mut images);
    let told: Vec<_> = events.iter().map(|(_, event)| change(event)).collect();
    assert_eq!(
        told.iter().map(|it| it.build_status.as_str()).collect::<Vec<_>>(),
        ["IN_PROGRESS", "SUCCEEDED"]
    );
    assert!(events[1].0 > after(60));
    let variables = &told[1].additional_information.environment.environment_variables;
    let value = |name| variables.iter().find(|it| it.name == name).map(|it| it.value.as_str());
    assert_eq!(value("IMAGE_KEY"), Some(key().as_str()));
    assert_eq!(value("BASE_IMAGE"), Some("docker.io/library/ruby:3.2"));
    assert_eq!(value("PLATFORM"), Some("linux/arm64"));
    assert_eq!(told[1].build_id, build.as_str());

    let uri = images.find(after(400), &key()).unwrap().unwrap();
    assert!(uri.ends_with(key().as_str()), "{uri}");
    assert_eq!(images.status(after(400), &build), Ok(BuildStatus::Succeeded));
    assert_eq!((images.running(), images.builds_of(&"ruby:3.2".parse().unwrap())), (0, 1));
}

#[test]
fn a_build_that_fails_says_in_which_phase_and_where_its_log_is() {
    let mut images = with(Faults { build_failed: 1.0, ..Faults::NONE });
    let build = images.build(start(), &request()).unwrap();
    let told = change(&events(&mut images).pop().unwrap().1);
    assert_eq!(told.build_status, "FAILED");
    let phases = told.additional_information.phases;
    let failed = phases.iter().find(|it| it.phase_status.as_deref() == Some("FAILED")).unwrap();
    assert_eq!(failed.phase_type, "BUILD");
    assert!(failed.phase_context[0].contains("exit status 1"));
    assert!(
        told.additional_information.logs.deep_link.unwrap().starts_with("https://console.aws.amazon.com/")
    );
    assert!(matches!(images.status(after(400), &build), Ok(BuildStatus::Failed(_))));
    assert_eq!(images.find(after(400), &key()), Ok(None));
}

#[test]
fn a_build_that_hangs_never_ends() {
    let mut images = with(Faults { build_hangs: 1.0, ..Faults::NONE });
    let build = images.build(start(), &request()).unwrap();
    assert_eq!(events(&mut images).len(), 1);
    assert_eq!(images.status(after(100_000), &build), Ok(BuildStatus::Running));
    assert_eq!(images.status(after(100_000), &"elsewhere".parse().unwrap()), Ok(BuildStatus::Unknown));
}

#[test]
fn a_build_ends_though_nobody_hears_of_it() {
    let mut images = with(Faults { event_lost: 1.0, ..Faults::NONE });
    let build = images.build(start(), &request()).unwrap();
    assert_eq!(images.status(after(400), &build), Ok(BuildStatus::Succeeded));
    assert!(events(&mut images).is_empty());

    let mut images = with(Faults { event_doubled: 1.0, ..Faults::NONE });
    images.build(start(), &request()).unwrap();
    let mut ids: Vec<_> = events(&mut images).into_iter().map(|(_, event)| event.id).collect();
    assert_eq!(ids.len(), 4);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 2, "a double is the same event");
}

#[test]
fn builds_can_be_throttled_and_requests_can_fail() {
    let limits = Limits { starts_per_second: 1, start_burst: 1 };
    let mut images = StandInImages::new(Settings { limits, ..Settings::new(1) });
    images.build(start(), &request()).unwrap();
    assert_eq!(images.build(start(), &request()), Err(ImagesError::Throttled { until: after(1) }));
    images.set_faults(Faults { request_failed: 1.0, ..Faults::NONE });
    assert!(matches!(images.find(after(2), &key()), Err(ImagesError::Unavailable(_))));
    assert_eq!(images.builds_of(&"ruby:3.2".parse().unwrap()), 1);
}
