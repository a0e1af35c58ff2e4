//! What the tests share.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use fleetfoot_local::bus::{Bus, Delivery, Emission, Failure, Item, Outcome, Pace, Payload};
use fleetfoot_local::database::Database;
use fleetfoot_local::template::Wiring;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Runs each test over a bus in memory and over one in a file.
macro_rules! on_both_stores {
    ($($test:ident)*) => {
        mod in_memory {
            $(#[test]
            fn $test() {
                let bus = $crate::support::in_memory();
                super::$test(&bus);
            })*
        }
        mod in_sqlite {
            $(#[test]
            fn $test() {
                let folder = tempfile::tempdir().unwrap();
                let bus = $crate::support::in_file(&folder.path().join("fleet.db"));
                super::$test(&bus);
            })*
        }
    };
}
pub(crate) use on_both_stores;

pub(crate) fn wiring() -> Arc<Wiring> {
    let template = include_str!("../../../../template.yaml");
    Arc::new(Wiring::read(template, &BTreeMap::new()).unwrap_or_else(|error| panic!("{error}")))
}

/// A bus whose schedules have just fired.
pub(crate) fn in_memory() -> Bus {
    quiet(Bus::in_memory(wiring(), Pace::Aws).unwrap())
}

/// The same in a file.
pub(crate) fn in_file(path: &Path) -> Bus {
    quiet(open(path))
}

/// A file as a process that starts finds it.
pub(crate) fn open(path: &Path) -> Bus {
    Bus::in_database(wiring(), Pace::Aws, Database::open(path).unwrap()).unwrap()
}

fn quiet(bus: Bus) -> Bus {
    for delivery in take(&bus, 0) {
        bus.complete(at(0), &delivery, Outcome::default()).unwrap();
    }
    assert_eq!(bus.pending().unwrap(), 0);
    bus
}

/// So many seconds after the beginning.
pub(crate) fn at(seconds: i64) -> Timestamp {
    "2026-11-20T08:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

/// The sample of a fact, under an id of its own.
pub(crate) fn fact(detail_type: &str, id: &str) -> Envelope {
    let mut name = String::new();
    for (n, letter) in detail_type.char_indices() {
        if letter.is_ascii_uppercase() && n > 0 {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    let mut envelope = sample(&format!("{name}.json"));
    id.clone_into(&mut envelope.id);
    envelope.time = at(0);
    envelope.detail["meta"] = json!({ "eventId": id, "causationId": "a-cause", "schema": 1 });
    envelope
}

/// A file under `events/`.
pub(crate) fn sample(path: &str) -> Envelope {
    let path = format!("{}/../../events/{path}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn publish(bus: &Bus, seconds: i64, detail_type: &str, ids: impl IntoIterator<Item = u32>) {
    let facts = ids.into_iter().map(|n| fact(detail_type, &format!("event-{n}")));
    bus.publish(at(seconds), facts.collect()).unwrap();
}

/// What is due for a function; whatever schedules bring meanwhile is done.
pub(crate) fn take_for(bus: &Bus, seconds: i64, function: &str) -> Vec<Delivery> {
    let is_scheduled = |delivery: &Delivery| match &delivery.items[0].payload {
        Payload::Event(event) => event.source == "aws.events",
        Payload::Message(_) => false,
    };
    let (scheduled, taken): (Vec<Delivery>, Vec<Delivery>) =
        take(bus, seconds).into_iter().partition(is_scheduled);
    for delivery in scheduled {
        bus.complete(at(seconds), &delivery, Outcome::default()).unwrap();
    }
    taken.into_iter().filter(|delivery| delivery.function == function).collect()
}

/// Everything that is due.
pub(crate) fn take(bus: &Bus, seconds: i64) -> Vec<Delivery> {
    bus.take_due(at(seconds), usize::MAX).unwrap()
}

/// The one delivery that is due.
pub(crate) fn take_one(bus: &Bus, seconds: i64) -> Delivery {
    let mut taken = take(bus, seconds);
    assert_eq!(taken.len(), 1, "{taken:?}");
    taken.remove(0)
}

/// Ids and attempts of a delivery's events.
pub(crate) fn contents(delivery: &Delivery) -> Vec<(String, u32)> {
    delivery.items.iter().map(|item| (id(item), item.attempt)).collect()
}

pub(crate) fn id(item: &Item) -> String {
    match &item.payload {
        Payload::Event(event) => event.id.clone(),
        Payload::Message(message) => message.to_string(),
    }
}

/// An outcome in which the events with these ids failed.
pub(crate) fn failed(delivery: &Delivery, ids: &[&str]) -> Outcome {
    outcome_of(delivery, ids, false)
}

/// An outcome in which the events with these ids can never be handled.
pub(crate) fn malformed(delivery: &Delivery, ids: &[&str]) -> Outcome {
    outcome_of(delivery, ids, true)
}

fn outcome_of(delivery: &Delivery, ids: &[&str], for_good: bool) -> Outcome {
    let failing = delivery.items.iter().filter(|item| ids.contains(&id(item).as_str()));
    let failures: Vec<Failure> =
        failing.map(|item| Failure { item: item.id, reason: "it is cold".to_owned(), for_good }).collect();
    assert_eq!(failures.len(), ids.len());
    Outcome { failures, emission: Emission::default() }
}

/// Ids of the history's events.
pub(crate) fn history(bus: &Bus) -> Vec<String> {
    bus.history(0, usize::MAX).unwrap().iter().map(|event| event.envelope.id.clone()).collect()
}

/// An event of an AWS service.
pub(crate) fn foreign(path: &str, change: impl FnOnce(&mut Value)) -> Envelope {
    let mut envelope = sample(path);
    change(&mut envelope.detail);
    envelope
}
