//! The fleet's tasks against the ledger's runners, both ways.

use std::collections::BTreeMap;
use std::sync::Arc;

use fleetfoot_model::Timestamp;
use fleetfoot_model::events::{Fact, RunnerReaped, RunnerStopped};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::RunnerName;
use fleetfoot_model::ledger::{self, Change, Stored};
use fleetfoot_model::ports::{GitHubError, Task};
use fleetfoot_model::price::usd;
use fleetfoot_model::record::CleanupMemory;
use fleetfoot_model::rerun;
use fleetfoot_model::runner::{Runner, RunnerState, StopReason};

use crate::budget::{Budget, Part, in_turn};
use crate::snapshot::Snapshot;
use crate::{Cleanup, MOST_REPAIRS};

impl Cleanup {
    pub(crate) async fn tasks(
        &self,
        snapshot: &mut Snapshot,
        memory: &mut CleanupMemory,
        budget: &mut Budget,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let listed = self.fleet.list().await.map_err(|error| FunctionError::again(&error))?;
        let tasks: BTreeMap<RunnerName, Task> =
            listed.into_iter().map(|task| (task.runner.clone(), task)).collect();
        let mut facts = self.runners_without_task(snapshot, &tasks, now).await?;
        let live = |task: &Task| snapshot.runners.get(&task.runner).filter(|row| row.value.is_live());
        let unwritten =
            |(task, row): &(&Task, &Stored<Arc<Runner>>)| row.value.task.is_none() && !task.stopping;
        let found = tasks.values().filter_map(|task| live(task).map(|row| (task, row)));
        let mut was_mended = !facts.is_empty();
        for (task, row) in found.filter(unwritten).take(MOST_REPAIRS) {
            self.adopt(&row.value, task, now).await?;
            was_mended = true;
        }
        let is_due = |task: &Task| !task.stopping && now >= task.created_at + self.config.timeouts.lost;
        let orphans = tasks.iter().filter(|(_, task)| is_due(task) && live(task).is_none());
        for task in in_turn(orphans, memory.orphans_mended_up_to.as_ref()) {
            if !budget.ask(Part::Tasks, self.requests_for_orphan()) || !budget.stop() {
                break;
            }
            memory.orphans_mended_up_to = Some(task.runner.clone());
            facts.extend(self.stop_orphan(task, budget, now).await);
            was_mended = true;
        }
        // What was mended above must not be judged by its old row below.
        if was_mended {
            *snapshot = Snapshot::load(&*self.ledger).await?;
        }
        Ok(facts)
    }

    /// Runners whose task is gone without a word, and reservations that never got one.
    async fn runners_without_task(
        &self,
        snapshot: &Snapshot,
        tasks: &BTreeMap<RunnerName, Task>,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let is_lost = |runner: &Runner| {
            let silent_for = now.duration_since(runner.changed_at.max(runner.reserved_at));
            let overdue = runner.task.is_some() || now > runner.register_by;
            runner.is_live()
                && overdue
                && silent_for > self.config.timeouts.lost
                && !tasks.contains_key(&runner.name)
        };
        let mut facts = Vec::new();
        let lost = snapshot.runners.values().filter(|row| is_lost(&row.value)).take(MOST_REPAIRS);
        for name in lost.map(|row| &row.value.name) {
            let stopped = ledger::update_runner(&*self.ledger, name, |runner| {
                is_lost(runner).then(|| {
                    // The best guess until the fleet tells more: up to the first look that did not find it.
                    runner.price(&self.config.prices, runner.started_at, now);
                    let released = runner.stop(StopReason::Lost, now);
                    released.into_iter().map(Change::Release).collect()
                })
            })
            .await?;
            let Some(stopped) = stopped else { continue };
            rerun::see_to_loss(&*self.ledger, &stopped, &self.config, now).await?;
            let cost_usd = usd(stopped.cost_micro_usd.unwrap_or(0));
            if let Runner { job, state: RunnerState::Stopped(reason), .. } = stopped {
                facts.push(RunnerStopped { runner: name.clone(), job, reason, cost_usd }.into());
            }
        }
        Ok(facts)
    }

    /// A task whose id was not written down.
    async fn adopt(&self, runner: &Runner, task: &Task, now: Timestamp) -> Result<(), FunctionError> {
        ledger::update_runner(&*self.ledger, &runner.name, |runner| {
            runner.task.is_none().then(|| {
                runner.task = Some(task.id.clone());
                if runner.state == RunnerState::Reserved {
                    runner.move_to(RunnerState::Launched, now, format!("found as task {}", task.id));
                }
                Vec::new()
            })
        })
        .await?;
        Ok(())
    }

    /// Where the runner is registered is not known if its row is lost: each place is asked, and then it is deleted.
    fn requests_for_orphan(&self) -> u32 {
        u32::try_from(self.config.github.target.scopes().len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// A task whose runner the ledger does not know, or has ended. Deleted at GitHub first: it may have a job.
    ///
    /// What fails is found again: it must not hold up the others.
    async fn stop_orphan(&self, task: &Task, budget: &mut Budget, now: Timestamp) -> Option<Fact> {
        let row = match ledger::runner(&*self.ledger, &task.runner).await {
            Ok(row) => row,
            Err(error) => return not_now(&task.runner, &error),
        };
        // A snapshot holds the oldest rows only: in a fleet that is larger, this one may live.
        if row.as_ref().is_some_and(|row| row.value.is_live()) {
            return None;
        }
        match self.forget_at_github(&task.runner, row, now).await {
            Ok(()) => {}
            Err(GitHubError::Busy) => return None,
            Err(error) => {
                budget.heed(&error);
                return not_now(&task.runner, &error);
            }
        }
        let reason = "its task ran on and the ledger knows of no such runner that is live";
        if let Err(error) = self.fleet.stop(&task.id, reason).await {
            return not_now(&task.runner, &error);
        }
        Some(RunnerReaped { runner: task.runner.to_string(), reason: reason.to_owned() }.into())
    }

    async fn forget_at_github(
        &self,
        name: &RunnerName,
        row: Option<Stored<Runner>>,
        now: Timestamp,
    ) -> Result<(), GitHubError> {
        if let Some(row) = row {
            return self.dismisser().unregister(&row.value, now).await;
        }
        for scope in self.config.github.target.scopes() {
            if let Some(listed) = self.github.find_runner(&scope, name.as_str()).await? {
                self.github.delete_runner(&scope, listed.id).await?;
            }
        }
        Ok(())
    }
}

fn not_now(runner: &RunnerName, error: &dyn std::error::Error) -> Option<Fact> {
    tracing::warn!(runner.name = %runner, %error, "a task without a runner is left for the next run");
    None
}
