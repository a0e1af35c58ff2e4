//! What adapters forget that have no time-to-live of their own.

use fleetfoot_model::SignedDuration;
use fleetfoot_model::counter::{BREAKER_WINDOW_SECONDS, Counter};
use fleetfoot_model::ids::JobId;
use fleetfoot_model::record::{Index, KEEP_ENDED, Key};
use fleetfoot_model::runner::StopReason;

use crate::rows::{at, job, new, run, runner};
use crate::subjects::{Subject, acquire, contract, keys, put};

contract! { memory sqlite => {
    ended_rows_are_forgotten_when_their_time_is_over
    old_replacement_counters_are_forgotten
} }

async fn ended_rows_are_forgotten_when_their_time_is_over(ledger: Subject) {
    let mut done = job(1, at(0));
    done.finish("success", None, at(1), at(100));
    put(&ledger, new(done)).await.unwrap();
    let mut stopped = runner("ff-2-1", at(0));
    stopped.stop(StopReason::Done, at(200));
    put(&ledger, new(stopped)).await.unwrap();
    put(&ledger, new(run(3, at(100)))).await.unwrap();
    put(&ledger, new(job(4, at(0)))).await.unwrap();
    let second = SignedDuration::from_secs(1);

    ledger.forget_expired(at(100) + KEEP_ENDED - second).await.unwrap();
    assert_eq!(keys(&ledger, Index::Ended, 10).await, ["runner#ff-2-1", "job#1"]);
    ledger.forget_expired(at(100) + KEEP_ENDED).await.unwrap();
    assert_eq!(keys(&ledger, Index::Ended, 10).await, ["runner#ff-2-1"]);
    assert_eq!(ledger.get(&Key::Job(JobId(1))).await.unwrap(), None);
    assert_eq!(ledger.get(&run_key(3)).await.unwrap(), None);
    ledger.forget_expired(at(200) + KEEP_ENDED * 100).await.unwrap();
    assert_eq!(keys(&ledger, Index::Ended, 10).await.len(), 0);
    assert_eq!(keys(&ledger, Index::Unmatched, 10).await, ["job#4"]);
    // A forgotten row is as if it had never been.
    put(&ledger, new(job(1, at(0)))).await.unwrap();
}

fn run_key(id: u64) -> Key {
    Key::Run(fleetfoot_model::ids::RunId(id))
}

async fn old_replacement_counters_are_forgotten(ledger: Subject) {
    let (first, now) = (Counter::replacements_at(at(0)), at(BREAKER_WINDOW_SECONDS * 3));
    ledger.commit(vec![acquire(first.clone(), 9), acquire(Counter::Runners, 9)]).await.unwrap();
    ledger.commit(vec![acquire(Counter::replacements_at(now), 9)]).await.unwrap();
    ledger.forget_expired(now).await.unwrap();
    assert_eq!(ledger.count(&first).await.unwrap(), 0);
    assert_eq!(ledger.count(&Counter::replacements_at(now)).await.unwrap(), 1);
    assert_eq!(ledger.count(&Counter::Runners).await.unwrap(), 1);
}
