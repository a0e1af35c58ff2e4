//! What a job's runner counts in, and how much of each limit is used now.

use fleetfoot_model::config::Config;
use fleetfoot_model::counter::Counter;
use fleetfoot_model::job::Job;
use fleetfoot_model::ledger::{Ledger, LedgerError};
use fleetfoot_model::runner::Runner;
use serde::Serialize;

/// A counter and its limit.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "as it is answered")]
pub(super) struct Used {
    /// What is counted.
    pub(super) of: String,
    /// How many there are now.
    pub(super) used: u64,
    /// How many there may be; null where only the fleet's limit holds or the configuration is not known.
    pub(super) limit: Option<u64>,
}

/// The counters of a job that has not ended: those that its runner took, or would take.
pub(super) async fn used(
    ledger: &dyn Ledger,
    job: &Job,
    runner: Option<&Runner>,
    config: Option<&Config>,
) -> Result<Vec<Used>, LedgerError> {
    if !job.is_open() {
        return Ok(Vec::new());
    }
    let counters = match runner {
        Some(runner) if runner.is_live() => runner.counters.clone(),
        _ => wanted(job, config),
    };
    let mut all = Vec::new();
    for counter in counters {
        let used = ledger.count(&counter).await?;
        let limit = config.and_then(|config| limit(&counter, config));
        all.push(Used { of: counter.to_string(), used, limit });
    }
    Ok(all)
}

fn wanted(job: &Job, config: Option<&Config>) -> Vec<Counter> {
    let mut counters = vec![Counter::Runners];
    if let Some(spec) = &job.spec
        && config.is_some_and(|config| limit(&Counter::ClassRunners(spec.class.clone()), config).is_some())
    {
        counters.push(Counter::ClassRunners(spec.class.clone()));
    }
    counters.push(Counter::RepositoryRunners(job.description.repository.clone()));
    counters
}

fn limit(counter: &Counter, config: &Config) -> Option<u64> {
    match counter {
        Counter::Runners => Some(config.limits.runners),
        Counter::ClassRunners(class) => config.classes.get(class)?.runners,
        Counter::RepositoryRunners(_) => config.limits.runners_per_repository,
        Counter::RepositoryBuilds(_) => Some(config.limits.builds_per_repository),
        Counter::Replacements(_) => Some(config.limits.replacements),
        Counter::Launches(_) => Some(u64::from(config.limits.registrations_per_minute)),
    }
}

impl Used {
    /// `3 runners of the fleet, 10 at most`
    pub(super) fn describe(&self) -> String {
        let limit =
            self.limit.map_or_else(|| "no limit of its own".to_owned(), |limit| format!("{limit} at most"));
        let full = if self.limit.is_some_and(|limit| self.used >= limit) { ": full" } else { "" };
        format!("{} now, {limit}{full}", self.used)
    }
}
