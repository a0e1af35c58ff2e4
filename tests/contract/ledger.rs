//! What the `Ledger` port says, held against every adapter.

use std::sync::Arc;

use fleetfoot_model::counter::Counter;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::job::Job;
use fleetfoot_model::ledger::{Change, LedgerError, Stored};
use fleetfoot_model::record::{CleanupMemory, ImageState, ImagesMemory, Index, Key, Pool, Record};

use crate::rows::{at, base, image, job, new, run, runner};
use crate::subjects::{Subject, acquire, contract, keys, put};

contract! { memory sqlite dynamo => {
    a_row_is_read_as_it_was_written
    a_version_grows_by_one_with_each_write
    a_row_is_only_written_over_the_version_that_was_read
    one_commit_writes_a_row_once
    all_changes_are_written_or_none
    a_conflict_is_told_before_a_full_counter
    a_counter_stays_within_its_limit_and_above_zero
    one_commit_moves_a_counter_more_than_once
    what_cannot_be_released_does_not_keep_the_rest_from_being_written
    counters_are_apart_from_each_other
    of_racing_writers_one_wins
    racing_reservations_never_exceed_the_limit
    a_list_is_oldest_first_and_ended_newest_first
    a_row_moves_between_indexes
    a_list_is_as_long_as_asked_for
    a_list_of_large_rows_is_whole
} }

async fn a_row_is_read_as_it_was_written(ledger: Subject) {
    let memory = CleanupMemory {
        deliveries_seen_until: Some(at(5)),
        redelivered: [("a-guid".to_owned(), 2)].into(),
        ..CleanupMemory::default()
    };
    let rows: Vec<Record> = vec![
        job(1, at(0)).into(),
        runner("ff-1-1", at(0)).into(),
        image('a', ImageState::Ready { uri: "registry/image".to_owned(), since: at(0) }).into(),
        run(7, at(0)).into(),
        base('c').into(),
        ImagesMemory { swept_at: Some(at(5)), ..ImagesMemory::default() }.into(),
        Pool { name: "office".parse().unwrap(), sequence: 3 }.into(),
        memory.into(),
    ];
    for row in &rows {
        assert_eq!(ledger.get(&row.key()).await.unwrap(), None);
        put(&ledger, new(row.clone())).await.unwrap();
    }
    for row in rows {
        let read = ledger.get(&row.key()).await.unwrap();
        assert_eq!(read, Some(Stored { value: row, version: 1 }));
    }
}

async fn a_version_grows_by_one_with_each_write(ledger: Subject) {
    for version in 0..5 {
        put(&ledger, Stored { value: job(1, at(0)).into(), version }).await.unwrap();
        assert_eq!(ledger.get(&Key::Job(JobId(1))).await.unwrap().unwrap().version, version + 1);
    }
}

async fn a_row_is_only_written_over_the_version_that_was_read(ledger: Subject) {
    let missing = Stored { value: job(1, at(0)).into(), version: 1 };
    assert_eq!(put(&ledger, missing).await, Err(LedgerError::Conflict("job#1".to_owned())));
    put(&ledger, new(job(1, at(0)))).await.unwrap();
    put(&ledger, Stored { value: job(1, at(1)).into(), version: 1 }).await.unwrap();
    for version in [0, 1, 3] {
        let stale = Stored { value: job(1, at(9)).into(), version };
        assert_eq!(put(&ledger, stale).await, Err(LedgerError::Conflict("job#1".to_owned())));
    }
    let Record::Job(stored) = ledger.get(&Key::Job(JobId(1))).await.unwrap().unwrap().value else {
        panic!("a job's row holds a job")
    };
    assert_eq!(*stored, job(1, at(1)));
}

