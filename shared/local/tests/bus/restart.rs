//! A process that is killed at any moment, and other processes on the same file.

use std::sync::Arc;

use fleetfoot_local::bus::{Bus, BusError, Channel, Emission, Outcome, Pace};
use fleetfoot_local::database::Database;

use crate::support::{
    at, contents, fact, failed, history, in_file, open, publish, take, take_for, take_one, wiring,
};

#[test]
fn a_killed_process_loses_nothing_and_wears_nothing_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.db");
    let bus = in_file(&path);
    publish(&bus, 1, "JobQueued", 0..12);
    publish(&bus, 1, "JobStarted", [20]);
    drop(bus);
    for life in 0..10 {
        let bus = open(&path);
        let before = bus.recover(at(2)).unwrap();
        assert_eq!(before, if life == 0 { 0 } else { 13 });
        let taken = take(&bus, 2);
        assert_eq!(taken.iter().map(|delivery| delivery.items.len()).sum::<usize>(), 13);
        // Nine kills are more than the five receives and the three attempts that errors would be given.
        assert!(taken.iter().flat_map(contents).all(|(_, attempt)| attempt == 1));
    }
    let bus = open(&path);
    bus.recover(at(3)).unwrap();
    for delivery in take(&bus, 3) {
        bus.complete(at(3), &delivery, Outcome::default()).unwrap();
    }
    assert_eq!(bus.pending().unwrap(), 0);
    assert_eq!(bus.dead_letters(9).unwrap(), []);
    assert_eq!(history(&bus).len(), 13);
}

#[test]
fn what_was_handled_is_not_handled_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.db");
    let bus = in_file(&path);
    publish(&bus, 1, "JobQueued", 0..10);
    let delivery = take_one(&bus, 1);
    let facts = vec![fact("ImageRequested", "caused")];
    let outcome =
        Outcome { emission: Emission { facts, notices: Vec::new() }, ..failed(&delivery, &["event-4"]) };
    bus.complete(at(1), &delivery, outcome).unwrap();
    drop(bus);
    let bus = open(&path);
    // What failed was not under way: its time to come again stands.
    assert_eq!(bus.recover(at(2)).unwrap(), 0);
    assert_eq!(contents(&take_one(&bus, 2)), [("caused".to_owned(), 1)]);
    let launch: Vec<_> = take_for(&bus, 181, "launch").iter().flat_map(contents).collect();
    assert_eq!(launch, [("event-4".to_owned(), 2)]);
}

#[test]
fn another_process_may_look_and_publish_while_one_takes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.db");
    let taker = in_file(&path);
    publish(&taker, 1, "JobQueued", [1]);
    let under_way = take_one(&taker, 1);

    let other = open(&path);
    assert_eq!(history(&other), ["event-1"]);
    publish(&other, 1, "JobStarted", [2]);
    assert_eq!(contents(&take_one(&taker, 1)), [("event-2".to_owned(), 1)]);
    drop(other);
    assert_eq!(take(&taker, 1).len(), 0, "what is under way is left alone");
    taker.complete(at(1), &under_way, Outcome::default()).unwrap();
}

#[test]
fn the_end_of_an_event_and_its_facts_are_one_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.db");
    let bus = in_file(&path);
    publish(&bus, 1, "JobQueued", [1]);
    let delivery = take_one(&bus, 1);
    let full = rusqlite::Connection::open(&path).unwrap();
    full.execute_batch(
        "CREATE TRIGGER full BEFORE INSERT ON items BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
    )
    .unwrap();
    let emission = Emission { facts: vec![fact("ImageRequested", "caused")], notices: Vec::new() };
    let outcome = Outcome { emission, failures: Vec::new() };
    let error = bus.complete(at(2), &delivery, outcome.clone()).unwrap_err();
    assert_eq!(error, BusError::Unavailable("the disk is full".to_owned()));
    assert!(bus.publish(at(2), vec![fact("JobQueued", "refused")]).is_err());
    assert_eq!(history(&bus), ["event-1"]);
    assert_eq!(bus.pending().unwrap(), 1);
    full.execute_batch("DROP TRIGGER full").unwrap();
    bus.complete(at(3), &delivery, outcome).unwrap();
    assert_eq!(history(&bus), ["event-1", "caused"]);
    assert_eq!(contents(&take_one(&bus, 3)), [("caused".to_owned(), 1)]);
}

#[test]
fn what_the_template_no_longer_has_is_given_up_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.db");
    publish(&in_file(&path), 1, "ImageRequested", [1]);
    let mut smaller = (*wiring()).clone();
    smaller.functions.remove("image-build");
    let database = Database::open(&path).unwrap();
    let bus = Bus::in_database(Arc::new(smaller), Pace::Aws, database).unwrap();
    bus.recover(at(2)).unwrap();
    assert_eq!(bus.pending().unwrap(), 0);
    let letter = bus.dead_letters(9).unwrap().remove(0);
    assert_eq!(letter.channel, Channel::Function("image-build".to_owned()));
    assert_eq!(letter.reason, "the template has no function image-build any more");
    assert_eq!(letter.queue, None);
}

#[test]
fn a_row_that_cannot_be_read_holds_up_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.db");
    let bus = in_file(&path);
    publish(&bus, 1, "JobQueued", [1, 2]);
    let file = rusqlite::Connection::open(&path).unwrap();
    file.execute("UPDATE items SET body = 'torn' WHERE id = (SELECT min(id) FROM items)", []).unwrap();
    assert_eq!(contents(&take_one(&bus, 1)), [("torn".to_owned(), 1), ("event-2".to_owned(), 1)]);
}

#[test]
fn what_is_old_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let bus = in_file(&folder.path().join("fleet.db"));
    publish(&bus, 1, "JobWaiting", [1]);
    let day = 86_400;
    for _ in take(&bus, day) {}
    assert_eq!(history(&bus).len(), 1);
    for _ in take(&bus, 8 * day) {}
    assert_eq!(history(&bus).len(), 0);
}
