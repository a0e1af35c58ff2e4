//! Webhooks that were lost without a trace: GitHub is asked for the queued jobs of recently active repositories.

use std::collections::BTreeSet;

use fleetfoot_model::config::Target;
use fleetfoot_model::events::{Fact, JobQueued, QueueCause};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::Repository;
use fleetfoot_model::labels;
use fleetfoot_model::ledger;
use fleetfoot_model::ports::{JobReport, JobStatus};
use fleetfoot_model::record::{CleanupMemory, Index, Record};
use fleetfoot_model::{SignedDuration, Timestamp};

use crate::budget::Budget;
use crate::snapshot::Snapshot;
use crate::{Cleanup, MOST_REPAIRS};

/// The most repositories asked about in one search. With a search every five minutes and the adapter's bound of 22 calls
/// a repository that is at most 792 calls an hour, of the 5,000 that GitHub allows an installation.
const REPOSITORIES_AT_ONCE: usize = 3;
/// While launches are paused GitHub is asked only every so many times.
const SELDOM: i32 = 6;
/// How many ended jobs tell which repositories were active.
const LOOK_BACK: usize = 500;

impl Cleanup {
    pub(crate) async fn search(
        &self,
        snapshot: &Snapshot,
        memory: &mut CleanupMemory,
        budget: &mut Budget,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        if budget.is_closed()
            || memory.jobs_searched_at.is_some_and(|at| now < at + self.survey(snapshot, now))
        {
            return Ok(Vec::new());
        }
        memory.jobs_searched_at = Some(now);
        let repositories = self.active(snapshot).await?;
        let mut facts = Vec::new();
        for repository in next_in_turn(&repositories, memory.jobs_searched_up_to.as_ref()) {
            memory.jobs_searched_up_to = Some(repository.clone());
            let found = match self.github.queued_jobs(&repository).await {
                Ok(found) => found,
                Err(error) => {
                    tracing::warn!(github.repository = %repository, %error, "queued jobs cannot be looked for");
                    if budget.heed(&error) {
                        break;
                    }
                    continue;
                }
            };
            for report in found {
                if facts.len() < MOST_REPAIRS {
                    facts.extend(self.unheard_of(report, now).await?);
                }
            }
        }
        Ok(facts)
    }

    /// How often is asked: seldom while launches are paused, since GitHub's limit may be what they wait for.
    pub(crate) fn survey(&self, snapshot: &Snapshot, now: Timestamp) -> SignedDuration {
        let is_paused = snapshot.pause.as_ref().is_some_and(|pause| pause.in_force(now).is_some());
        self.config.timeouts.survey * if is_paused { SELDOM } else { 1 }
    }

    async fn active(&self, snapshot: &Snapshot) -> Result<BTreeSet<Repository>, FunctionError> {
        if let Target::Repositories(listed) = &self.config.github.target {
            return Ok(listed.iter().cloned().collect());
        }
        let mut active: BTreeSet<Repository> =
            snapshot.jobs.values().map(|row| row.value.description.repository.clone()).collect();
        for row in self.ledger.list(Index::Ended, LOOK_BACK).await? {
            if let Record::Job(job) = row.value {
                active.insert(job.description.repository.clone());
            }
        }
        Ok(active)
    }

    async fn unheard_of(&self, report: JobReport, now: Timestamp) -> Result<Option<Fact>, FunctionError> {
        let JobReport { description: job, status } = report;
        // A webhook that was just sent is no lost one.
        let is_due = now > job.created_at + self.config.timeouts.grace;
        let is_ours = labels::is_addressed(&job.labels, &self.config.labels);
        if status != JobStatus::Queued
            || !is_due
            || !is_ours
            || ledger::job(&*self.ledger, job.id).await?.is_some()
        {
            return Ok(None);
        }
        Ok(Some(JobQueued { job, cause: QueueCause::Recovered }.into()))
    }
}

/// The repositories whose turn it is, in a round.
fn next_in_turn(repositories: &BTreeSet<Repository>, last: Option<&Repository>) -> Vec<Repository> {
    let after = repositories.iter().filter(|repository| last.is_none_or(|last| *repository > last));
    let before = repositories.iter().filter(|repository| last.is_some_and(|last| *repository <= last));
    after.chain(before).take(REPOSITORIES_AT_ONCE).cloned().collect()
}
