//! What is used of each limit, and what holds launches up.

use std::collections::{BTreeMap, BTreeSet};

use fleetfoot_model::Timestamp;
use fleetfoot_model::config::Config;
use fleetfoot_model::counter::{BREAKER_WINDOW_SECONDS, Counter};
use fleetfoot_model::ids::Repository;
use fleetfoot_model::ledger::{Ledger, LedgerError};
use fleetfoot_model::record::{ImageState, Record};
use serde::Serialize;

use super::lines::brief;
use super::rows::Rows;

/// The most repositories whose use of their limits is read: those with the most runners.
const MOST_REPOSITORIES: usize = 20;

/// What a limit is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Limited {
    /// Live runners of the fleet.
    Fleet,
    /// Live runners of a class.
    Class,
    /// Live runners for a repository's jobs.
    Repository,
    /// Image builds for a repository's jobs.
    Builds,
}

/// What is used of a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gauge {
    /// What is counted.
    pub of: Limited,
    /// Of which class or repository; the fleet's name.
    pub name: String,
    /// How many there are.
    pub used: u64,
    /// How many there may be; null if only the fleet's limit holds.
    pub limit: Option<u64>,
}

/// Launches are paused: an API's limit is used up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PauseLine {
    /// Until when by the limit's own clock.
    pub until: Timestamp,
    /// Whose limit.
    pub reason: String,
}

/// What bounds replacements of runners that were taken or that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Breaker {
    /// Replacements in this window of ten minutes.
    pub used: u64,
    /// The most there may be.
    pub limit: u64,
    /// Whether the limit is reached, so that nothing is replaced.
    pub is_open: bool,
    /// When the next window begins.
    pub until: Timestamp,
}

pub(super) struct Limits {
    pub(super) gauges: Vec<Gauge>,
    pub(super) breaker: Breaker,
}

/// The pause that a row is, while it is in force.
pub(super) fn pause(row: &Record, now: Timestamp) -> Option<PauseLine> {
    let Record::Pause(pause) = row else { return None };
    pause.in_force(now)?;
    Some(PauseLine { until: pause.until?, reason: brief(&pause.reason) })
}

/// Reads the counters: those that `launch` goes by, not a count of rows, so that people see what it sees.
pub(super) async fn read(
    ledger: &dyn Ledger,
    config: &Config,
    rows: &Rows<'_>,
    now: Timestamp,
) -> Result<Limits, LedgerError> {
    let mut gauges = vec![Gauge {
        of: Limited::Fleet,
        name: config.fleet.to_string(),
        used: ledger.count(&Counter::Runners).await?,
        limit: Some(config.limits.runners),
    }];
    for (name, class) in &config.classes {
        gauges.push(Gauge {
            of: Limited::Class,
            name: name.to_string(),
            used: ledger.count(&Counter::ClassRunners(name.clone())).await?,
            limit: class.runners,
        });
    }
    for repository in busiest(rows) {
        let used = ledger.count(&Counter::RepositoryRunners(repository.clone())).await?;
        let limit = config.limits.runners_per_repository;
        gauges.push(Gauge { of: Limited::Repository, name: repository.to_string(), used, limit });
    }
    for repository in building(rows) {
        let used = ledger.count(&Counter::RepositoryBuilds(repository.clone())).await?;
        let limit = Some(config.limits.builds_per_repository);
        gauges.push(Gauge { of: Limited::Builds, name: repository.to_string(), used, limit });
    }
    Ok(Limits { gauges, breaker: breaker(ledger, config.limits.replacements, now).await? })
}

async fn breaker(ledger: &dyn Ledger, limit: u64, now: Timestamp) -> Result<Breaker, LedgerError> {
    let counter = Counter::replacements_at(now);
    let used = ledger.count(&counter).await?;
    let ends = counter.window().unwrap_or_default() + BREAKER_WINDOW_SECONDS;
    let until = Timestamp::from_second(ends).unwrap_or(now);
    Ok(Breaker { used, limit, is_open: used >= limit, until })
}

fn busiest<'a>(rows: &Rows<'a>) -> Vec<&'a Repository> {
    let mut live: BTreeMap<&Repository, usize> = BTreeMap::new();
    for runner in rows.open_runners.iter().filter(|runner| runner.is_live()) {
        if let Some(repository) = rows.repository_of(runner) {
            *live.entry(repository).or_default() += 1;
        }
    }
    let mut busiest: Vec<_> = live.into_iter().collect();
    busiest.sort_by_key(|(_, runners)| std::cmp::Reverse(*runners));
    busiest.into_iter().map(|(repository, _)| repository).take(MOST_REPOSITORIES).collect()
}

fn building<'a>(rows: &Rows<'a>) -> Vec<&'a Repository> {
    let is_built = |state: &ImageState| matches!(state, ImageState::Building { .. });
    let builds = rows.images.values().filter(|image| image.is_counted && is_built(&image.state));
    let repositories: BTreeSet<_> = builds.filter_map(|image| image.repository.as_ref()).collect();
    repositories.into_iter().take(MOST_REPOSITORIES).collect()
}
