//! What commits are to show of jobs that got no runner: GitHub is told, once for each.

use std::collections::BTreeMap;
use std::sync::Arc;

use fleetfoot_model::check::{Check, CheckRun, GIVE_UP_AFTER, Shows};
use fleetfoot_model::events::{CheckRunsRefused, Fact};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::RunId;
use fleetfoot_model::job::Job;
use fleetfoot_model::ledger::{self, Stored};
use fleetfoot_model::ports::GitHubError;
use fleetfoot_model::record::{CleanupMemory, KEEP_ENDED};
use fleetfoot_model::{SignedDuration, Timestamp};

use crate::budget::{Budget, Part};
use crate::snapshot::Snapshot;
use crate::{Cleanup, MOST_REPAIRS};

/// The most that one run tells. With a run a minute that is 480 an hour of the 500 things that GitHub lets anybody create
/// in an hour (GitHub docs, "Rate limits for the REST API", secondary limits).
const MOST_CHECKS: usize = 8;
/// The most workflow runs that are remembered to show something. They are written down with each run of `cleanup`, and the
/// oldest are forgotten first: their commits stay red when they are run again.
const MOST_RUNS: usize = 200;
/// How long GitHub is not asked after it forbade it. A permission that is given meanwhile is in the next token, an hour
/// later at most.
const REFUSED_FOR: SignedDuration = SignedDuration::from_hours(1);
/// What a refusal for want of the permission is followed by.
const REMEDY: &str = "to have commits show jobs that get no runner, give the App the permission Checks: read and write \
                      and accept it for its installation, or set check_runs = false under [notify]";

impl Cleanup {
    pub(crate) async fn checks(
        &self,
        snapshot: &Snapshot,
        memory: &mut CleanupMemory,
        budget: &mut Budget,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let (mut facts, mut repairs, mut asked) = (Vec::new(), 0, 0);
        forget_old(&mut memory.checks_shown, now);
        for row in due(snapshot, now) {
            if repairs == MOST_REPAIRS {
                break;
            }
            let done = if let Some(reason) = self.pointless(&row.value, now) {
                self.settle(row, |job| job.drop_check(&reason, now)).await
            } else if has_nothing_to_take_back(&row.value, memory) {
                self.settle(row, |job| job.check_told(now)).await
            } else {
                let may_ask = memory.checks_refused_until.is_none_or(|until| until <= now);
                // Those behind it may need nothing of GitHub.
                if asked == MOST_CHECKS || !may_ask || !budget.ask(Part::Checks, requests(&row.value)) {
                    continue;
                }
                asked += 1;
                self.show(row, memory, budget, now).await
            };
            repairs += 1;
            match done {
                Ok(told) => facts.extend(told),
                Err(error) => tracing::warn!(%error, "a check run is left for the next run of cleanup"),
            }
        }
        Ok(facts)
    }

    /// Why nobody need be told any more.
    fn pointless(&self, job: &Job, now: Timestamp) -> Option<String> {
        let Some(Check::Wanted { shows, since, .. }) = job.check else { return None };
        if !self.config.notify.check_runs {
            return Some("check_runs is not set under [notify] any more".to_owned());
        }
        if shows == Shows::Failure && !job.is_given_up() {
            return Some("GitHub has started or ended it meanwhile".to_owned());
        }
        let hours = GIVE_UP_AFTER.as_hours();
        (now > since + GIVE_UP_AFTER).then(|| format!("GitHub did not take one within {hours} hours"))
    }

    /// GitHub need not be asked.
    async fn settle(
        &self,
        row: &Stored<Arc<Job>>,
        change: impl FnOnce(&mut Job) + Send,
    ) -> Result<Option<Fact>, FunctionError> {
        let mut row = row.clone().owned();
        change(&mut row.value);
        ledger::put(&*self.ledger, row).await?;
        Ok(None)
    }

