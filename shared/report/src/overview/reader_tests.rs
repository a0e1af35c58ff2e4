//! What a reader asks the ledger for, and what moves while it reads.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use fleetfoot_local::ledger::MemoryLedger;
use fleetfoot_model::check::{Check, Shows};
use fleetfoot_model::counter::Counter;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::ledger::{self, Change, Ledger, LedgerError, Stored};
use fleetfoot_model::record::{Index, Key, Record};

use super::tests::{at, config, end, job, put};
use super::*;

/// A ledger that counts the ended rows it was asked for, and in which a job may move on between any two lists.
#[derive(Default)]
struct Watched {
    rows: MemoryLedger,
    ended_rows: AtomicUsize,
    moving: Option<JobId>,
}

#[async_trait]
impl Ledger for Watched {
    async fn get(&self, key: &Key) -> Result<Option<Stored<Record>>, LedgerError> {
        self.rows.get(key).await
    }
    async fn commit(&self, changes: Vec<Change>) -> Result<(), LedgerError> {
        self.rows.commit(changes).await
    }
    async fn list(&self, index: Index, limit: usize) -> Result<Vec<Stored<Record>>, LedgerError> {
        let rows = self.rows.list(index, limit).await?;
        if index == Index::Ended {
            self.ended_rows.fetch_add(rows.len(), Ordering::Relaxed);
        }
        if let Some(id) = self.moving {
            let mut job = ledger::job(&self.rows, id).await?.unwrap().value;
            if !job.start("ff-1-1", at(1), at(1)) {
                job.finish("success", Some("ff-1-1"), at(2), at(2));
            }
            put(&self.rows, job).await;
        }
        Ok(rows)
    }
    async fn count(&self, counter: &Counter) -> Result<u64, LedgerError> {
        self.rows.count(counter).await
    }
}

#[tokio::test]
async fn a_reader_asks_for_what_ended_once_and_misses_nothing() {
    let ledger = Watched::default();
    for id in 1..=1_000 {
        end(&ledger, id, id.cast_signed()).await;
    }
    let (mut reader, config) = (Reader::default(), config());
    let first = reader.read(&ledger, &config, at(2_000)).await.unwrap();
    assert_eq!((first.counts.refused_today, first.jobs.len()), (1_000, MOST_SHOWN));
    assert!(ledger.ended_rows.swap(0, Ordering::Relaxed) >= 1_000);
    reader.read(&ledger, &config, at(2_001)).await.unwrap();
    assert!(ledger.ended_rows.swap(0, Ordering::Relaxed) <= 50, "the rest is known");
    // More than it looks at ended in between, and one that had ended is open again.
    for id in 2_001..=2_200 {
        end(&ledger, id, id.cast_signed()).await;
    }
    put(&ledger, job(500, "acme/app", at(0))).await;
    let later = reader.read(&ledger, &config, at(2_300)).await.unwrap();
    assert_eq!(later.counts.refused_today, 1_000 - 1 + 200);
    assert_eq!(later.counts.waiting, 1);
    assert_eq!(later.jobs[1].id, JobId(2_200), "after the open ones the newest comes first");
    assert_eq!(
        Overview { at: later.at, ..later.clone() },
        Overview::read(&ledger, &config, at(2_300)).await.unwrap()
    );
}

#[tokio::test]
async fn a_job_that_moves_while_the_fleet_is_read_is_told_once() {
    let ledger = Watched { moving: Some(JobId(1)), ..Watched::default() };
    put(&ledger, job(1, "acme/app", at(0))).await;
    let mut reader = Reader::default();
    for second in 3..6 {
        let overview = reader.read(&ledger, &config(), at(second)).await.unwrap();
        assert_eq!(overview.jobs.iter().map(|it| it.id).collect::<Vec<_>>(), [JobId(1)]);
    }
}

/// It comes among the ended long after it ended, behind more than a reader looks at anew.
#[tokio::test]
async fn a_job_that_github_is_told_of_late_is_not_lost() {
    let ledger = MemoryLedger::new();
    let mut late = job(1, "acme/app", at(0));
    late.reject("no", at(1));
    let (since, ask_at) = (at(1), at(1));
    late.check = Some(Check::Wanted { shows: Shows::Failure, since, ask_at, is_asked: false });
    put(&ledger, late.clone()).await;
    let (mut reader, config) = (Reader::default(), config());
    assert_eq!(reader.read(&ledger, &config, at(2)).await.unwrap().counts.refused_today, 1);
    for id in 2..=200 {
        end(&ledger, id, id.cast_signed()).await;
    }
    assert_eq!(reader.read(&ledger, &config, at(300)).await.unwrap().counts.refused_today, 200);
    late.check_told(at(301));
    put(&ledger, late).await;
    assert_eq!(reader.read(&ledger, &config, at(302)).await.unwrap().counts.refused_today, 200);
}
