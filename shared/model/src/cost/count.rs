//! When hours are counted, and how they are written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CostHour, HOUR, Sums, hour_of, tally};
use crate::ids::FleetName;
use crate::ledger::{self, Ledger, LedgerError, Stored};
use crate::record::{Index, KEEP_ENDED, Key, Record};
use crate::{SignedDuration, Timestamp};

/// How long after its end an hour is counted, again and again: what is told late, or stands in an index late, is in the
/// next count. After the last one nothing of it changes any more, and its rows are about to be forgotten.
const COUNTS: [SignedDuration; 4] = [
    SignedDuration::from_mins(2),
    SignedDuration::from_mins(60),
    SignedDuration::from_hours(24),
    SignedDuration::from_hours(6 * 24),
];
/// An hour older than this is left as it was counted: some of its rows may be forgotten already.
pub(super) const COUNTABLE: SignedDuration = SignedDuration::from_hours(6 * 24 + 12);
/// The most hours that one run counts; what is left the next one does.
const MOST_HOURS: usize = 12;

/// What is remembered of counting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CostMemory {
    /// The next hour of each count; the first one's first.
    pub next: Vec<Timestamp>,
    /// When what is spent was last held against the budget.
    pub judged_at: Option<Timestamp>,
    /// Of each period, such as `2026-11` or `2026-11-21`, the highest percentage of its budget that people were told of,
    /// and by which event's handling.
    pub budgets: BTreeMap<String, (u32, String)>,
    /// The last day of which a digest was told, and by which event's handling.
    pub digest: Option<(String, String)>,
}

/// Counts the hours that are over and due; of the one that is not, [`super::spent`] counts what it is asked for. `unsettled` are jobs and runners that ended and are not settled yet.
///
/// # Errors
/// As the ledger says. What was counted before is remembered.
pub async fn count_due(
    ledger: &dyn Ledger,
    fleet: &FleetName,
    memory: &mut CostMemory,
    unsettled: &[Record],
    now: Timestamp,
) -> Result<(), LedgerError> {
    let oldest = hour_of(now - COUNTABLE) + HOUR;
    if memory.next.len() != COUNTS.len() {
        let first = ledger.list_between(Index::Ended, oldest..now, None, 1).await?;
        let began = first.first().and_then(|row| row.value.index()).map_or(now, |(_, at)| at);
        memory.next = vec![hour_of(began); COUNTS.len()];
    }
    let mut counted = 0;
    for (n, delay) in COUNTS.into_iter().enumerate() {
        let mut hour = memory.next[n].max(oldest);
        while hour + HOUR + delay <= now && counted < MOST_HOURS {
            count_hour(ledger, fleet, hour, unsettled).await?;
            counted += 1;
            hour += HOUR;
            memory.next[n] = hour;
        }
    }
    Ok(())
}

/// Counts an hour and writes it over what was there.
async fn count_hour(
    ledger: &dyn Ledger,
    fleet: &FleetName,
    hour: Timestamp,
    unsettled: &[Record],
) -> Result<(), LedgerError> {
    // Before what is counted: if somebody else counts meanwhile, and later rows than this, this count is refused.
    let before = parts_of(ledger, hour).await?;
    let sums = tally(ledger, fleet, hour..hour + HOUR, unsettled).await?.remove(&hour).unwrap_or_default();
    if before.is_empty() && sums == Sums::default() {
        return Ok(());
    }
    let parts = sums.into_parts(hour, u32::try_from(before.len()).unwrap_or(u32::MAX));
    let mut changes = Vec::new();
    for (n, part) in parts.into_iter().enumerate() {
        let was = before.get(n);
        if was.is_none_or(|was| was.value != part) {
            changes.push(ledger::change(Stored { value: part, version: was.map_or(0, |was| was.version) }));
        }
    }
    ledger.commit(changes).await
}

/// The rows of an hour, those that were left empty too: what was once written has to be written over.
async fn parts_of(ledger: &dyn Ledger, hour: Timestamp) -> Result<Vec<Stored<CostHour>>, LedgerError> {
    let mut parts: Vec<Stored<CostHour>> = Vec::new();
    let mut rows = 1;
    for part in 0.. {
        if part >= rows {
            break;
        }
        let Some(Stored { value: Record::Cost(value), version }) = ledger.get(&Key::Cost(hour, part)).await?
        else {
            break;
        };
        if part == 0 {
            rows = value.parts;
        }
        parts.push(Stored { value, version });
    }
    Ok(parts)
}

const _: () = assert!(COUNTABLE.as_secs() + HOUR.as_secs() < KEEP_ENDED.as_secs());
const _: () = assert!(COUNTS[3].as_secs() + HOUR.as_secs() < COUNTABLE.as_secs());
