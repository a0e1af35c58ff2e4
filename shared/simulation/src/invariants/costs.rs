//! What was spent, as the hours say and as the runners say.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::cost::{Amounts, count_due, hour_of, spent};
use fleetfoot_model::counter::Counter;
use fleetfoot_model::ledger::{self, Change, Ledger, LedgerError, Stored};
use fleetfoot_model::record::{Index, Key, Record};
use fleetfoot_model::runner::Runner;
use fleetfoot_model::{SignedDuration, Timestamp};

use super::Found;
use crate::ports::{WorldLedger, at_once};
use crate::world::World;

/// How long hours are counted again and again, and then some.
const UNTIL_ALL_IS_COUNTED: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How often `cleanup` would count here, where nothing else happens.
const EVERY: SignedDuration = SignedDuration::from_hours(2);

/// Lets a week go by for what counts, and sees that each runner is counted once.
pub(super) fn check(world: &World, found: &mut Found) {
    let ledger = Calm(world.ledger.clone());
    let rows = world.ledger.inside();
    let stopped = |index| -> Vec<Arc<Runner>> {
        at_once(rows.list(index, usize::MAX)).unwrap_or_default().into_iter().filter_map(stopped).collect()
    };
    let (settled, unsettled) = (stopped(Index::Ended), stopped(Index::Active));
    let mut expected = Amounts::default();
    for runner in settled.iter().chain(&unsettled) {
        expected += &Amounts {
            runners: 1,
            seconds: runner.billed.as_ref().map_or(0, |billed| billed.seconds),
            micro_usd: runner.cost_micro_usd.unwrap_or(0),
            ..Amounts::default()
        };
    }
    let unsettled: Vec<Record> = unsettled.into_iter().map(Record::Runner).collect();
    let counted = at_once(count(&ledger, &unsettled, world));
    let counted = counted.map(|all| {
        let Amounts { runners, seconds, micro_usd, .. } = all;
        Amounts { runners, seconds, micro_usd, ..Amounts::default() }
    });
    if counted != Ok(expected) {
        let what = format!("the hours say {counted:?}, the runners {expected:?}");
        found.add("costs-are-counted-once", world.now(), what);
    }
}

async fn count(ledger: &dyn Ledger, unsettled: &[Record], world: &World) -> Result<Amounts, LedgerError> {
    let fleet = &world.config.fleet;
    let mut memory = ledger::cleanup_memory(ledger).await?.value.costs;
    let mut now = world.now();
    let end = now + UNTIL_ALL_IS_COUNTED;
    while now < end {
        count_due(ledger, fleet, &mut memory, unsettled, now).await?;
        now += EVERY;
    }
    let mut total = Amounts::default();
    for sums in spent(ledger, fleet, hour_of(world.began())..end, end).await?.values() {
        total += &sums.total();
    }
    Ok(total)
}

fn stopped(row: Stored<Record>) -> Option<Arc<Runner>> {
    match row.value {
        Record::Runner(runner) if !runner.is_live() && runner.cost_micro_usd.is_some() => Some(runner),
        _ => None,
    }
}

/// A world's ledger on which nothing fails and nothing waits. A protection that is missing stays so.
struct Calm(Arc<WorldLedger>);

#[async_trait]
impl Ledger for Calm {
    async fn get(&self, key: &Key) -> Result<Option<Stored<Record>>, LedgerError> {
        self.0.inside().get(key).await
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), LedgerError> {
        self.0.write_calmly(changes)
    }

    async fn list(&self, index: Index, limit: usize) -> Result<Vec<Stored<Record>>, LedgerError> {
        self.0.inside().list(index, limit).await
    }

    async fn list_between(
        &self,
        index: Index,
        within: Range<Timestamp>,
        after: Option<&Record>,
        limit: usize,
    ) -> Result<Vec<Stored<Record>>, LedgerError> {
        self.0.inside().list_between(index, within, after, limit).await
    }

    async fn count(&self, counter: &Counter) -> Result<u64, LedgerError> {
        self.0.inside().count(counter).await
    }
}
