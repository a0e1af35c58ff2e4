//! Which event wakes which function.

use fleetfoot_local::bus::{Bus, Payload};
use fleetfoot_local::template::BusName;
use fleetfoot_model::events::DETAIL_TYPES;
use serde_json::json;

use crate::support::{at, contents, fact, foreign, history, on_both_stores, publish, sample, take, take_one};

on_both_stores! {
    every_fact_wakes_the_functions_of_the_design
    tasks_of_this_fleet_wake_task_state_and_others_nobody
    the_end_of_a_build_wakes_image_build
    the_buses_are_apart
    a_notice_wakes_alarm_with_the_message_itself
    history_tells_what_was_published_and_what_it_led_to
    what_is_published_is_published_as_a_whole
    events_are_taken_in_the_order_of_their_publication
}

/// The functions that a fact wakes (design, section 2).
fn wakes(detail_type: &str) -> &'static [&'static str] {
    match detail_type {
        "JobQueued" | "ImageReady" | "ImageFailed" | "RunnerWanted" => &["launch"],
        "JobStarted" | "JobCompleted" | "RunRequested" => &["job-state"],
        "RunnerStopped" => &["launch", "pool"],
        "JobMatched" | "RunnerBusy" => &["pool"],
        "ImageRequested" => &["image-build"],
        _ => &[],
    }
}

fn woken(bus: &Bus) -> Vec<String> {
    let mut functions: Vec<String> = take(bus, 1).into_iter().map(|delivery| delivery.function).collect();
    functions.sort_unstable();
    functions
}

fn every_fact_wakes_the_functions_of_the_design(bus: &Bus) {
    for (n, detail_type) in (0..).zip(DETAIL_TYPES) {
        publish(bus, 1, detail_type, [n]);
        assert_eq!(woken(bus), wakes(detail_type), "{detail_type}");
    }
    assert_eq!(history(bus).len(), DETAIL_TYPES.len());
}

fn tasks_of_this_fleet_wake_task_state_and_others_nobody(bus: &Bus) {
    for file in ["task-running", "task-stopped", "task-spot-interruption"] {
        bus.publish_default(at(1), sample(&format!("foreign/ecs/{file}.json"))).unwrap();
        assert_eq!(woken(bus), ["task-state"], "{file}");
    }
    for started_by in [json!("gg-1-1"), json!("ffx-1-1"), json!("ecs-svc/1"), json!(null)] {
        let event = foreign("foreign/ecs/task-running.json", |detail| detail["startedBy"] = started_by);
        bus.publish_default(at(1), event).unwrap();
        assert_eq!(woken(bus).len(), 0);
    }
}

fn the_end_of_a_build_wakes_image_build(bus: &Bus) {
    for (file, functions) in
        [("succeeded", &["image-build"][..]), ("failed", &["image-build"]), ("in-progress", &[])]
    {
        bus.publish_default(at(1), sample(&format!("foreign/codebuild/{file}.json"))).unwrap();
        assert_eq!(woken(bus), functions, "{file}");
    }
}

fn the_buses_are_apart(bus: &Bus) {
    bus.publish(at(1), vec![sample("foreign/ecs/task-running.json")]).unwrap();
    bus.publish_default(at(1), fact("JobQueued", "a")).unwrap();
    assert_eq!(woken(bus).len(), 0);
    let buses: Vec<BusName> = bus.history(0, 9).unwrap().into_iter().map(|event| event.bus).collect();
    assert_eq!(buses, [BusName::Fleet, BusName::Default]);
}

fn a_notice_wakes_alarm_with_the_message_itself(bus: &Bus) {
    bus.notify(at(1), "{\"kind\":\"fleetfoot-notice\"}".to_owned()).unwrap();
    let delivery = take_one(bus, 1);
    assert_eq!(delivery.function, "alarm");
    assert_eq!(delivery.items[0].payload, Payload::Message("{\"kind\":\"fleetfoot-notice\"}".into()));
    assert_eq!(history(bus).len(), 0);
}

fn history_tells_what_was_published_and_what_it_led_to(bus: &Bus) {
    let mut observer = bus.observe();
    publish(bus, 1, "JobQueued", [1, 2]);
    bus.publish_default(at(2), sample("foreign/ecs/task-running.json")).unwrap();
    assert_eq!(observer.try_recv().unwrap().id, "event-1");
    let all = bus.history(0, 10).unwrap();
    assert_eq!(all.len(), 3);
    assert_eq!(*all[1].envelope, fact("JobQueued", "event-2"));
    assert_eq!(bus.history(all[0].sequence, 1).unwrap(), [all[1].clone()]);
    let caused: Vec<String> =
        bus.caused_by("a-cause").unwrap().iter().map(|event| event.envelope.id.clone()).collect();
    assert_eq!(caused, ["event-1", "event-2"]);
    assert_eq!(bus.caused_by("event-1").unwrap(), []);
}

fn what_is_published_is_published_as_a_whole(bus: &Bus) {
    publish(bus, 1, "RunnerStopped", [7]);
    let mut taken = take(bus, 1);
    taken.sort_by(|a, b| a.function.cmp(&b.function));
    assert_eq!(taken[0].items[0].payload, Payload::Event(fact("RunnerStopped", "event-7").into()));
    assert_eq!(taken[0].items[0].payload, taken[1].items[0].payload);
}

fn events_are_taken_in_the_order_of_their_publication(bus: &Bus) {
    publish(bus, 1, "JobStarted", [1]);
    publish(bus, 2, "ImageRequested", [2]);
    publish(bus, 2, "JobStarted", [3]);
    let order: Vec<String> = take(bus, 3).iter().map(|delivery| contents(delivery)[0].0.clone()).collect();
    assert_eq!(order, ["event-1", "event-2", "event-3"]);
    assert_eq!(take(bus, 0).len(), 0);
}