async fn one_commit_writes_a_row_once(ledger: Subject) {
    let twice = vec![
        Change::Put(new(job(1, at(0)))),
        Change::Put(Stored { value: job(1, at(1)).into(), version: 1 }),
    ];
    assert!(matches!(ledger.commit(twice).await, Err(LedgerError::Conflict(_))));
    assert_eq!(ledger.get(&Key::Job(JobId(1))).await.unwrap(), None);
}

async fn all_changes_are_written_or_none(ledger: Subject) {
    put(&ledger, new(job(2, at(0)))).await.unwrap();
    let conflict =
        vec![Change::Put(new(job(1, at(0)))), acquire(Counter::Runners, 9), Change::Put(new(job(2, at(0))))];
    assert_eq!(ledger.commit(conflict).await, Err(LedgerError::Conflict("job#2".to_owned())));
    let full = vec![
        Change::Put(new(job(1, at(0)))),
        acquire(Counter::ClassRunners("small".parse().unwrap()), 1),
        acquire(Counter::Runners, 0),
    ];
    let error = LedgerError::Full { counter: Counter::Runners, limit: 0 };
    assert_eq!(ledger.commit(full).await, Err(error));
    assert_eq!(ledger.get(&Key::Job(JobId(1))).await.unwrap(), None);
    assert_eq!(ledger.count(&Counter::Runners).await.unwrap(), 0);
    assert_eq!(ledger.count(&Counter::ClassRunners("small".parse().unwrap())).await.unwrap(), 0);
    ledger.commit(Vec::new()).await.unwrap();
}

async fn a_conflict_is_told_before_a_full_counter(ledger: Subject) {
    put(&ledger, new(job(1, at(0)))).await.unwrap();
    let both = vec![acquire(Counter::Runners, 0), Change::Put(new(job(1, at(0))))];
    assert_eq!(ledger.commit(both).await, Err(LedgerError::Conflict("job#1".to_owned())));
}

async fn a_counter_stays_within_its_limit_and_above_zero(ledger: Subject) {
    ledger.commit(vec![Change::Release(Counter::Runners)]).await.unwrap();
    assert_eq!(ledger.count(&Counter::Runners).await.unwrap(), 0);
    for count in 1..=3 {
        ledger.commit(vec![acquire(Counter::Runners, 3)]).await.unwrap();
        assert_eq!(ledger.count(&Counter::Runners).await.unwrap(), count);
    }
    let error = LedgerError::Full { counter: Counter::Runners, limit: 3 };
    assert_eq!(ledger.commit(vec![acquire(Counter::Runners, 3)]).await, Err(error));
    // A limit that was lowered below what is counted.
    assert!(ledger.commit(vec![acquire(Counter::Runners, 1)]).await.is_err());
    for _ in 0..5 {
        ledger.commit(vec![Change::Release(Counter::Runners)]).await.unwrap();
    }
    assert_eq!(ledger.count(&Counter::Runners).await.unwrap(), 0);
    ledger.commit(vec![acquire(Counter::Runners, 1)]).await.unwrap();
}

async fn one_commit_moves_a_counter_more_than_once(ledger: Subject) {
    let twice = |limit| vec![acquire(Counter::Runners, limit), acquire(Counter::Runners, limit)];
    ledger.commit(twice(3)).await.unwrap();
    assert_eq!(ledger.count(&Counter::Runners).await.unwrap(), 2);
    let error = LedgerError::Full { counter: Counter::Runners, limit: 3 };
    assert_eq!(ledger.commit(twice(3)).await, Err(error));
    assert_eq!(ledger.count(&Counter::Runners).await.unwrap(), 2);
    let exchange = vec![Change::Release(Counter::Runners), acquire(Counter::Runners, 2)];
    ledger.commit(exchange).await.unwrap();
    assert_eq!(ledger.count(&Counter::Runners).await.unwrap(), 2);
    let error = LedgerError::Full { counter: Counter::Runners, limit: 2 };
    let exchange = vec![acquire(Counter::Runners, 2), Change::Release(Counter::Runners)];
    assert_eq!(ledger.commit(exchange).await, Err(error));
    ledger.commit(vec![Change::Release(Counter::Runners); 2]).await.unwrap();
    assert_eq!(ledger.count(&Counter::Runners).await.unwrap(), 0);
}

