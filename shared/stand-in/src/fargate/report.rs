//! What a test or a demonstration asks afterwards.

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::{RunnerName, TaskId};

use super::StandInFargate;
use super::task::Stage;
use crate::github::StandInGitHub;

/// What was asked of it and how it went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FargateCounts {
    /// `RunTask` calls, refused ones included.
    pub launch_calls: u64,
    /// `StopTask` calls, refused ones included.
    pub stop_calls: u64,
    /// `ListTasks` and `DescribeTasks` calls, a hundred tasks a call, refused ones included.
    pub list_calls: u64,
    /// Calls that a rate limit refused.
    pub throttled: u64,
    /// Launches that were refused for want of capacity.
    pub without_capacity: u64,
    /// Events that were not sent.
    pub events_lost: u64,
    /// Tasks that never started, that Spot took back, or that were gone without a word.
    pub broken: u64,
}

impl FargateCounts {
    /// Launches and tasks that failed, whoever asked for them.
    pub fn failed(&self) -> u64 {
        self.without_capacity + self.throttled + self.broken
    }
}

/// A `StopTask` call for a task that had not stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopCall {
    /// When.
    pub at: Timestamp,
    /// The task.
    pub task: TaskId,
    /// The runner it was launched as.
    pub runner: RunnerName,
    /// What was given as the reason.
    pub reason: String,
}

impl StandInFargate {
    /// What was asked of it and how it went.
    pub fn counts(&self) -> FargateCounts {
        self.counts
    }

    /// The runners whose tasks have not stopped, oldest first.
    pub fn live(&self) -> Vec<RunnerName> {
        let mut live: Vec<_> = self.live.iter().filter_map(|id| self.tasks.get(id)).collect();
        live.sort_by_key(|task| (task.created_at, &task.id));
        live.into_iter().map(|task| task.runner.clone()).collect()
    }

    /// The task of a runner, if it was ever launched: the latest, if its token was good no more.
    pub fn task_of(&self, runner: &RunnerName) -> Option<&TaskId> {
        self.tokens.get(runner)
    }

    /// The runner that a task was launched as.
    pub fn runner_of(&self, task: &TaskId) -> Option<&RunnerName> {
        self.tasks.get(task).map(|task| &task.runner)
    }

    /// Whether a task's agent runs.
    pub fn is_running(&self, task: &TaskId) -> bool {
        self.tasks.get(task).is_some_and(|task| task.stage == Stage::Running)
    }

    /// How many tasks were started under each runner's name. More than one is a fault of whoever asked for them.
    pub fn launches(&self) -> impl Iterator<Item = (&RunnerName, u32)> {
        self.launches.iter().map(|(runner, count)| (runner, *count))
    }

    /// Every `StopTask` call for a task that had not stopped.
    pub fn stops(&self) -> &[StopCall] {
        &self.stops
    }

    /// Those of them that hit a runner while it had a job.
    pub fn stops_of_busy_runners<'a>(&'a self, github: &StandInGitHub) -> Vec<&'a StopCall> {
        self.stops.iter().filter(|stop| github.job_on(stop.runner.as_str(), stop.at).is_some()).collect()
    }
}
