//! What happens by time.

use fleetfoot_local::bus::{Bus, Outcome, Pace, Payload};

use crate::support::{at, on_both_stores, open, take, wiring};

on_both_stores! {
    schedules_fire_at_their_rate
    an_overdue_schedule_fires_once
}

/// The functions that schedules woke, with the rules' names.
fn woken(bus: &Bus, seconds: i64) -> Vec<(String, String)> {
    let mut woken = Vec::new();
    for delivery in take(bus, seconds) {
        let Payload::Event(event) = &delivery.items[0].payload else { panic!("a schedule sends an event") };
        assert_eq!((event.source.as_str(), event.detail_type.as_str()), ("aws.events", "Scheduled Event"));
        let rule = event.resources[0].rsplit('/').next().unwrap().to_owned();
        woken.push((delivery.function.clone(), rule));
        bus.complete(at(seconds), &delivery, Outcome::default()).unwrap();
    }
    woken.sort_unstable();
    woken
}

fn pair(function: &str, rule: &str) -> (String, String) {
    (function.to_owned(), rule.to_owned())
}

#[test]
fn everything_fires_at_the_first_start() {
    let bus = Bus::in_memory(wiring(), Pace::Aws).unwrap();
    assert!(bus.next_due().unwrap().unwrap() <= at(0));
    let all = [
        pair("alarm", "AlarmSchedule"),
        pair("cleanup", "CleanupSchedule"),
        pair("image-build", "ImageSchedule"),
        pair("pool", "PoolSchedule"),
    ];
    assert_eq!(woken(&bus, 0), all);
}

fn schedules_fire_at_their_rate(bus: &Bus) {
    let each_minute =
        [pair("alarm", "AlarmSchedule"), pair("cleanup", "CleanupSchedule"), pair("pool", "PoolSchedule")];
    for minute in 1..60 {
        assert_eq!(bus.next_due().unwrap(), Some(at(minute * 60)));
        assert_eq!(woken(bus, minute * 60 - 1), []);
        assert_eq!(woken(bus, minute * 60), each_minute);
    }
    assert_eq!(woken(bus, 3600).len(), 4);
    assert_eq!(bus.history(0, 9).unwrap(), [], "the history is about the fleet");
}

fn an_overdue_schedule_fires_once(bus: &Bus) {
    assert_eq!(woken(bus, 36_000).len(), 4);
    assert_eq!(woken(bus, 36_030), []);
    assert_eq!(woken(bus, 36_060).len(), 3);
}

#[test]
fn a_restart_neither_forgets_nor_repeats_a_schedule() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.db");
    assert_eq!(woken(&open(&path), 0).len(), 4);
    for seconds in [10, 20, 30] {
        let bus = open(&path);
        bus.recover(at(seconds)).unwrap();
        assert_eq!(woken(&bus, seconds), []);
    }
    // It was down for an hour and a half.
    let bus = open(&path);
    bus.recover(at(5400)).unwrap();
    assert_eq!(woken(&bus, 5400).len(), 4);
    assert_eq!(woken(&bus, 5459), []);
}