    async fn show(
        &self,
        row: &Stored<Arc<Job>>,
        memory: &mut CleanupMemory,
        budget: &mut Budget,
        now: Timestamp,
    ) -> Result<Option<Fact>, FunctionError> {
        let Some(check) = CheckRun::of(&row.value, &self.config.notify) else {
            return self.settle(row, |job| job.drop_check("its commit is not known", now)).await;
        };
        let mut row = row.clone().owned();
        // The mark comes first: whoever dies after the request knows later that GitHub may show it already.
        let next = now + self.config.timeouts.grace;
        mark(&mut row.value, true, next);
        ledger::put(&*self.ledger, row.clone()).await?;
        row.version += 1;
        if check.shows == Shows::Failure {
            memory.checks_shown.insert(check.run, now);
        }
        let mut fact = None;
        match self.github.show(&check).await {
            Ok(()) => {
                memory.checks_refused_until = None;
                row.value.check_told(now);
            }
            Err(GitHubError::Forbidden(reason)) => {
                fact = refused(memory, &check, &reason, now);
                mark(&mut row.value, check.may_be_there, now + REFUSED_FOR);
            }
            Err(error @ (GitHubError::NotFound(_) | GitHubError::Invalid(_))) => {
                row.value.drop_check(&error.to_string(), now);
            }
            Err(error) => {
                tracing::warn!(job.id = %check.job, %error, "its commit cannot show a check run now");
                budget.heed(&error);
                // Only when there is no answer is it unknown whether anything was done.
                let is_unknown = matches!(error, GitHubError::Unavailable(_));
                mark(&mut row.value, is_unknown || check.may_be_there, next);
            }
        }
        if let Err(error) = ledger::put(&*self.ledger, row).await {
            tracing::warn!(job.id = %check.job, %error, "what became of its check run is looked for again");
        }
        Ok(fact)
    }
}

/// Jobs of whose commits GitHub is to be told now, those first that are due longest.
fn due(snapshot: &Snapshot, now: Timestamp) -> Vec<&Stored<Arc<Job>>> {
    let asked = snapshot.jobs.values().filter_map(|row| match row.value.check {
        Some(Check::Wanted { ask_at, .. }) => Some((ask_at, row)),
        _ => None,
    });
    let mut due: Vec<_> = asked.filter(|(ask_at, _)| *ask_at <= now).collect();
    due.sort_by_key(|(ask_at, _)| *ask_at);
    due.into_iter().map(|(_, row)| row).collect()
}

/// Whether its commit is to show that it got a runner, and never showed the contrary: so it is with nearly every job that
/// is run again.
fn has_nothing_to_take_back(job: &Job, memory: &CleanupMemory) -> bool {
    // What this very job was shown as is known from its row, whatever is remembered.
    let is_of_others =
        matches!(job.check, Some(Check::Wanted { shows: Shows::Recovery, is_asked: false, .. }));
    is_of_others && !memory.checks_shown.contains_key(&job.description.run_id)
}

/// Nobody runs anything again that is older than the rows of its jobs.
fn forget_old(shown: &mut BTreeMap<RunId, Timestamp>, now: Timestamp) {
    shown.retain(|_, at| now < *at + KEEP_ENDED);
    while shown.len() > MOST_RUNS
        && let Some(oldest) = shown.iter().min_by_key(|(_, at)| **at).map(|(run, _)| *run)
    {
        shown.remove(&oldest);
    }
}

/// What one costs: it is made, or looked for and then made or changed.
fn requests(job: &Job) -> u32 {
    let is_new = matches!(job.check, Some(Check::Wanted { shows: Shows::Failure, is_asked: false, .. }));
    if is_new { 1 } else { 2 }
}

fn mark(job: &mut Job, asked: bool, next: Timestamp) {
    if let Some(Check::Wanted { is_asked, ask_at, .. }) = &mut job.check {
        (*is_asked, *ask_at) = (asked, next);
    }
}

/// One refusal is enough for a while: nearly always the App lacks the permission, for all that it is installed on.
fn refused(memory: &mut CleanupMemory, check: &CheckRun, reason: &str, now: Timestamp) -> Option<Fact> {
    let until = now + REFUSED_FOR;
    tracing::warn!(github.repository = %check.repository, reason, "GitHub forbids check runs");
    let was_told = memory.checks_refused_until.replace(until).is_some();
    let reason = format!("{}; {REMEDY}", GitHubError::Forbidden(reason.to_owned()));
    (!was_told).then(|| CheckRunsRefused { repository: check.repository.clone(), reason, until }.into())
}
