//! Which waiting job is next: the oldest of the repository that has the fewest runners.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

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
    let mut queues: FxHashMap<&Repository, Vec<&Job>> = FxHashMap::default();
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
    // The repository with the fewest runners comes first; among equals the one whose next job is oldest.
    let turn = |repository, runners, queue: &[&Job]| {
        queue.last().map(|next| (runners, next.description.created_at, repository))
    };
    let mut turns: BTreeSet<(u64, Timestamp, &Repository)> = queues
        .iter()
        .filter_map(|(repository, queue)| {
            turn(*repository, live.get(*repository).copied().unwrap_or(0), queue)
        })
        .collect();
    let mut order = Vec::new();
    while let Some((runners, _, repository)) = turns.pop_first() {
        let Some(queue) = queues.get_mut(repository) else { continue };
        order.extend(queue.pop().map(Job::id));
        turns.extend(turn(repository, runners + 1, queue));
    }
    order
}
