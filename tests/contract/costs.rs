//! Spans of an index, and hours that are counted from them.

use std::ops::Range;

use fleetfoot_model::cost::{Amounts, HOUR, KEEP_COSTS, count_due, spent};
use fleetfoot_model::ids::{FleetName, JobId};
use fleetfoot_model::ledger;
use fleetfoot_model::price::Prices;
use fleetfoot_model::record::{Index, Record};
use fleetfoot_model::runner::{Registration, Runner, RunnerState, StopReason};
use fleetfoot_model::{SignedDuration, Timestamp};

use crate::rows::{at, job, new, runner};
use crate::subjects::{Subject, contract, put};

contract! { memory sqlite dynamo => {
    a_span_is_oldest_first_without_its_end
    a_span_is_read_page_by_page
    each_runner_is_counted_once_however_often_and_late_it_is_written
    an_hour_outlives_its_rows
} }

async fn between(ledger: &Subject, within: Range<i64>, after: Option<&Record>, limit: usize) -> Vec<Record> {
    let within = at(within.start)..at(within.end);
    let rows = ledger.list_between(Index::Ended, within, after, limit).await.unwrap();
    rows.into_iter().map(|row| row.value).collect()
}

fn keys(rows: &[Record]) -> Vec<String> {
    rows.iter().map(|row| row.key().to_string()).collect()
}

async fn finished(ledger: &Subject, id: u64, second: i64) {
    let mut done = job(id, at(0));
    done.finish("success", None, at(second), at(second));
    put(ledger, new(done)).await.unwrap();
}

async fn a_span_is_oldest_first_without_its_end(ledger: Subject) {
    for (id, second) in [(1, 30), (2, 10), (3, 20), (4, 40)] {
        finished(&ledger, id, second).await;
    }
    put(&ledger, new(job(5, at(20)))).await.unwrap();
    assert_eq!(keys(&between(&ledger, 10..40, None, 9).await), ["job#2", "job#3", "job#1"]);
    assert_eq!(keys(&between(&ledger, 11..31, None, 9).await), ["job#3", "job#1"]);
    assert_eq!(keys(&between(&ledger, 0..99, None, 2).await), ["job#2", "job#3"]);
    assert_eq!(between(&ledger, 41..99, None, 9).await, []);
    assert_eq!(between(&ledger, 20..20, None, 9).await, []);
    assert_eq!(between(&ledger, Range { start: 30, end: 10 }, None, 9).await, []);
}

async fn a_span_is_read_page_by_page(ledger: Subject) {
    // Of one time, and one key that another begins with.
    for id in [7, 70, 700, 71, 8] {
        finished(&ledger, id, 10).await;
    }
    finished(&ledger, 1, 20).await;
    let mut read = Vec::new();
    let mut after = None;
    loop {
        let page = between(&ledger, 0..99, after.as_ref(), 2).await;
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        read.extend(keys(&page));
    }
    assert_eq!(read, ["job#7", "job#70", "job#700", "job#71", "job#8", "job#1"]);
}

fn fleet() -> FleetName {
    "ff".parse().unwrap()
}

/// A runner that ran its job from `began` on for so long.
fn ran(name: &str, job: Option<u64>, began: Timestamp, seconds: i64) -> Runner {
    let mut runner = runner(name, began);
    runner.job = job.map(JobId);
    runner.registration = Registration::Gone;
    let ended = began + SignedDuration::from_secs(seconds);
    runner.price(&Prices::default(), Some(began), ended);
    runner.stop(StopReason::Done, ended);
    runner
}

/// Counts what is due, as often as `cleanup` does until all is counted that was left over in a day.
async fn count(ledger: &Subject, now: Timestamp) {
    let mut memory = ledger::cleanup_memory(&**ledger).await.unwrap();
    for _ in 0..9 {
        count_due(&**ledger, &fleet(), &mut memory.value.costs, &[], now).await.unwrap();
    }
    ledger::put(&**ledger, memory).await.unwrap();
}

async fn total(ledger: &Subject, now: Timestamp) -> Amounts {
    let spent = spent(&**ledger, &fleet(), at(0) - HOUR * 24..now + HOUR, now).await.unwrap();
    let mut total = Amounts::default();
    for sums in spent.values() {
        total += &sums.total();
    }
    total
}

async fn each_runner_is_counted_once_however_often_and_late_it_is_written(ledger: Subject) {
    let mut done = job(1, at(0));
    done.start("ff-1-1", at(20), at(20));
    done.finish("failure", Some("ff-1-1"), at(600), at(600));
    put(&ledger, new(done)).await.unwrap();
    put(&ledger, new(ran("ff-1-1", Some(1), at(0), 610))).await.unwrap();
    // Missed first, and priced anew an hour later, when the fleet tells more.
    let mut missed = ran("ff-2-1", None, at(0), 900);
    missed.move_to(RunnerState::Stopped(StopReason::Lost), at(900), "missed");
    put(&ledger, new(missed.clone())).await.unwrap();

    let first = total(&ledger, at(1000)).await;
    assert_eq!((first.runners, first.seconds, first.unused_runners), (2, 1510, 1));
    assert_eq!((first.jobs, first.failed), (1, 1));
    count(&ledger, at(1000)).await;
    assert_eq!(total(&ledger, at(1000)).await, first, "counted or not, it is the same");
    count(&ledger, at(0) + HOUR * 2).await;
    assert_eq!(total(&ledger, at(0) + HOUR * 2).await, first);

    missed.price(&Prices::default(), Some(at(0)), at(4000));
    missed.move_to(RunnerState::Stopped(StopReason::Done), at(5000), "ended");
    put(&ledger, second_write(missed)).await.unwrap();
    // One that is settled only now, long after it ended.
    put(&ledger, new(ran("ff-3-1", None, at(100), 200))).await.unwrap();
    let later = at(0) + HOUR * 30;
    count(&ledger, later).await;
    let second = total(&ledger, later).await;
    assert_eq!((second.runners, second.seconds), (3, 610 + 4000 + 200));
}

/// A row that was written once before.
fn second_write(row: impl Into<Record>) -> fleetfoot_model::ledger::Stored<Record> {
    fleetfoot_model::ledger::Stored { value: row.into(), version: 1 }
}

async fn an_hour_outlives_its_rows(ledger: Subject) {
    put(&ledger, new(ran("ff-1-1", None, at(0), 610))).await.unwrap();
    for days in 0..9 {
        let now = at(1000) + HOUR * 24 * days;
        count(&ledger, now).await;
        ledger.forget_expired(now).await.unwrap();
        assert_eq!(total(&ledger, now).await.seconds, 610, "day {days}");
    }
    let hours = async |now| {
        ledger.forget_expired(now).await.unwrap();
        ledger.list(Index::Costs, 10).await.unwrap()
    };
    let rows = hours(at(0) + KEEP_COSTS - HOUR).await;
    assert_eq!(rows.len(), 1);
    let expires_at = rows[0].value.expires_at().unwrap();
    assert!(expires_at >= at(0) + KEEP_COSTS - HOUR && expires_at <= at(0) + KEEP_COSTS);
}
