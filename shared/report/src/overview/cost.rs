//! What runners cost since midnight.

use std::collections::BTreeMap;

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::Repository;
use fleetfoot_model::price::{Prices, usd};
use fleetfoot_model::runner::Runner;
use serde::Serialize;

use super::midnight;
use super::rows::Rows;

/// The cost of a day so far, by list price.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CostToday {
    /// Midnight, UTC.
    pub since: Timestamp,
    /// Runners that stopped since, in USD, each with its whole time.
    pub ended_usd: f64,
    /// Runners that run, up to now.
    pub running_usd: f64,
    /// Both by repository, the dearest first.
    pub by_repository: Vec<RepositoryCost>,
    /// When the price list was read, such as `2026-11`.
    pub prices_of: String,
}

/// The cost of a repository's runners.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryCost {
    /// Null for warm runners that have had no job.
    pub repository: Option<Repository>,
    /// Those that stopped and those that run, in USD.
    pub usd: f64,
    /// How many there were.
    pub runners: usize,
}

pub(super) fn today(rows: &Rows<'_>, prices: &Prices, now: Timestamp) -> CostToday {
    let since = midnight(now);
    let mut cost = CostToday {
        since,
        ended_usd: 0.0,
        running_usd: 0.0,
        by_repository: Vec::new(),
        prices_of: prices.date.clone(),
    };
    let mut by_repository: BTreeMap<Option<&Repository>, (f64, usize)> = BTreeMap::new();
    for runner in rows.runners() {
        let Some((usd, is_running)) = of(runner, prices, since, now) else { continue };
        *(if is_running { &mut cost.running_usd } else { &mut cost.ended_usd }) += usd;
        let entry = by_repository.entry(rows.repository_of(runner)).or_default();
        *entry = (entry.0 + usd, entry.1 + 1);
    }
    let line = |(repository, (usd, runners)): (Option<&Repository>, _)| RepositoryCost {
        repository: repository.cloned(),
        usd,
        runners,
    };
    cost.by_repository = by_repository.into_iter().map(line).collect();
    cost.by_repository.sort_by(|a, b| b.usd.total_cmp(&a.usd));
    cost
}

/// What a runner cost, if it has cost anything since midnight, and whether it still runs.
fn of(runner: &Runner, prices: &Prices, since: Timestamp, now: Timestamp) -> Option<(f64, bool)> {
    if runner.is_live() {
        let (cost, _) = prices.bill(&runner.spec, runner.capacity(), now.duration_since(runner.started_at?));
        return Some((usd(cost), true));
    }
    let cost = usd(runner.cost_micro_usd?);
    (runner.stopped_at? >= since).then_some((cost, false))
}
