//! Tasks: accepted at once, and ended when the bench says so.

use std::collections::{BTreeMap, VecDeque};

use fleetfoot_model::ports::Clock;
use fleetfoot_shell::clock::SystemClock;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Refusal, text};

/// A task that was accepted, and what it was given.
#[derive(Debug, Clone)]
pub(crate) struct Launched {
    pub(crate) arn: String,
    pub(crate) runner: String,
    pub(crate) ticket: String,
}

/// The cluster.
#[derive(Default)]
pub(crate) struct Tasks {
    /// Accepted, and not looked at yet.
    pub(crate) launched: VecDeque<Launched>,
    /// Live tasks, with what they were started by and when.
    live: BTreeMap<String, (String, i64)>,
    families: BTreeMap<String, String>,
}

impl Tasks {
    /// A task has ended.
    pub(crate) fn end(&mut self, arn: &str) {
        self.live.remove(arn);
    }

    pub(super) fn act(&mut self, operation: &str, request: &Value) -> Answer {
        match operation {
            "RunTask" => Ok(self.run(request)),
            "StopTask" => {
                self.end(text(&request["task"]));
                Ok(json!({ "task": { "taskArn": request["task"] } }))
            }
            "ListTasks" => {
                let is_running = request["desiredStatus"] != "STOPPED";
                let arns: Vec<_> = self.live.keys().filter(|_| is_running).collect();
                Ok(json!({ "taskArns": arns }))
            }
            "DescribeTasks" => Ok(self.describe(request)),
            "DescribeTaskDefinition" => self.definition(text(&request["taskDefinition"])),
            "RegisterTaskDefinition" => {
                let family = text(&request["family"]).to_owned();
                let arn = format!("arn:aws:ecs:us-east-1:123456789012:task-definition/{family}:1");
                self.families.insert(family.clone(), arn);
                self.definition(&family)
            }
            _ => Err(Refusal::new("UnknownOperationException", operation)),
        }
    }

    fn run(&mut self, request: &Value) -> Value {
        let id = Uuid::new_v4().simple();
        let arn = format!("arn:aws:ecs:us-east-1:123456789012:task/fleetfoot/{id}");
        let runner = text(&request["startedBy"]).to_owned();
        let environment = request["overrides"]["containerOverrides"][0]["environment"].as_array();
        let ticket = environment.into_iter().flatten().find(|pair| pair["name"] == "FLEETFOOT_TICKET");
        let ticket = ticket.map(|pair| text(&pair["value"]).to_owned()).unwrap_or_default();
        self.live.insert(arn.clone(), (runner.clone(), SystemClock.now().as_second()));
        self.launched.push_back(Launched { arn: arn.clone(), runner, ticket });
        json!({ "tasks": [{ "taskArn": arn, "lastStatus": "PROVISIONING" }], "failures": [] })
    }

    fn describe(&self, request: &Value) -> Value {
        let (mut tasks, mut failures) = (Vec::new(), Vec::new());
        for arn in request["tasks"].as_array().into_iter().flatten().map(text) {
            match self.live.get(arn) {
                Some((runner, created_at)) => tasks.push(json!({
                    "taskArn": arn,
                    "startedBy": runner,
                    "lastStatus": "RUNNING",
                    "desiredStatus": "RUNNING",
                    "createdAt": created_at,
                })),
                None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
            }
        }
        json!({ "tasks": tasks, "failures": failures })
    }

    fn definition(&self, family: &str) -> Answer {
        let arn = self.families.get(family);
        let arn =
            arn.ok_or_else(|| Refusal::new("ClientException", "Unable to describe task definition."))?;
        Ok(json!({ "taskDefinition": { "taskDefinitionArn": arn, "family": family, "status": "ACTIVE" } }))
    }
}