async fn what_cannot_be_released_does_not_keep_the_rest_from_being_written(ledger: Subject) {
    let repository = Counter::RepositoryRunners("acme/app".parse().unwrap());
    ledger.commit(vec![acquire(repository.clone(), 9)]).await.unwrap();
    let release = vec![
        Change::Put(new(job(1, at(0)))),
        Change::Release(Counter::Runners),
        Change::Release(repository.clone()),
        Change::Release(repository.clone()),
    ];
    ledger.commit(release).await.unwrap();
    assert_eq!(ledger.get(&Key::Job(JobId(1))).await.unwrap().unwrap().version, 1);
    assert_eq!(ledger.count(&repository).await.unwrap(), 0);
    let stale = vec![Change::Put(new(job(1, at(0)))), Change::Release(Counter::Runners)];
    assert_eq!(ledger.commit(stale).await, Err(LedgerError::Conflict("job#1".to_owned())));
}

async fn counters_are_apart_from_each_other(ledger: Subject) {
    let counters = [
        Counter::Runners,
        Counter::ClassRunners("small".parse().unwrap()),
        Counter::ClassRunners("large".parse().unwrap()),
        Counter::RepositoryRunners("acme/app".parse().unwrap()),
        Counter::Replacements(600),
        Counter::Replacements(1200),
    ];
    for counter in &counters {
        ledger.commit(vec![acquire(counter.clone(), 1)]).await.unwrap();
    }
    for counter in &counters {
        assert_eq!(ledger.count(counter).await.unwrap(), 1);
    }
}

async fn of_racing_writers_one_wins(ledger: Subject) {
    race_for_a_row(vec![ledger.clone(); 8]).await;
}

/// Each writer has read version 1 and wants to write.
pub(crate) async fn race_for_a_row(writers: Vec<Subject>) {
    let ledger = writers[0].clone();
    put(&ledger, new(job(1, at(0)))).await.unwrap();
    let start = Arc::new(tokio::sync::Barrier::new(writers.len()));
    let racers: Vec<_> = (1..)
        .zip(writers)
        .map(|(n, writer)| {
            let start = start.clone();
            tokio::spawn(async move {
                start.wait().await;
                put(&writer, Stored { value: job(1, at(n)).into(), version: 1 }).await.map(|()| at(n))
            })
        })
        .collect();
    let mut winners = Vec::new();
    for racer in racers {
        match racer.await.unwrap() {
            Ok(wrote) => winners.push(wrote),
            Err(error) => assert_eq!(error, LedgerError::Conflict("job#1".to_owned())),
        }
    }
    assert_eq!(winners.len(), 1);
    let stored = ledger.get(&Key::Job(JobId(1))).await.unwrap().unwrap();
    assert_eq!(stored, Stored { value: job(1, winners[0]).into(), version: 2 });
}

async fn racing_reservations_never_exceed_the_limit(ledger: Subject) {
    race_for_capacity(vec![ledger.clone(); 16]).await;
}

/// Each writer reserves a runner of its own, where five may be.
pub(crate) async fn race_for_capacity(writers: Vec<Subject>) {
    let ledger = writers[0].clone();
    let start = Arc::new(tokio::sync::Barrier::new(writers.len()));
    let racers: Vec<_> = (1..)
        .zip(writers)
        .map(|(n, writer)| {
            let start = start.clone();
            tokio::spawn(async move {
                let row = new(runner(&format!("ff-{n}-1"), at(n)));
                start.wait().await;
                writer.commit(vec![Change::Put(row), acquire(Counter::Runners, 5)]).await.is_ok()
            })
        })
        .collect();
    let mut reserved = 0;
    for racer in racers {
        reserved += usize::from(racer.await.unwrap());
    }
    assert_eq!(reserved, 5);
    assert_eq!(ledger.count(&Counter::Runners).await.unwrap(), 5);
    assert_eq!(keys(&ledger, Index::Unmatched, 100).await.len(), 5);
}

