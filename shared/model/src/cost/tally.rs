//! From the ended rows of jobs and runners to the sums of their hours.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Amounts, Group, LONGEST_NAME, Sums, hour_of};
use crate::Timestamp;
use crate::counter::Counter;
use crate::ids::{FleetName, JobId, Repository, RunnerName};
use crate::job::{Job, JobState};
use crate::ledger::{self, Ledger, LedgerError};
use crate::record::{Index, Record};
use crate::runner::{Runner, RunnerState, Scope};
use crate::spec::{Capacity, Spec};

/// Rows that are read at once.
const PAGE: usize = 1000;

/// What matters of a runner's row.
struct Ended {
    at: Timestamp,
    job: Option<JobId>,
    of: Option<Repository>,
    what: Group,
    amounts: Amounts,
    prices: Option<String>,
}

/// What matters of a job's row.
struct Told {
    at: Timestamp,
    who: (Repository, String),
    what: Group,
    /// The runner of ours that it ran on.
    ran_on: Option<RunnerName>,
    amounts: Amounts,
    waited_millis: Option<u64>,
}

/// The rows that count, each once.
#[derive(Default)]
struct Rows {
    runners: BTreeMap<RunnerName, Ended>,
    jobs: BTreeMap<JobId, Told>,
}

impl Rows {
    /// A row that was settled meanwhile takes the place of what it was.
    fn take(&mut self, row: &Record, within: &Range<Timestamp>, fleet: &FleetName) {
        match row {
            Record::Runner(runner) if within.contains(&runner.changed_at) => {
                self.runners.extend(ended(runner).map(|it| (runner.name.clone(), it)));
            }
            Record::Job(job) if within.contains(&job.changed_at) => {
                self.jobs.insert(job.id(), told(job, fleet));
            }
            _ => {}
        }
    }
}

/// Counts what ended within a time, by hours. `unsettled` are jobs and runners that ended and are not in that index yet.
///
/// # Errors
/// As the ledger says.
pub async fn tally(
    ledger: &dyn Ledger,
    fleet: &FleetName,
    within: Range<Timestamp>,
    unsettled: &[Record],
) -> Result<BTreeMap<Timestamp, Sums>, LedgerError> {
    let mut rows = Rows::default();
    for row in unsettled {
        rows.take(row, &within, fleet);
    }
    let mut after = None;
    loop {
        let page = ledger.list_between(Index::Ended, within.clone(), after.as_ref(), PAGE).await?;
        let is_last = page.len() < PAGE;
        for row in &page {
            rows.take(&row.value, &within, fleet);
        }
        if is_last {
            break;
        }
        after = page.into_iter().next_back().map(|row| row.value);
    }
    let Rows { runners, jobs } = rows;
    let mut hours: BTreeMap<Timestamp, Sums> = BTreeMap::new();
    for (name, runner) in &runners {
        let other = match runner.job {
            Some(id) if !jobs.contains_key(&id) => ledger::job(ledger, id).await?,
            _ => None,
        };
        let other = other.map(|row| told(&row.value, fleet));
        let job = runner.job.and_then(|id| jobs.get(&id)).or(other.as_ref());
        let sums = hours.entry(hour_of(runner.at)).or_default();
        sums.prices.extend(runner.prices.clone());
        let (group, amounts) = spent_on(runner, job, name);
        *sums.groups.entry(group).or_default() += &amounts;
    }
    for job in jobs.into_values().filter(|job| job.amounts != Amounts::default()) {
        let what = match &job.ran_on {
            Some(name) => what_it_ran_on(ledger, &runners, name).await?.unwrap_or(job.what),
            None => job.what,
        };
        let sums = hours.entry(hour_of(job.at)).or_default();
        if let Some(millis) = job.waited_millis {
            sums.waits.add(millis);
        }
        *sums.groups.entry(of(Some(job.who), what)).or_default() += &job.amounts;
    }
    Ok(hours)
}

