//! What concerns `SQLite` alone: files and processes.

use std::path::Path;
use std::sync::Arc;

use fleetfoot_local::ledger::SqliteLedger;
use fleetfoot_model::counter::Counter;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::ledger::{Change, LedgerError, Stored};
use fleetfoot_model::record::{Index, Key};

use crate::ledger::{race_for_a_row, race_for_capacity};
use crate::rows::{at, job, new};
use crate::subjects::{Subject, acquire, put};

fn open(path: &Path) -> Subject {
    Arc::new(SqliteLedger::open(path).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn handles_of_several_processes_race_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("row.db");
    race_for_a_row((0..6).map(|_| open(&path)).collect()).await;
    let path = folder.path().join("capacity.db");
    race_for_capacity((0..12).map(|_| open(&path)).collect()).await;
}

#[tokio::test]
async fn is_read_by_another_process_while_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.db");
    let (writer, reader) = (open(&path), open(&path));
    for id in 1..=50 {
        put(&writer, new(job(id, at(0)))).await.unwrap();
        assert_eq!(reader.list(Index::Unmatched, 100).await.unwrap().len(), usize::try_from(id).unwrap());
    }
}

#[tokio::test]
async fn keeps_rows_and_counters_when_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.db");
    let before = open(&path);
    before.commit(vec![Change::Put(new(job(1, at(0)))), acquire(Counter::Runners, 1)]).await.unwrap();
    drop(before);
    let after = open(&path);
    let row = after.get(&Key::Job(JobId(1))).await.unwrap().unwrap();
    assert_eq!(row, Stored { value: job(1, at(0)).into(), version: 1 });
    assert!(matches!(
        after.commit(vec![acquire(Counter::Runners, 1)]).await,
        Err(LedgerError::Full { limit: 1, .. })
    ));
}

#[tokio::test]
async fn says_which_row_it_cannot_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.db");
    let ledger = open(&path);
    put(&ledger, new(job(1, at(0)))).await.unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("UPDATE records SET body = '{}'", []).unwrap();
    let error = ledger.get(&Key::Job(JobId(1))).await.unwrap_err();
    assert!(error.to_string().starts_with("row job#1 is malformed"), "{error}");
}

#[test]
fn says_why_a_file_cannot_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(SqliteLedger::open(folder.path()), Err(LedgerError::Unavailable(_))));
}