async fn a_list_is_oldest_first_and_ended_newest_first(ledger: Subject) {
    for (id, created) in [(1, 30), (2, 10), (3, 20)] {
        put(&ledger, new(job(id, at(created)))).await.unwrap();
        let mut done = job(id + 10, at(0));
        done.finish("success", None, at(created), at(created));
        put(&ledger, new(done)).await.unwrap();
        let mut running = job(id + 20, at(created));
        running.start("ff-1-1", at(60), at(60));
        put(&ledger, new(running)).await.unwrap();
    }
    put(&ledger, new(runner("ff-4-1", at(25)))).await.unwrap();
    put(&ledger, new(run(1, at(0)))).await.unwrap();
    let order = ["job#2", "job#3", "runner#ff-4-1", "job#1"];
    assert_eq!(keys(&ledger, Index::Unmatched, 10).await, order);
    assert_eq!(keys(&ledger, Index::Active, 10).await, ["job#22", "job#23", "job#21"]);
    assert_eq!(keys(&ledger, Index::Ended, 10).await, ["job#11", "job#13", "job#12"]);
}

async fn a_row_moves_between_indexes(ledger: Subject) {
    let mut row = job(1, at(0));
    put(&ledger, new(row.clone())).await.unwrap();
    row.start("ff-1-1", at(1), at(1));
    put(&ledger, Stored { value: row.clone().into(), version: 1 }).await.unwrap();
    assert_eq!(keys(&ledger, Index::Unmatched, 10).await.len(), 0);
    assert_eq!(keys(&ledger, Index::Active, 10).await, ["job#1"]);
    row.finish("success", None, at(2), at(2));
    put(&ledger, Stored { value: row.into(), version: 2 }).await.unwrap();
    assert_eq!(keys(&ledger, Index::Active, 10).await.len(), 0);
    assert_eq!(keys(&ledger, Index::Ended, 10).await, ["job#1"]);
    // Into no index at all.
    let building = ImageState::Building { build: None, until: at(9) };
    put(&ledger, new(image('b', building))).await.unwrap();
    assert_eq!(keys(&ledger, Index::Images, 10).await.len(), 1);
    put(&ledger, Stored { value: image('b', ImageState::Removed).into(), version: 1 }).await.unwrap();
    assert_eq!(keys(&ledger, Index::Images, 10).await.len(), 0);
}

async fn a_list_is_as_long_as_asked_for(ledger: Subject) {
    for id in 1..=5 {
        put(&ledger, new(job(id, at(0)))).await.unwrap();
    }
    assert_eq!(keys(&ledger, Index::Unmatched, 2).await, ["job#1", "job#2"]);
    assert_eq!(keys(&ledger, Index::Unmatched, usize::MAX).await.len(), 5);
    assert_eq!(keys(&ledger, Index::Unmatched, 0).await.len(), 0);
}

/// More than one answer of `DynamoDB` holds.
async fn a_list_of_large_rows_is_whole(ledger: Subject) {
    for id in 1..=30 {
        put(&ledger, new(large_job(id, 50_000))).await.unwrap();
    }
    let order: Vec<String> = (1..=30).rev().map(|id| format!("job#{id}")).collect();
    assert_eq!(keys(&ledger, Index::Unmatched, usize::MAX).await, order);
    assert_eq!(keys(&ledger, Index::Unmatched, 29).await, order[..29]);
}

/// A job that is the older the higher its number, with so many bytes in its name.
pub(crate) fn large_job(id: u32, size: usize) -> Job {
    let mut job = job(id.into(), at(-i64::from(id)));
    std::sync::Arc::make_mut(&mut job.description).name = "x".repeat(size);
    job
}
