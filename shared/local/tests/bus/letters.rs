//! Dead letters: put back where they came from, or forgotten.

use fleetfoot_local::bus::{Bus, BusError, Channel, DeadLetter};

use crate::support::{
    at, contents, fact, in_file, malformed, on_both_stores, open, publish, take_for, take_one,
};

on_both_stores! {
    a_letter_is_tried_again_as_if_it_were_new
    a_letter_is_put_back_once_however_often_that_is_asked
    a_letter_that_is_dropped_is_gone
    what_nothing_takes_any_more_stays
}

/// One letter of `launch`.
fn letter(bus: &Bus) -> DeadLetter {
    publish(bus, 1, "JobQueued", [1]);
    let delivery = take_one(bus, 1);
    bus.complete(at(1), &delivery, malformed(&delivery, &["event-1"])).unwrap();
    bus.dead_letters(9).unwrap().remove(0)
}

fn a_letter_is_tried_again_as_if_it_were_new(bus: &Bus) {
    let letter = letter(bus);
    assert!(bus.redrive(at(10), &letter).unwrap());
    assert_eq!(bus.dead_letters(9).unwrap(), []);
    let taken = take_for(bus, 10, "launch");
    assert_eq!(contents(&taken[0]), [("event-1".to_owned(), 1)], "its first attempt");
    assert_eq!(
        taken[0].items[0].payload,
        fleetfoot_local::bus::Payload::Event(fact("JobQueued", "event-1").into())
    );
}

fn a_letter_is_put_back_once_however_often_that_is_asked(bus: &Bus) {
    let letter = letter(bus);
    assert_eq!([bus.redrive(at(10), &letter), bus.redrive(at(11), &letter)], [Ok(true), Ok(false)]);
    assert_eq!(bus.pending().unwrap(), 1);
}

fn a_letter_that_is_dropped_is_gone(bus: &Bus) {
    let letter = letter(bus);
    assert_eq!([bus.drop_dead_letter(letter.id), bus.drop_dead_letter(letter.id)], [Ok(true), Ok(false)]);
    assert_eq!(bus.redrive(at(10), &letter), Ok(false));
    assert_eq!(bus.pending().unwrap(), 0);
}

fn what_nothing_takes_any_more_stays(bus: &Bus) {
    let channel = Channel::Function("gone".to_owned());
    let letter = DeadLetter { channel: channel.clone(), ..letter(bus) };
    assert_eq!(bus.redrive(at(10), &letter), Err(BusError::Unconsumed(channel)));
    assert_eq!(bus.dead_letters(9).unwrap().len(), 1);
}

#[test]
fn what_one_process_puts_back_another_takes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.db");
    let up = in_file(&path);
    let letter = letter(&up);
    assert!(open(&path).redrive(at(10), &letter).unwrap());
    assert_eq!(take_for(&up, 10, "launch").len(), 1);
}
