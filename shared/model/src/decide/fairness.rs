//! Which waiting job is next: the oldest of the repository that has the fewest runners.

use std::collections::BTreeMap;

use crate::Timestamp;
use crate::ids::{JobId, Repository};
use crate::job::Job;

/// The order in which waiting jobs are served. `live` counts each repository's live runners; those served on the way
/// count too, so that repositories take turns. Jobs whose time to try again has not come are left out.
pub fn order<'a>(
    waiting: impl IntoIterator<Item = &'a Job>,
    live: &BTreeMap<Repository, u64>,
    now: Timestamp,
) -> Vec<JobId> {
    let mut queues: BTreeMap<&Repository, Vec<&Job>> = BTreeMap::new();
    for job in waiting {
        if job.is_queued()
            && job.runner().is_none()
            && job.waiting().is_none_or(|waiting| waiting.is_over(now))
        {
            queues.entry(&job.description.repository).or_default().push(job);
        }
    }
    for queue in queues.values_mut() {
        queue.sort_by_key(|job| std::cmp::Reverse((job.description.created_at, job.id())));
    }
    let mut counts: BTreeMap<&Repository, u64> =
        queues.keys().map(|repository| (*repository, live.get(*repository).copied().unwrap_or(0))).collect();
    let mut order = Vec::new();
    while let Some(repository) = next_turn(&queues, &counts) {
        if let Some(job) = queues.get_mut(repository).and_then(Vec::pop) {
            order.push(job.id());
        }
        *counts.entry(repository).or_default() += 1;
    }
    order
}

/// The repository with the fewest runners; among equals the one whose next job is oldest.
fn next_turn<'a>(
    queues: &BTreeMap<&'a Repository, Vec<&Job>>,
    counts: &BTreeMap<&'a Repository, u64>,
) -> Option<&'a Repository> {
    queues
        .iter()
        .filter_map(|(repository, queue)| {
            let job = queue.last()?;
            Some((counts.get(repository).copied().unwrap_or(0), job.description.created_at, *repository))
        })
        .min()
        .map(|(_, _, repository)| repository)
}
