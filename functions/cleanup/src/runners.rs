//! Runners that are overdue, idle, surplus, lingering or left over at GitHub.

use std::collections::BTreeMap;

use fleetfoot_model::Timestamp;
use fleetfoot_model::decide::retry;
use fleetfoot_model::dismiss::Dismissal;
use fleetfoot_model::events::{Fact, QueueCause, RunnerReaped, RunnerReleased};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::{PoolName, RunnerName};
use fleetfoot_model::job::Job;
use fleetfoot_model::ledger;
use fleetfoot_model::record::CleanupMemory;
use fleetfoot_model::runner::{Runner, RunnerState};

use crate::budget::{Budget, Part, in_turn};
use crate::snapshot::Snapshot;
use crate::{Cleanup, MOST_REPAIRS};

/// What is wrong with a runner.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Finding {
    /// Nobody needs it.
    LetGo(String),
    /// It failed the job that is meant for it; the job gets another.
    Replace(String),
    /// Its job ended long ago; its task may be stopped.
    Stop(String),
    /// Its task ended and GitHub may still know it.
    Unregister,
}

impl Cleanup {
    pub(crate) async fn runners(
        &self,
        snapshot: &Snapshot,
        memory: &mut CleanupMemory,
        budget: &mut Budget,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let mut excess = self.pool_excess(snapshot, now);
        let mut facts = Vec::new();
        let mut repairs = 0;
        for row in in_turn(snapshot.runners.iter(), memory.runners_mended_up_to.as_ref()) {
            let runner = &row.value;
            let Some(finding) = self.examine(runner, snapshot, &mut excess, now).await? else { continue };
            let may_ask = budget.ask(Part::Runners, requests_for(runner));
            if repairs == MOST_REPAIRS || !may_ask || (runner.is_live() && !budget.stop()) {
                break;
            }
            repairs += 1;
            memory.runners_mended_up_to = Some(runner.name.clone());
            match self.mend(runner, finding, now).await {
                Ok(mended) => facts.extend(mended),
                // One that cannot be mended now must not hold up the others, nor what was told of them.
                Err(error) => {
                    tracing::warn!(runner.name = %runner.name, %error, "a runner is left for the next run");
                }
            }
        }
        Ok(facts)
    }

    async fn examine(
        &self,
        runner: &Runner,
        snapshot: &Snapshot,
        excess: &mut BTreeMap<PoolName, u64>,
        now: Timestamp,
    ) -> Result<Option<Finding>, FunctionError> {
        let timeouts = &self.config.timeouts;
        let quiet_for = now.duration_since(runner.changed_at);
        if let Some(reason) = &runner.dismissed
            && runner.is_live()
        {
            return Ok((quiet_for > timeouts.grace).then(|| Finding::LetGo(reason.clone())));
        }
        Ok(match &runner.state {
            RunnerState::Reserved | RunnerState::Launched if now > runner.register_by + timeouts.grace => {
                let seconds = timeouts.register.as_secs();
                let reason = format!("did not register within {seconds} seconds");
                Some(if runner.job.is_some() { Finding::Replace(reason) } else { Finding::LetGo(reason) })
            }
            RunnerState::Registered if runner.job.is_some() => self.examine_waiting(runner, snapshot, now),
            RunnerState::Registered => match &runner.pool {
                Some(pool) => take_one(excess, pool)
                    .then(|| Finding::LetGo("its pool has more warm runners than are wanted now".to_owned())),
                None => {
                    (quiet_for > timeouts.grace).then(|| Finding::LetGo("no job is meant for it".to_owned()))
                }
            },
            RunnerState::Busy(job) => {
                let ended = match snapshot.jobs.get(job) {
                    Some(row) => row.value.ended_at(),
                    None => ledger::job(&*self.ledger, *job).await?.and_then(|row| row.value.ended_at()),
                };
                let lingers = ended.is_some_and(|at| now > at.max(runner.changed_at) + timeouts.linger);
                lingers.then(|| Finding::Stop(format!("job {job} ended and the runner did not")))
            }
            RunnerState::Stopped(_) => (quiet_for > timeouts.grace).then_some(Finding::Unregister),
            RunnerState::Reserved | RunnerState::Launched => None,
        })
    }

