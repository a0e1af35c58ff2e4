//! A runner without a job and a job without a runner.

use crate::Timestamp;
use crate::config::Config;
use crate::events::{Fact, JobMatched};
use crate::job::{Job, Waiting};
use crate::ledger::Stored;
use crate::record::Record;
use crate::runner::Runner;

/// The first of the rows that is a waiting job which GitHub would give this runner. A runner that is there needs no
/// image to be built and no task to be launched, so a job that waits for that counts.
pub fn first_waiting(
    rows: impl IntoIterator<Item = Stored<Record>>,
    runner: &Runner,
    config: &Config,
    now: Timestamp,
) -> Option<Stored<Job>> {
    rows.into_iter().find_map(|row| match row.value {
        Record::Job(job) if could_serve(runner, &job, config, now) => {
            Some(Stored { value: job, version: row.version }.owned())
        }
        _ => None,
    })
}

fn could_serve(runner: &Runner, job: &Job, config: &Config, now: Timestamp) -> bool {
    // Only a job that was admitted has a spec.
    let looks_for_one = job.is_queued() && job.runner().is_none() && job.spec.is_some();
    let may_try = job
        .waiting()
        .is_none_or(|waiting| waiting.is_over(now) || !matches!(waiting, Waiting::Backoff { .. }));
    let scope = config.github.target.scope_of(&job.description.repository);
    looks_for_one && may_try && runner.suits(&scope, &job.description.labels)
}

/// Means a free runner for a job. GitHub may still decide otherwise; `in_progress` tells.
pub fn pair(job: &mut Job, runner: &mut Runner, why: &str, now: Timestamp) -> Fact {
    job.assign(&runner.name, now, why);
    runner.job = Some(job.id());
    runner.timeline.note(now, format!("meant for job {}", job.id()));
    JobMatched { job: job.id(), runner: runner.name.clone() }.into()
}
