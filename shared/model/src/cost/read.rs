//! What was spent within a time: from the hours that are counted, and from the rows of those that are not yet.

use std::collections::BTreeMap;
use std::ops::Range;

use super::count::COUNTABLE;
use super::{HOUR, Sums, hour_of, tally};
use crate::Timestamp;
use crate::ids::FleetName;
use crate::ledger::{self, Ledger, LedgerError};
use crate::record::{Index, Record};

/// Hours that are read at once.
const PAGE: usize = 1000;

/// Sums by the hour, oldest first.
pub type Spent = BTreeMap<Timestamp, Sums>;

/// What was spent in the hours that began within a time. Up to now: what `cleanup` has not counted is counted here.
///
/// # Errors
/// As the ledger says.
pub async fn spent(
    ledger: &dyn Ledger,
    fleet: &FleetName,
    within: Range<Timestamp>,
    now: Timestamp,
) -> Result<Spent, LedgerError> {
    let memory = ledger::cleanup_memory(ledger).await?.value.costs;
    let uncounted = memory.next.first().copied().unwrap_or(Timestamp::MIN);
    let uncounted = uncounted.max(hour_of(now - COUNTABLE) + HOUR).max(within.start);
    let mut spent = counted(ledger, within.start..uncounted.min(within.end)).await?;
    if uncounted < within.end {
        spent.extend(tally(ledger, fleet, uncounted..within.end, &[]).await?);
    }
    Ok(spent)
}

/// The hours that are counted, as they were.
pub(super) async fn counted(ledger: &dyn Ledger, within: Range<Timestamp>) -> Result<Spent, LedgerError> {
    let mut spent = Spent::new();
    let mut after = None;
    loop {
        let page = ledger.list_between(Index::Costs, within.clone(), after.as_ref(), PAGE).await?;
        for row in &page {
            if let Record::Cost(part) = &row.value {
                spent.entry(part.hour).or_default().merge(&Sums::from_parts(std::slice::from_ref(part)));
            }
        }
        if page.len() < PAGE {
            return Ok(spent);
        }
        after = page.into_iter().next_back().map(|row| row.value);
    }
}
