//! The ledgers that are held to the contract.

use std::any::Any;
use std::sync::Arc;

use fleetfoot_local::ledger::{MemoryLedger, SqliteLedger};
use fleetfoot_model::counter::Counter;
use fleetfoot_model::ledger::{Change, Ledger, LedgerError, Stored};
use fleetfoot_model::record::{Index, Record};

use crate::dynamo::Table;

/// A ledger of some kind.
pub(crate) type Subject = Arc<dyn Ledger>;

/// A fresh ledger, and what must stay while it is used.
pub(crate) struct Fresh {
    pub(crate) ledger: Subject,
    _keep: Box<dyn Any + Send>,
}

impl Fresh {
    fn new(ledger: impl Ledger + 'static, keep: impl Any + Send) -> Self {
        Self { ledger: Arc::new(ledger), _keep: Box::new(keep) }
    }
}

pub(crate) async fn memory() -> Fresh {
    Fresh::new(MemoryLedger::new(), ())
}

pub(crate) async fn sqlite() -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    Fresh::new(SqliteLedger::open(&folder.path().join("fleet.db")).unwrap(), folder)
}

pub(crate) async fn dynamo() -> Fresh {
    let table = Table::create().await;
    Fresh::new(table.ledger(), table)
}

/// Every rule as a test of every adapter named.
macro_rules! contract {
    ($($adapter:ident)* => $rules:tt) => {
        $($crate::subjects::held!($adapter $rules);)*
    };
}

macro_rules! held {
    ($adapter:ident { $($rule:ident)* }) => {
        mod $adapter {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                let fresh = $crate::subjects::$adapter().await;
                super::$rule(fresh.ledger.clone()).await;
            })*
        }
    };
}

pub(crate) use {contract, held};

pub(crate) async fn put(ledger: &Subject, row: Stored<Record>) -> Result<(), LedgerError> {
    ledger.commit(vec![Change::Put(row)]).await
}

pub(crate) async fn keys(ledger: &Subject, index: Index, limit: usize) -> Vec<String> {
    let rows = ledger.list(index, limit).await.unwrap();
    rows.iter().map(|row| row.value.key().to_string()).collect()
}

pub(crate) fn acquire(counter: Counter, limit: u64) -> Change {
    Change::Acquire { counter, limit }
}
