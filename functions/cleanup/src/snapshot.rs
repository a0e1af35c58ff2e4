//! The open rows of the ledger.

use std::collections::BTreeMap;
use std::sync::Arc;

use fleetfoot_model::ids::{JobId, RunnerName};
use fleetfoot_model::job::Job;
use fleetfoot_model::ledger::{Ledger, LedgerError, Stored};
use fleetfoot_model::pause::Pause;
use fleetfoot_model::record::{Index, Record};
use fleetfoot_model::runner::Runner;

/// The most rows of each index that one run looks at; the oldest come first. Of those that look for a partner the oldest
/// are enough: those behind them wait for the same.
const LOOK_AT: [(Index, usize); 2] = [(Index::Unmatched, 1000), (Index::Active, 5000)];

/// Every job and runner of which something is still to be done; some of the jobs have ended.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) jobs: BTreeMap<JobId, Stored<Arc<Job>>>,
    pub(crate) runners: BTreeMap<RunnerName, Stored<Arc<Runner>>>,
    pub(crate) pause: Option<Pause>,
}

impl Snapshot {
    pub(crate) async fn load(ledger: &dyn Ledger) -> Result<Self, LedgerError> {
        let mut snapshot = Self::default();
        for (index, most) in LOOK_AT {
            for Stored { value, version } in ledger.list(index, most).await? {
                match value {
                    Record::Job(value) => {
                        snapshot.jobs.insert(value.id(), Stored { value, version });
                    }
                    Record::Runner(value) => {
                        snapshot.runners.insert(value.name.clone(), Stored { value, version });
                    }
                    Record::Pause(pause) => snapshot.pause = Some(pause),
                    _ => {}
                }
            }
        }
        Ok(snapshot)
    }

    /// The runner's row, unless it is settled.
    pub(crate) fn runner(&self, name: &RunnerName) -> Option<&Runner> {
        self.runners.get(name).map(|row| &*row.value)
    }
}