    /// A registered runner whose job does not start: how the job stands is asked in `jobs`, long before this.
    fn examine_waiting(&self, runner: &Runner, snapshot: &Snapshot, now: Timestamp) -> Option<Finding> {
        let idle_for = now.duration_since(runner.changed_at);
        let waits = runner
            .job
            .and_then(|job| snapshot.jobs.get(&job))
            .is_some_and(|job| job.value.runner() == Some(&runner.name));
        if !waits {
            return (idle_for > self.config.timeouts.grace)
                .then(|| Finding::LetGo("its job is gone".to_owned()));
        }
        let seconds = self.config.timeouts.idle.as_secs();
        (idle_for > self.config.timeouts.idle)
            .then(|| Finding::Replace(format!("got no job from GitHub within {seconds} seconds")))
    }

    async fn mend(
        &self,
        runner: &Runner,
        finding: Finding,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        match finding {
            Finding::LetGo(reason) => {
                let requeue = |job: &mut Job| {
                    job.unassign(None, now, &format!("its runner was let go: {reason}"));
                    job.queued_again(QueueCause::Recovered)
                };
                let requeued = self.dismisser().detach(&runner.name, requeue).await?;
                self.let_go(&runner.name, &reason, requeued, now).await
            }
            Finding::Replace(reason) => {
                let replace = |job: &mut Job| retry::after_failure(job, &reason, &self.config, now);
                let replaced = self.dismisser().detach(&runner.name, replace).await?;
                self.let_go(&runner.name, &reason, replaced, now).await
            }
            Finding::Stop(reason) => {
                let Some(task) = &runner.task else { return Ok(Vec::new()) };
                // A job that was given up here may run on: GitHub does not remove a runner that is busy.
                if self.dismisser().unregister(runner, now).await.is_err() {
                    return Ok(Vec::new());
                }
                self.fleet.stop(task, &reason).await.map_err(|error| FunctionError::again(&error))?;
                Ok(vec![RunnerReaped { runner: runner.name.to_string(), reason }.into()])
            }
            Finding::Unregister => {
                // Busy or not to be asked now: found again in a minute.
                let gone = self.dismisser().unregister(runner, now).await.is_ok();
                let reason = "its task ended and GitHub might still have known it".to_owned();
                Ok(gone
                    .then(|| RunnerReaped { runner: runner.name.to_string(), reason }.into())
                    .into_iter()
                    .collect())
            }
        }
    }

    async fn let_go(
        &self,
        name: &RunnerName,
        reason: &str,
        of_its_job: Option<Fact>,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let mut facts: Vec<Fact> = of_its_job.into_iter().collect();
        if self.dismisser().dismiss(name, reason, now).await? == Dismissal::Released {
            facts.push(RunnerReleased { runner: name.clone(), reason: reason.to_owned() }.into());
        }
        Ok(facts)
    }

    /// How many idle runners each pool has above what is wanted now.
    fn pool_excess(&self, snapshot: &Snapshot, now: Timestamp) -> BTreeMap<PoolName, u64> {
        let mut excess = BTreeMap::new();
        for row in snapshot.runners.values().filter(|row| row.value.is_free()) {
            if let Some(pool) = &row.value.pool {
                *excess.entry(pool.clone()).or_insert(0) += 1;
            }
        }
        for pool in &self.config.pools {
            excess
                .entry(pool.name.clone())
                .and_modify(|idle: &mut u64| *idle = idle.saturating_sub(pool.wanted(now)));
        }
        excess
    }
}

fn take_one(excess: &mut BTreeMap<PoolName, u64>, pool: &PoolName) -> bool {
    match excess.get_mut(pool) {
        Some(left) if *left > 0 => {
            *left -= 1;
            true
        }
        _ => false,
    }
}

/// What it takes to remove it from GitHub: it is deleted, after it was asked for if its id is not known.
fn requests_for(runner: &Runner) -> u32 {
    match (runner.may_be_registered(), runner.github_id) {
        (false, _) => 0,
        (true, Some(_)) => 1,
        (true, None) => 2,
    }
}