/// What a job's runner really was: Spot that fell back to on-demand, or a larger one that was free, is counted with its
/// job. None while the runner has not ended.
async fn what_it_ran_on(
    ledger: &dyn Ledger,
    runners: &BTreeMap<RunnerName, Ended>,
    name: &RunnerName,
) -> Result<Option<Group>, LedgerError> {
    if let Some(runner) = runners.get(name) {
        return Ok(Some(runner.what.clone()));
    }
    let row = ledger::runner(ledger, name).await?;
    Ok(row.and_then(|row| ended(&row.value)).map(|runner| runner.what))
}

/// Whose a runner's cost is, and whether it was for nothing.
fn spent_on(runner: &Ended, job: Option<&Told>, name: &RunnerName) -> (Group, Amounts) {
    let mut amounts = runner.amounts;
    if job.is_none_or(|job| job.ran_on.as_ref() != Some(name)) {
        amounts.unused_runners = amounts.runners;
        amounts.unused_micro_usd = amounts.micro_usd;
    }
    let who = job.map(|job| job.who.clone());
    let who = who.or_else(|| runner.of.clone().map(|repository| (repository, String::new())));
    (of(who, runner.what.clone()), amounts)
}

fn of(who: Option<(Repository, String)>, what: Group) -> Group {
    let (repository, workflow) = who.unzip();
    Group { repository, workflow: workflow.unwrap_or_default(), ..what }
}

/// A runner that stopped and was priced. One that never got a task cost nothing and is none.
fn ended(runner: &Runner) -> Option<Ended> {
    let micro_usd = runner.cost_micro_usd.filter(|_| matches!(runner.state, RunnerState::Stopped(_)))?;
    let billed = runner.billed.as_ref();
    let capacity = billed.map_or(runner.spec.capacity, |billed| billed.capacity);
    let seconds = billed.map_or(0, |billed| billed.seconds);
    Some(Ended {
        at: runner.changed_at,
        job: runner.job,
        of: repository_of(runner),
        what: what(&runner.spec, capacity),
        amounts: Amounts { runners: 1, seconds, micro_usd, ..Amounts::default() },
        prices: billed.map(|billed| billed.prices.clone()),
    })
}

/// The repository that a runner was launched for.
fn repository_of(runner: &Runner) -> Option<Repository> {
    let counted = runner.counters.iter().find_map(|counter| match counter {
        Counter::RepositoryRunners(repository) => Some(repository),
        _ => None,
    });
    match &runner.scope {
        Scope::Repository(repository) => Some(repository.clone()),
        Scope::Organization(_) => counted.cloned(),
    }
}

fn told(job: &Job, fleet: &FleetName) -> Told {
    let description = &job.description;
    let mut amounts = Amounts::default();
    let mut ran_on = None;
    match &job.state {
        JobState::Finished { conclusion, runner, .. } => {
            ran_on = ours(runner.as_deref(), fleet);
            amounts.jobs = u64::from(ran_on.is_some());
            let has_failed = matches!(conclusion.as_str(), "failure" | "timed_out" | "startup_failure");
            amounts.failed = if has_failed { amounts.jobs } else { 0 };
        }
        JobState::Running { runner, .. } => ran_on = ours(Some(runner), fleet),
        JobState::Rejected { .. } => amounts.rejected = 1,
        JobState::Expired { .. } => amounts.expired = 1,
        JobState::Queued { .. } => {}
    }
    Told {
        at: job.changed_at,
        who: (description.repository.clone(), description.workflow.chars().take(LONGEST_NAME).collect()),
        what: job.spec.as_ref().map(|spec| what(spec, spec.capacity)).unwrap_or_default(),
        waited_millis: ran_on.as_ref().and_then(|_| job.queue_to_start_millis()),
        ran_on,
        amounts,
    }
}

fn ours(runner: Option<&str>, fleet: &FleetName) -> Option<RunnerName> {
    runner?.parse::<RunnerName>().ok().filter(|name| name.belongs_to(fleet))
}

fn what(spec: &Spec, capacity: Capacity) -> Group {
    Group {
        class: Some(spec.class.clone()),
        image: spec.image.as_ref().map(|image| image.as_str().to_owned()),
        arch: Some(spec.arch),
        capacity: Some(capacity),
        ..Group::default()
    }
}
