//! What a ledger does without one of its protections.

use std::sync::Arc;

use fleetfoot_local::ledger::MemoryLedger;
use fleetfoot_model::ledger::{Change, Ledger as _, Stored};
use fleetfoot_model::record::{Key, Record};
use fleetfoot_model::runner::{Runner, RunnerState};

use super::{Surroundings, at_once};
use crate::mutation::Mutation;

/// How often a transaction is done in part.
const IN_PARTS: f64 = 0.05;

/// Changes what is about to be written. Answers whether only a part of it is left.
pub(super) fn write(around: &Surroundings, rows: &MemoryLedger, changes: &mut Vec<Change>) -> bool {
    match around.mutation {
        Some(Mutation::CapacityIsKept) => changes.retain(|change| !matches!(change, Change::Release(_))),
        Some(Mutation::WritesInParts) if changes.len() > 1 && around.happens(|_| IN_PARTS) => {
            changes.truncate(changes.len() / 2);
            return true;
        }
        Some(mutation) => changes.iter_mut().for_each(|change| match change {
            Change::Put(row) => put(mutation, around, rows, row),
            Change::Acquire { limit, .. } if mutation == Mutation::CapacityWithoutLimit => *limit = u64::MAX,
            Change::Acquire { .. } | Change::Release(_) => {}
        }),
        None => {}
    }
    false
}

fn put(mutation: Mutation, around: &Surroundings, rows: &MemoryLedger, row: &mut Stored<Record>) {
    let there = |key: Key| at_once(rows.get(&key)).ok().flatten();
    match (mutation, &mut row.value) {
        (Mutation::WritesWithoutCondition, value) => {
            row.version = there(value.key()).map_or(0, |there| there.version);
        }
        (Mutation::EndedJobsAreForgotten, value @ Record::Job(_)) => {
            if let Some(ended) = there(value.key()).filter(has_ended) {
                row.version = ended.version;
            }
        }
        (Mutation::TicketsInRows, Record::Runner(runner)) => {
            if let Some(ticket) = around.last_ticket()
                && runner.tickets.iter().any(|hash| hash.matches(ticket.expose()))
            {
                Arc::make_mut(runner)
                    .timeline
                    .note(around.now(), format!("its ticket is {}", ticket.expose()));
            }
        }
        (Mutation::TicketsStayGood, Record::Runner(runner)) if runner.state == RunnerState::Registered => {
            if let Some(Stored { value: Record::Runner(before), .. }) =
                there(Key::Runner(runner.name.clone()))
            {
                forget_use(Arc::make_mut(runner), &before);
            }
        }
        (Mutation::CostsAreAdded, Record::Cost(hour)) => {
            if let Some(Stored { value: Record::Cost(before), .. }) = there(Key::Cost(hour.hour, hour.part)) {
                hour.spending.extend(before.spending);
            }
        }
        _ => {}
    }
}

fn forget_use(runner: &mut Runner, before: &Runner) {
    if matches!(before.state, RunnerState::Reserved | RunnerState::Launched) {
        runner.tickets.clone_from(&before.tickets);
        runner.state = before.state.clone();
    }
}

/// Whether a row is not found that is there.
pub(super) fn is_forgotten(around: &Surroundings, row: &Stored<Record>) -> bool {
    around.has(Mutation::EndedJobsAreForgotten) && has_ended(row)
}

fn has_ended(row: &Stored<Record>) -> bool {
    matches!(&row.value, Record::Job(job) if !job.is_open())
}
