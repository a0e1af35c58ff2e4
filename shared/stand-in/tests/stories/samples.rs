//! What AWS sends: the samples decode, and the stand-ins speak as they do.

use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::foreign::{TASK_STATE_CHANGE, TaskStateChange};
use fleetfoot_model::ids::RunnerName;
use serde::Deserialize;

macro_rules! sample {
    ($name:literal) => {
        serde_json::from_str::<Envelope>(include_str!(concat!("../../../../events/foreign/", $name))).unwrap()
    };
}

#[test]
fn task_samples_decode() {
    let expected = [
        (sample!("ecs/task-running.json"), "RUNNING", None, None),
        (sample!("ecs/task-stopped.json"), "STOPPED", Some("EssentialContainerExited"), Some(0)),
        (sample!("ecs/task-spot-interruption.json"), "RUNNING", Some("SpotInterruption"), None),
    ];
    let mut version = 0;
    for (event, status, stop_code, exit_code) in expected {
        assert_eq!((event.source.as_str(), event.detail_type.as_str()), ("aws.ecs", TASK_STATE_CHANGE));
        let change = TaskStateChange::deserialize(&event.detail).unwrap();
        assert_eq!(change.last_status, status);
        assert_eq!(change.stop_code.as_deref(), stop_code);
        assert_eq!(change.containers[0].exit_code, exit_code);
        assert_eq!(event.resources, [change.task_arn]);
        change.started_by.unwrap().parse::<RunnerName>().unwrap();
        assert!(change.version != version);
        version = change.version;
    }
}

#[test]
fn the_sample_of_a_schedule_decodes() {
    let event = sample!("scheduled-event.json");
    assert_eq!((event.source.as_str(), event.detail_type.as_str()), ("aws.events", "Scheduled Event"));
}
