//! The tasks that live: those that run, and those in their last two minutes.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use aws_sdk_ecs::types::{DesiredStatus, Task as EcsTask};
use fleetfoot_model::Timestamp;
use fleetfoot_model::ports::{FleetError, Task};

use super::{EcsFleet, task_id};

/// How many tasks `ListTasks` and `DescribeTasks` tell of at a time, at most.
const PAGE: usize = 100;
/// How many pages of stopped tasks are looked at, at most.
const MOST_STOPPED_PAGES: usize = 5;

impl EcsFleet {
    /// `ListTasks` tells of tasks that are to run. One that was told to stop is not among them while it still has its
    /// stop timeout, which is as long as the time after which a silent runner counts as lost; and among the tasks that
    /// are to be stopped there are all that ended within the last hour, hundreds of pages for a busy fleet. So those
    /// that were live at the last look, and are not to run any more, are looked at until they have stopped. Only the
    /// first look of a process asks for stopped tasks, and for a few pages of them.
    pub(super) async fn live_tasks(&self) -> Result<Vec<Task>, FleetError> {
        let mut arns = self.list_page(&DesiredStatus::Running, usize::MAX).await?;
        match self.seen_before() {
            Some(seen) => arns.extend(seen),
            None => arns.extend(self.list_page(&DesiredStatus::Stopped, MOST_STOPPED_PAGES).await?),
        }
        let mut live = Vec::new();
        let arns: Vec<String> = arns.into_iter().collect();
        for page in arns.chunks(PAGE) {
            live.extend(self.describe(page).await?);
        }
        let seen = live.iter().map(|task| task.id.to_string()).collect();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        Ok(live)
    }

    fn seen_before(&self) -> Option<BTreeSet<String>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn list_page(&self, desired: &DesiredStatus, most: usize) -> Result<BTreeSet<String>, FleetError> {
        let list = self.client.list_tasks().cluster(&self.cluster).desired_status(desired.clone());
        let mut pages = list.into_paginator().page_size(100).send();
        let mut arns = BTreeSet::new();
        for _ in 0..most {
            let Some(page) = pages.next().await else { break };
            arns.extend(page.map_err(|error| self.refused(&error))?.task_arns.unwrap_or_default());
        }
        Ok(arns)
    }

    /// Those of the tasks that live and are runners. One that ECS has forgotten is in `failures`, and gone.
    async fn describe(&self, arns: &[String]) -> Result<Vec<Task>, FleetError> {
        let describe = self.client.describe_tasks().cluster(&self.cluster).set_tasks(Some(arns.to_vec()));
        let answer = describe.send().await.map_err(|error| self.refused(&error))?;
        answer.tasks().iter().filter_map(|task| self.runner_task(task).transpose()).collect()
    }

    fn runner_task(&self, task: &EcsTask) -> Result<Option<Task>, FleetError> {
        let runner = task.started_by().and_then(|name| name.parse().ok());
        let (Some(arn), Some(runner)) = (task.task_arn(), runner) else { return Ok(None) };
        if task.last_status() == Some("STOPPED") {
            return Ok(None);
        }
        let created_at = task.created_at().and_then(|at| Timestamp::from_second(at.secs()).ok());
        Ok(Some(Task {
            id: task_id(arn)?,
            runner,
            // A task without a birthday is taken for a new one, which is left alone.
            created_at: created_at.unwrap_or_else(|| self.clock.now()),
            stopping: is_stopping(task),
        }))
    }
}

fn is_stopping(task: &EcsTask) -> bool {
    let on_its_way_down = ["DEACTIVATING", "STOPPING", "DEPROVISIONING"];
    task.desired_status() == Some("STOPPED")
        || task.last_status().is_some_and(|status| on_its_way_down.contains(&status))
}
