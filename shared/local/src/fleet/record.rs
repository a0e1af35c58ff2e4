//! A task as it is told: accepted, running, stopped. One step at a time, each with a version of its own.

use fleetfoot_agent::Report;
use fleetfoot_model::Timestamp;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::foreign::TASK_STATE_CHANGE;
use fleetfoot_model::ids::{RunnerName, TaskId};
use fleetfoot_model::ports::LaunchRequest;
use fleetfoot_model::spec::Capacity;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

/// What a local task's id begins with; the rest is its runner's name.
pub(super) const TASK_PREFIX: &str = "local:task/";

/// The exit code of a process that SIGKILL ended, as containers tell it.
const KILLED: i32 = 137;

/// A runner has one task at most, so its name is the task's.
pub(super) fn task_id(runner: &RunnerName) -> TaskId {
    // A runner's name is 64 characters at most, of which every one is allowed in a task's id.
    format!("{TASK_PREFIX}{runner}").parse().expect("a runner's name makes a task id")
}

/// ECS's `lastStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Status {
    Pending,
    Running,
    Stopped,
}

/// `task.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub(super) runner: RunnerName,
    pub(super) capacity: Capacity,
    cpu: u32,
    memory_mib: u32,
    pub(super) created_at: Timestamp,
    /// Grows with every step.
    pub(super) version: u64,
    pub(super) status: Status,
    /// Whether the bus has taken this step.
    told: bool,
    started_at: Option<Timestamp>,
    end: Option<End>,
}

/// How a task ended, in ECS's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct End {
    at: Timestamp,
    stop_code: String,
    reason: String,
    exit_code: Option<i32>,
    container_reason: Option<String>,
}

/// `stop.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StopRequest {
    pub(super) at: Timestamp,
    pub(super) reason: String,
}

/// What became of a task's agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Life {
    /// It may come up yet.
    Starting,
    /// It holds its lock.
    Alive(Report),
    /// It told how it ended.
    Ended(Report),
    /// It is gone without a word, and so is all that it had started.
    Killed(Report),
    /// It never came up, and never will.
    NeverStarted(String),
}

impl Life {
    /// When the agent was up, if it was.
    fn up(&self) -> Option<Timestamp> {
        match self {
            Self::Starting | Self::NeverStarted(_) => None,
            Self::Alive(report) | Self::Ended(report) | Self::Killed(report) => report.phases.up,
        }
    }

    fn end(&self, stop: Option<&StopRequest>, now: Timestamp) -> Option<End> {
        let (exit_code, words, own_code, own_reason) = match self {
            Self::Starting | Self::Alive(_) => return None,
            Self::Ended(report) => {
                (report.exit_code, report.reason.clone(), EXITED, EXITED_REASON.to_owned())
            }
            Self::Killed(_) => {
                (Some(KILLED), Some("the agent was killed".to_owned()), EXITED, EXITED_REASON.to_owned())
            }
            Self::NeverStarted(reason) => (None, None, "TaskFailedToStart", reason.clone()),
        };
        let at = match self {
            Self::Ended(report) => report.phases.exit.unwrap_or(now),
            _ => now,
        };
        let (stop_code, reason) = match stop {
            Some(stop) => ("UserInitiated", stop.reason.clone()),
            None => (own_code, own_reason),
        };
        Some(End { at, stop_code: stop_code.to_owned(), reason, exit_code, container_reason: words })
    }
}

const EXITED: &str = "EssentialContainerExited";
const EXITED_REASON: &str = "Essential container in task exited";

impl Record {
    /// A task that was accepted.
    pub(super) fn accepted(request: &LaunchRequest, now: Timestamp) -> Self {
        Self {
            runner: request.runner.clone(),
            capacity: request.capacity,
            cpu: request.spec.cpu,
            memory_mib: request.spec.memory_mib,
            created_at: now,
            version: 1,
            status: Status::Pending,
            told: false,
            started_at: None,
            end: None,
        }
    }

    /// A task of which only the folder is known, since the machine crashed before its file was on the disk.
    pub(super) fn found(runner: &RunnerName, created_at: Timestamp) -> Self {
        Self {
            runner: runner.clone(),
            capacity: Capacity::OnDemand,
            cpu: 0,
            memory_mib: 0,
            created_at,
            version: 1,
            status: Status::Pending,
            told: true,
            started_at: None,
            end: None,
        }
    }

    /// What is to be told next, if anything: the same step again until it is told, then the next one.
    pub(super) fn next(&self, life: &Life, stop: Option<&StopRequest>, now: Timestamp) -> Option<Self> {
        if !self.told {
            return Some(self.clone());
        }
        let (version, told) = (self.version + 1, false);
        match (self.status, life.up(), life.end(stop, now)) {
            (Status::Pending, Some(up), _) => {
                Some(Self { version, told, status: Status::Running, started_at: Some(up), ..self.clone() })
            }
            (Status::Pending | Status::Running, _, Some(end)) => {
                Some(Self { version, told, status: Status::Stopped, end: Some(end), ..self.clone() })
            }
            _ => None,
        }
    }

    /// The step was taken by the bus.
    pub(super) fn told(self) -> Self {
        Self { told: true, ..self }
    }

    /// The step as AWS tells it (Amazon ECS developer guide, "Amazon ECS task state change events"). The same step is
    /// the same event.
    pub(super) fn envelope(&self, now: Timestamp) -> Envelope {
        let task = task_id(&self.runner);
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{task}/{}", self.version).as_bytes());
        Envelope {
            version: "0".to_owned(),
            id: id.to_string(),
            detail_type: TASK_STATE_CHANGE.to_owned(),
            source: "aws.ecs".to_owned(),
            account: "000000000000".to_owned(),
            time: self.end.as_ref().map(|end| end.at).or(self.started_at).unwrap_or(now),
            region: "local".to_owned(),
            resources: vec![task.to_string()],
            replay_name: None,
            detail: self.detail(&task),
        }
    }

    fn detail(&self, task: &TaskId) -> Value {
        let end = self.end.as_ref();
        let desired = if end.is_some() { Status::Stopped } else { Status::Running };
        let provider = match self.capacity {
            Capacity::OnDemand => "FARGATE",
            Capacity::Spot => "FARGATE_SPOT",
        };
        let container = without_nulls(json!({
            "containerArn": format!("local:container/{}/runner", self.runner),
            "name": "runner",
            "lastStatus": self.status,
            "taskArn": task,
            "exitCode": end.and_then(|end| end.exit_code),
            "reason": end.and_then(|end| end.container_reason.as_deref()),
        }));
        without_nulls(json!({
            "clusterArn": "local:cluster/fleetfoot",
            "taskArn": task,
            "startedBy": self.runner,
            "group": "family:fleetfoot-runner",
            "launchType": "FARGATE",
            "capacityProviderName": provider,
            "cpu": self.cpu.to_string(),
            "memory": self.memory_mib.to_string(),
            "version": self.version,
            "lastStatus": self.status,
            "desiredStatus": desired,
            "createdAt": self.created_at,
            "startedAt": self.started_at,
            "stoppedAt": end.map(|end| end.at),
            "stopCode": end.map(|end| end.stop_code.as_str()),
            "stoppedReason": end.map(|end| end.reason.as_str()),
            "containers": [container],
        }))
    }
}

/// AWS leaves out what it does not know.
fn without_nulls(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, field| !field.is_null());
    }
    value
}
