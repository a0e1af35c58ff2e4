//! Warm runners: how many are wanted, how many are there.

use fleetfoot_model::Timestamp;
use fleetfoot_model::config::Config;
use fleetfoot_model::ids::PoolName;
use fleetfoot_model::runner::RunnerState;
use serde::Serialize;

use super::rows::Rows;

/// A pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolLine {
    /// Its name.
    pub name: PoolName,
    /// The class of its runners.
    pub class: String,
    /// How many of them are to be idle now; 0 outside its schedule.
    pub wanted: u64,
    /// How many are registered and idle.
    pub idle: u64,
    /// How many are on their way.
    pub starting: u64,
}

pub(super) fn lines(config: &Config, rows: &Rows<'_>, now: Timestamp) -> Vec<PoolLine> {
    let count = |pool: &PoolName, is_up: bool| {
        let warm = rows.open_runners.iter().filter(|runner| runner.is_idle_in(pool));
        warm.filter(|runner| (runner.state == RunnerState::Registered) == is_up).map(|_| 1).sum()
    };
    let line = |pool: &fleetfoot_model::config::PoolConfig| PoolLine {
        name: pool.name.clone(),
        class: pool.spec.class.to_string(),
        wanted: pool.wanted(now),
        idle: count(&pool.name, true),
        starting: count(&pool.name, false),
    };
    config.pools.iter().map(line).collect()
}
