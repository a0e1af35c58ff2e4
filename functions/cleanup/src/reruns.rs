//! Failed jobs whose runner lost its machine: GitHub is asked to run them again, once their workflow run has ended.

use std::collections::{BTreeMap, BTreeSet};

use fleetfoot_model::Timestamp;
use fleetfoot_model::events::{Fact, JobDescription};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::{JobId, RunId, RunnerName};
use fleetfoot_model::job::{Job, JobState};
use fleetfoot_model::ledger::{self, Stored};
use fleetfoot_model::ports::{GitHubError, RerunAnswer};
use fleetfoot_model::rerun::{Rerun, RerunRequest};
use fleetfoot_model::runner::RunnerState;

use crate::Cleanup;
use crate::budget::{Budget, Part};
use crate::snapshot::Snapshot;

/// What a workflow run costs: it is looked at, and then perhaps run again.
const REQUESTS: u32 = 2;
/// The most rows that one transaction writes.
const MOST_ROWS: usize = 50;
/// What a refusal for want of a permission is followed by.
const REMEDY: &str = "to have such jobs run again, give the App or the token the permission Actions: read and write, \
                      or set rerun_interrupted = false under [recovery]";

/// The jobs of one workflow run that wait to be run again.
type Group = Vec<Stored<Job>>;

impl Cleanup {
    pub(crate) async fn reruns(
        &self,
        snapshot: &Snapshot,
        budget: &mut Budget,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let mut facts = Vec::new();
        // What waits longest for its turn comes first: a run that goes on for days is behind all others.
        for group in due(snapshot, now) {
            if !budget.ask(Part::Reruns, REQUESTS) {
                break;
            }
            match self.rerun(group, now).await {
                Ok(told) => facts.extend(told),
                Err(error) => tracing::warn!(%error, "a workflow run is left for the next run of cleanup"),
            }
        }
        Ok(facts)
    }

    async fn rerun(&self, jobs: Group, now: Timestamp) -> Result<Vec<Fact>, FunctionError> {
        let mut jobs = self.lost_indeed(jobs, now).await?;
        let Some(first) = jobs.first() else { return Ok(Vec::new()) };
        let asked: BTreeSet<JobId> =
            jobs.iter().filter(|row| is_asked(&row.value)).map(|row| row.value.id()).collect();
        let JobDescription { repository, run_id, run_attempt, .. } =
            JobDescription::clone(&first.value.description);
        let ids = jobs.iter().map(|row| row.value.id()).collect();
        let request = RerunRequest { repository, run: run_id, attempt: run_attempt, jobs: ids };
        // The mark comes first: whoever dies after the request knows later that a new attempt is its own.
        self.put(&mut jobs, |job| mark(job, true, now + self.config.timeouts.grace)).await?;
        let mut facts = Vec::new();
        match self.github.rerun(&request).await {
            Ok(RerunAnswer::Requested) => {
                self.put(&mut jobs, |job| facts.extend(job.rerun_requested(now))).await?;
            }
            Ok(RerunAnswer::Superseded) => {
                let settle = |job: &mut Job| {
                    if asked.contains(&job.id()) {
                        facts.extend(job.rerun_requested(now));
                    } else {
                        job.leave_failed("its workflow run was run again without it", now);
                    }
                };
                self.put(&mut jobs, settle).await?;
            }
            Ok(RerunAnswer::NotYet) => facts = self.wait_or_give_up(&mut jobs, &asked, now).await?,
            Err(error) => facts = self.refused(&mut jobs, error, now).await?,
        }
        Ok(facts)
    }

    /// A runner that was only missed may have turned out to have ended by itself: then its job failed by itself too.
    async fn lost_indeed(&self, jobs: Group, now: Timestamp) -> Result<Group, FunctionError> {
        let mut lost = Vec::new();
        for mut row in jobs {
            let runner = match runner_of(&row.value) {
                Some(name) => ledger::runner(&*self.ledger, &name).await?,
                None => None,
            };
            let ended = runner.map(|runner| runner.value.state);
            if matches!(ended, Some(RunnerState::Stopped(reason)) if !reason.is_loss()) {
                row.value.leave_failed("its runner turned out to have ended by itself", now);
                ledger::put(&*self.ledger, row).await?;
            } else {
                lost.push(row);
            }
        }
        Ok(lost)
    }

    async fn wait_or_give_up(
        &self,
        jobs: &mut Group,
        asked: &BTreeSet<JobId>,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let most = self.config.timeouts.running;
        let (ask_at, mut facts) = (now + self.config.timeouts.grace, Vec::new());
        self.put(jobs, |job| match job.rerun {
            Some(Rerun::Wanted { since, .. }) if now > since + most => {
                let reason = format!("its workflow run has not ended within {} hours", most.as_hours());
                facts.push(job.rerun_refused(&reason, now));
            }
            _ => mark(job, asked.contains(&job.id()), ask_at),
        })
        .await?;
        Ok(facts)
    }

    async fn refused(
        &self,
        jobs: &mut Group,
        error: GitHubError,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let reason = match &error {
            GitHubError::Forbidden(_) => format!("{error}; {REMEDY}"),
            GitHubError::NotFound(_) | GitHubError::Invalid(_) => error.to_string(),
            _ => return Err(FunctionError::again(&error)),
        };
        let mut facts = Vec::new();
        self.put(jobs, |job| facts.push(job.rerun_refused(&reason, now))).await?;
        Ok(facts)
    }

    /// Changes all rows and writes them.
    async fn put(
        &self,
        jobs: &mut Group,
        mut change_it: impl FnMut(&mut Job) + Send,
    ) -> Result<(), FunctionError> {
        for row in jobs.iter_mut() {
            change_it(&mut row.value);
        }
        for rows in jobs.chunks_mut(MOST_ROWS) {
            self.ledger.commit(rows.iter().cloned().map(ledger::change).collect()).await?;
            for row in rows {
                row.version += 1;
            }
        }
        Ok(())
    }
}

/// Jobs to be asked for now, those of a run together, the longest due first.
fn due(snapshot: &Snapshot, now: Timestamp) -> Vec<Group> {
    let mut groups: BTreeMap<(RunId, u32), (Timestamp, Group)> = BTreeMap::new();
    for row in snapshot.jobs.values() {
        let Some(Rerun::Wanted { ask_at, .. }) = row.value.rerun else { continue };
        let run = (row.value.description.run_id, row.value.description.run_attempt);
        let (latest, group) = groups.entry(run).or_insert((ask_at, Vec::new()));
        *latest = ask_at.max(*latest);
        group.push(row.clone().owned());
    }
    let mut groups: Vec<_> = groups.into_values().filter(|(ask_at, _)| *ask_at <= now).collect();
    groups.sort_by_key(|(ask_at, _)| *ask_at);
    groups.into_iter().map(|(_, group)| group).collect()
}

fn is_asked(job: &Job) -> bool {
    matches!(job.rerun, Some(Rerun::Wanted { is_asked: true, .. }))
}

fn mark(job: &mut Job, asked: bool, next: Timestamp) {
    if let Some(Rerun::Wanted { is_asked, ask_at, .. }) = &mut job.rerun {
        (*is_asked, *ask_at) = (asked, next);
    }
}

fn runner_of(job: &Job) -> Option<RunnerName> {
    match &job.state {
        JobState::Finished { runner: Some(name), .. } => name.parse().ok(),
        _ => None,
    }
}
