//! A task and the events that tell of it.

use fleetfoot_model::Timestamp;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::foreign::TASK_STATE_CHANGE;
use fleetfoot_model::ids::{RunnerName, TaskId};
use fleetfoot_model::secret::Ticket;
use fleetfoot_model::spec::{Arch, Capacity, Spec};
use serde_json::{Value, json};

use crate::agenda::Entry;

pub(super) const ACCOUNT: &str = "123456789012";
pub(super) const REGION: &str = "eu-central-1";
const CLUSTER: &str = "fleetfoot";

/// Where a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Provisioning,
    Pending,
    Running,
    /// Its container has ended.
    Deprovisioning,
    Stopped,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Deprovisioning => "DEPROVISIONING",
            Self::Stopped => "STOPPED",
        }
    }
}

/// Why a task stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stop {
    pub(super) code: &'static str,
    pub(super) reason: String,
}

impl Stop {
    pub(super) fn new(code: &'static str, reason: &str) -> Self {
        Self { code, reason: reason.to_owned() }
    }
}

/// A task.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) id: TaskId,
    pub(super) runner: RunnerName,
    pub(super) spec: Spec,
    pub(super) capacity: Capacity,
    pub(super) ticket: Ticket,
    pub(super) stage: Stage,
    pub(super) version: u64,
    pub(super) created_at: Timestamp,
    pub(super) pull_started_at: Option<Timestamp>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) stopped_at: Option<Timestamp>,
    /// Set as soon as it is to stop.
    pub(super) stop: Option<Stop>,
    pub(super) exit_code: Option<i32>,
    /// What the container says of an end before its start.
    pub(super) container_reason: Option<&'static str>,
    /// What lies ahead of it.
    pub(super) timers: Vec<Entry>,
}

impl Task {
    pub(super) fn is_live(&self) -> bool {
        self.stage != Stage::Stopped
    }

    /// The event that tells how it is now.
    pub(super) fn event(&self, event_id: String, now: Timestamp) -> Envelope {
        Envelope {
            version: "0".to_owned(),
            id: event_id,
            detail_type: TASK_STATE_CHANGE.to_owned(),
            source: "aws.ecs".to_owned(),
            account: ACCOUNT.to_owned(),
            time: now,
            region: REGION.to_owned(),
            resources: vec![self.id.to_string()],
            replay_name: None,
            detail: self.detail(now),
        }
    }

    fn detail(&self, now: Timestamp) -> Value {
        let arch = match self.spec.arch {
            Arch::X64 => "x86_64",
            Arch::Arm64 => "arm64",
        };
        let mut detail = json!({
            "attributes": [{ "name": "ecs.cpu-architecture", "value": arch }],
            "availabilityZone": format!("{REGION}a"),
            "capacityProviderName": match self.capacity {
                Capacity::OnDemand => "FARGATE",
                Capacity::Spot => "FARGATE_SPOT",
            },
            "clusterArn": format!("arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{CLUSTER}"),
            "containers": [self.container()],
            "cpu": self.spec.cpu.to_string(),
            "createdAt": self.created_at,
            "desiredStatus": if self.stop.is_some() { "STOPPED" } else { "RUNNING" },
            "enableExecuteCommand": false,
            "ephemeralStorage": { "sizeInGiB": self.spec.disk_gib },
            "group": "family:fleetfoot-runner",
            "lastStatus": self.stage.name(),
            "memory": self.spec.memory_mib.to_string(),
            "overrides": { "containerOverrides": [{ "name": "runner" }] },
            "platformVersion": "1.4.0",
            "startedBy": self.runner,
            "taskArn": self.id,
            "taskDefinitionArn": format!("arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/fleetfoot-runner:1"),
            "updatedAt": now,
            "version": self.version,
        });
        // What has not happened is absent, not null.
        for (key, at) in [
            ("pullStartedAt", self.pull_started_at),
            ("startedAt", self.started_at),
            ("stoppedAt", self.stopped_at),
        ] {
            if let Some(at) = at {
                detail[key] = json!(at);
            }
        }
        if let Some(stop) = &self.stop {
            detail["stopCode"] = json!(stop.code);
            detail["stoppedReason"] = json!(stop.reason);
        }
        detail
    }

    fn container(&self) -> Value {
        let status = match self.stage {
            Stage::Provisioning | Stage::Pending => "PENDING",
            Stage::Running => "RUNNING",
            Stage::Deprovisioning | Stage::Stopped => "STOPPED",
        };
        let mut container = json!({
            "name": "runner",
            "lastStatus": status,
            "taskArn": self.id,
            "cpu": "0",
            "networkInterfaces": [],
        });
        if let Some(code) = self.exit_code {
            container["exitCode"] = json!(code);
        }
        if let Some(reason) = self.container_reason {
            container["reason"] = json!(reason);
        }
        container
    }
}

/// The ARN of a task.
pub(super) fn arn(random: [u8; 16]) -> TaskId {
    let id = format!("arn:aws:ecs:{REGION}:{ACCOUNT}:task/{CLUSTER}/{}", hex::encode(random));
    id.parse().expect("an ARN is a legal id")
}
