//! On what a queued job waits, since when, how many are before it, and what would help.

use std::collections::BTreeMap;

use fleetfoot_model::Timestamp;
use fleetfoot_model::counter::Counter;
use fleetfoot_model::decide::fairness;
use fleetfoot_model::ids::{JobId, Repository};
use fleetfoot_model::job::{Job, Waiting};
use fleetfoot_model::ledger::{Ledger, LedgerError};
use fleetfoot_model::record::Index;
use fleetfoot_model::runner::Runner;
use fleetfoot_report::overview;
use serde::Serialize;

use crate::rows;

/// What a queued job waits for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wait {
    #[serde(flatten)]
    pub(super) wait: overview::Wait,
    /// How many are served before it, if it waits for its turn.
    pub(super) jobs_before: Option<usize>,
}

/// The wait of a job; none if it has left the queue.
pub(super) async fn wait(
    ledger: &dyn Ledger,
    job: &Job,
    runner: Option<&Runner>,
    now: Timestamp,
) -> Result<Option<Wait>, LedgerError> {
    let Some(wait) = overview::Wait::of(job, runner) else { return Ok(None) };
    let jobs_before = match job.waiting() {
        Some(Waiting::Capacity { .. }) => jobs_before(ledger, job.id(), now).await?,
        _ => None,
    };
    Ok(Some(Wait { wait, jobs_before }))
}

/// How many jobs are served before this one, by the rule that `launch` follows.
async fn jobs_before(ledger: &dyn Ledger, id: JobId, now: Timestamp) -> Result<Option<usize>, LedgerError> {
    let mut waiting = rows::of_index(ledger, Index::Unmatched, usize::MAX, rows::job).await?;
    // `launch` takes turns among those that wait for capacity; the others come with events of their own.
    waiting.retain(|job| matches!(job.waiting(), None | Some(Waiting::Capacity { .. })));
    let mut live: BTreeMap<Repository, u64> = BTreeMap::new();
    for job in &waiting {
        let repository = &job.description.repository;
        if !live.contains_key(repository) {
            let count = ledger.count(&Counter::RepositoryRunners(repository.clone())).await?;
            live.insert(repository.clone(), count);
        }
    }
    Ok(fairness::order(&waiting, &live, now).iter().position(|next| *next == id))
}
