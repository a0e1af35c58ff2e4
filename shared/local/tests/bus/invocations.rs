//! Asynchronous invocations: their retries and their end.

use std::sync::Arc;

use fleetfoot_local::bus::{Bus, BusError, Channel, Outcome, Pace};
use fleetfoot_local::template::BusName;
use fleetfoot_model::SignedDuration;
use serde_json::json;

use crate::support::{
    at, contents, failed, in_memory, on_both_stores, publish, take, take_for, take_one, wiring,
};

on_both_stores! {
    a_failed_invocation_is_tried_again_after_one_minute_and_after_two
    a_failed_invocation_ends_as_a_dead_letter
    one_event_fails_for_one_function_and_not_for_the_other
    a_lost_invocation_is_repeated
}

fn a_failed_invocation_is_tried_again_after_one_minute_and_after_two(bus: &Bus) {
    publish(bus, 1, "JobStarted", [1]);
    let first = take_one(bus, 1);
    bus.complete(at(2), &first, failed(&first, &["event-1"])).unwrap();
    assert_eq!(take_for(bus, 61, "job-state").len(), 0);
    let second = take_for(bus, 62, "job-state").remove(0);
    assert_eq!(contents(&second), [("event-1".to_owned(), 2)]);
    bus.complete(at(62), &second, failed(&second, &["event-1"])).unwrap();
    assert_eq!(take_for(bus, 181, "job-state").len(), 0);
    let third = take_for(bus, 182, "job-state").remove(0);
    bus.complete(at(182), &third, Outcome::default()).unwrap();
    assert_eq!(bus.dead_letters(9).unwrap(), []);
}

fn a_failed_invocation_ends_as_a_dead_letter(bus: &Bus) {
    publish(bus, 0, "JobStarted", [1]);
    for seconds in [1, 100, 300] {
        let delivery = take_for(bus, seconds, "job-state").remove(0);
        bus.complete(at(seconds), &delivery, failed(&delivery, &["event-1"])).unwrap();
    }
    assert_eq!(take_for(bus, 1000, "job-state").len(), 0);
    let letters = bus.dead_letters(9).unwrap();
    assert_eq!(letters[0].queue.as_deref(), Some("FailedEvents"));
    assert_eq!(letters[0].channel, Channel::Function("job-state".to_owned()));
    assert_eq!((letters[0].attempts, letters[0].reason.as_str()), (3, "it is cold"));
}

fn one_event_fails_for_one_function_and_not_for_the_other(bus: &Bus) {
    publish(bus, 1, "RunnerStopped", [1]);
    for delivery in take(bus, 1) {
        let fails = delivery.function == "pool";
        let outcome = if fails { failed(&delivery, &["event-1"]) } else { Outcome::default() };
        bus.complete(at(1), &delivery, outcome).unwrap();
    }
    assert_eq!(take_for(bus, 59, "launch").len(), 0);
    let again: Vec<_> = take(bus, 500).iter().filter(|it| contents(it)[0].1 == 2).map(contents).collect();
    assert_eq!(again, [[("event-1".to_owned(), 2)]]);
}

fn a_lost_invocation_is_repeated(bus: &Bus) {
    publish(bus, 1, "JobStarted", [1]);
    drop(take_one(bus, 1));
    // The timeout of job-state, and a minute of grace.
    assert_eq!(take_for(bus, 90, "job-state").len(), 0);
    assert_eq!(contents(&take_for(bus, 91, "job-state")[0]), [("event-1".to_owned(), 2)]);
}

#[test]
fn one_machine_may_try_again_sooner() {
    let bus = Bus::in_memory(wiring(), Pace::From(SignedDuration::from_secs(1))).unwrap();
    drop(take(&bus, 0));
    publish(&bus, 1, "JobStarted", [1]);
    publish(&bus, 1, "JobQueued", [2]);
    for (seconds, count) in [(1, 2), (2, 2), (3, 0), (4, 2)] {
        let taken = take(&bus, seconds);
        assert_eq!(taken.len(), count, "after {seconds} s");
        for delivery in taken {
            let (id, _) = contents(&delivery).remove(0);
            bus.complete(at(seconds), &delivery, failed(&delivery, &[&id])).unwrap();
        }
    }
    assert_eq!(bus.dead_letters(9).unwrap().len(), 1, "the invocation had its three attempts");
}

#[test]
fn a_pattern_that_is_not_understood_is_refused_at_the_start() {
    let mut wiring = (*wiring()).clone();
    wiring.rules[0].bus = BusName::Fleet;
    wiring.rules[0].pattern = json!({ "detail-type": ["JobQueued"], "detail": { "$or": [] } });
    let name = wiring.rules[0].name.clone();
    let Err(BusError::Rule { rule, message }) = Bus::in_memory(Arc::new(wiring), Pace::Aws) else {
        panic!("the pattern was taken")
    };
    assert_eq!(rule, name);
    assert!(message.contains("$or"), "{message}");
}

#[test]
fn a_bus_in_memory_takes_twenty_thousand_events_at_once() {
    let bus = in_memory();
    for block in 0..20 {
        publish(&bus, 1, "RunRequested", block * 1000..(block + 1) * 1000);
    }
    let mut handled = 0;
    while handled < 20_000 {
        for delivery in bus.take_due(at(2), 100).unwrap() {
            handled += delivery.items.len();
            bus.complete(at(2), &delivery, Outcome::default()).unwrap();
        }
    }
    assert_eq!(bus.pending().unwrap(), 0);
}
