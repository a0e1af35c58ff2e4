//! The queue before `launch`: batches, partial failures, redrive.

use fleetfoot_local::bus::{Bus, Channel, Emission, Outcome};

use crate::support::{
    at, contents, fact, failed, history, malformed, on_both_stores, publish, take, take_for, take_one,
};

on_both_stores! {
    a_burst_waits_in_batches_of_ten_and_ten_batches_at_once
    an_unknown_error_in_a_batch_of_ten_returns_that_item_and_acknowledges_nine
    at_the_cap_the_very_item_that_failed_is_retried_and_no_other_is_deleted
    poison_becomes_a_dead_letter_with_its_reason
    a_malformed_event_becomes_a_dead_letter_at_once
    what_is_not_given_back_comes_again_when_its_lease_is_over
    what_never_comes_back_becomes_a_dead_letter
    an_answer_that_comes_too_late_takes_nothing_from_the_next
    facts_are_published_with_the_end_of_their_cause
}

fn a_burst_waits_in_batches_of_ten_and_ten_batches_at_once(bus: &Bus) {
    publish(bus, 1, "JobQueued", 0..123);
    let taken = take(bus, 1);
    assert_eq!(taken.iter().map(|delivery| delivery.items.len()).collect::<Vec<_>>(), [10; 10]);
    assert_eq!(take(bus, 1).len(), 0);
    // Nothing is to be taken before a batch comes back, or its lease is over.
    assert_eq!(bus.next_due().unwrap(), Some(at(60)), "the schedules' minute");
    bus.complete(at(2), &taken[0], Outcome::default()).unwrap();
    assert_eq!(bus.next_due().unwrap(), Some(at(1)));
    assert_eq!(take_one(bus, 2).items.len(), 10);
    for delivery in &taken[1..] {
        bus.complete(at(2), delivery, Outcome::default()).unwrap();
    }
    assert_eq!(take(bus, 2).iter().map(|delivery| delivery.items.len()).sum::<usize>(), 13);
}

// peers.md, 4
fn an_unknown_error_in_a_batch_of_ten_returns_that_item_and_acknowledges_nine(bus: &Bus) {
    publish(bus, 1, "JobQueued", 0..10);
    let delivery = take_one(bus, 1);
    bus.complete(at(2), &delivery, failed(&delivery, &["event-3"])).unwrap();
    assert_eq!(bus.pending().unwrap(), 1);
    assert_eq!(take(bus, 59).len(), 0);
    let launch = take_for(bus, 181, "launch").remove(0);
    assert_eq!(contents(&launch), [("event-3".to_owned(), 2)]);
    assert_eq!(bus.dead_letters(9).unwrap(), []);
}

// peers.md, 5
fn at_the_cap_the_very_item_that_failed_is_retried_and_no_other_is_deleted(bus: &Bus) {
    publish(bus, 1, "JobQueued", 0..30);
    let taken = take(bus, 1);
    for delivery in &taken {
        let ids: Vec<String> = contents(delivery).into_iter().map(|(id, _)| id).collect();
        bus.complete(at(2), delivery, failed(delivery, &[&ids[1], &ids[8]])).unwrap();
    }
    let mut again: Vec<(String, u32)> = take_for(bus, 181, "launch").iter().flat_map(contents).collect();
    again.sort_unstable();
    let expected = [1, 11, 18, 21, 28, 8].map(|n| (format!("event-{n}"), 2));
    assert_eq!(again, expected);
}

fn poison_becomes_a_dead_letter_with_its_reason(bus: &Bus) {
    publish(bus, 0, "JobQueued", [1, 2]);
    for receive in 1..=5 {
        let taken = take_for(bus, i64::from(receive) * 180, "launch");
        assert_eq!(taken.len(), 1, "receive {receive}");
        let ends = failed(&taken[0], &["event-2"]);
        bus.complete(at(i64::from(receive) * 180 + 1), &taken[0], ends).unwrap();
    }
    let letters = bus.dead_letters(9).unwrap();
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!(letter.queue.as_deref(), Some("UnlaunchedEvents"));
    assert_eq!(letter.channel, Channel::Queue("LaunchQueue".to_owned()));
    assert_eq!((letter.attempts, letter.reason.as_str(), letter.at), (5, "it is cold", at(901)));
    assert_eq!(letter.payload, fleetfoot_local::bus::Payload::Event(fact("JobQueued", "event-2").into()));
    assert_eq!(take_for(bus, 2000, "launch").len(), 0);
}

fn a_malformed_event_becomes_a_dead_letter_at_once(bus: &Bus) {
    publish(bus, 1, "JobQueued", [1, 2]);
    let delivery = take_one(bus, 1);
    bus.complete(at(1), &delivery, malformed(&delivery, &["event-1"])).unwrap();
    assert_eq!(bus.pending().unwrap(), 0);
    assert_eq!(bus.dead_letters(9).unwrap()[0].attempts, 1);
}

fn what_is_not_given_back_comes_again_when_its_lease_is_over(bus: &Bus) {
    publish(bus, 1, "JobQueued", [1]);
    drop(take_one(bus, 1));
    assert_eq!(bus.pending().unwrap(), 1);
    assert_eq!(take(bus, 59).len(), 0);
    let launch = take_for(bus, 181, "launch").remove(0);
    assert_eq!(contents(&launch), [("event-1".to_owned(), 2)]);
}

fn what_never_comes_back_becomes_a_dead_letter(bus: &Bus) {
    publish(bus, 0, "JobQueued", [1]);
    for receive in 1..=6 {
        let taken = take_for(bus, receive * 180, "launch");
        assert_eq!(taken.len(), usize::from(receive <= 5), "receive {receive}");
    }
    let letters = bus.dead_letters(9).unwrap();
    assert_eq!(letters[0].reason, "its function did not answer within its time");
}

fn an_answer_that_comes_too_late_takes_nothing_from_the_next(bus: &Bus) {
    publish(bus, 1, "JobQueued", [1]);
    let first = take_one(bus, 1);
    let second = take_for(bus, 181, "launch").remove(0);
    bus.complete(at(182), &first, Outcome::default()).unwrap();
    assert_eq!(take_for(bus, 200, "launch").len(), 0);
    bus.complete(at(183), &second, failed(&second, &["event-1"])).unwrap();
    let third = take_for(bus, 361, "launch").remove(0);
    assert_eq!(contents(&third), [("event-1".to_owned(), 3)]);
}

fn facts_are_published_with_the_end_of_their_cause(bus: &Bus) {
    publish(bus, 1, "JobQueued", [1]);
    let delivery = take_one(bus, 1);
    let facts = vec![fact("ImageRequested", "caused-1"), fact("JobDeferred", "caused-2")];
    let emission = Emission { facts, notices: vec!["hear".to_owned()] };
    assert_eq!(history(bus), ["event-1"]);
    bus.complete(at(2), &delivery, Outcome { emission, failures: Vec::new() }).unwrap();
    assert_eq!(history(bus), ["event-1", "caused-1", "caused-2"]);
    let mut functions: Vec<String> = take(bus, 2).into_iter().map(|delivery| delivery.function).collect();
    functions.sort_unstable();
    assert_eq!(functions, ["alarm", "image-build"]);
}
