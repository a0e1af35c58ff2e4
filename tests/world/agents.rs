//! The agents in the world's tasks: what `runner/agent` does, in virtual time.

use std::collections::{BTreeMap, BTreeSet};

use fleetfoot_model::http::Request;
use fleetfoot_model::ids::{RunnerName, TaskId};
use fleetfoot_model::secret::{Secret, Ticket};
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_stand_in::fargate::FargateAction;
use serde_json::json;

use super::World;

/// How long an agent asks for its registration.
const REGISTER_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// An agent that has not got an answer yet.
#[derive(Debug, Clone)]
pub(super) struct Asking {
    ticket: Ticket,
    task: TaskId,
    until: Timestamp,
}

/// Every agent whose task runs.
#[derive(Debug, Default)]
pub(super) struct Agents {
    asking: BTreeMap<(Timestamp, RunnerName), Asking>,
    tasks: BTreeMap<RunnerName, TaskId>,
    /// Every ticket that a task came up with.
    pub(super) tickets: BTreeSet<String>,
    /// Every configuration that `register` gave out.
    pub(super) configurations: Vec<String>,
}

impl Agents {
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.asking.keys().next().map(|(at, _)| *at)
    }

    fn forget(&mut self, runner: &RunnerName) -> Option<TaskId> {
        self.asking.retain(|(_, name), _| name != runner);
        self.tasks.remove(runner)
    }
}

impl World {
    pub(super) fn obey(&mut self, action: FargateAction, now: Timestamp) {
        match action {
            FargateAction::Event(envelope) => {
                self.bus.publish_default(now, envelope).expect("the bus takes it");
            }
            FargateAction::AgentUp { runner, task, ticket, .. } => {
                self.agents.tasks.insert(runner.clone(), task.clone());
                self.agents.tickets.insert(ticket.expose().to_owned());
                self.agents
                    .asking
                    .insert((now, runner), Asking { ticket, task, until: now + REGISTER_WITHIN });
            }
            FargateAction::Terminate { runner, task } if self.runners.is_running(&runner) => {
                let _ = task;
                self.runners.terminate(&mut self.github.state(), now, &runner);
            }
            FargateAction::Terminate { runner, task } => {
                self.agents.forget(&runner);
                self.fargate().exit(now, &task, 1);
            }
            FargateAction::Kill { runner, .. } => {
                self.agents.forget(&runner);
                self.runners.kill(&mut self.github.state(), now, &runner);
            }
        }
    }

    pub(super) fn agents_ask(&mut self, now: Timestamp) {
        while let Some(first) = self.agents.asking.first_entry().filter(|first| first.key().0 <= now) {
            let ((_, runner), asking) = first.remove_entry();
            self.agent_asks(runner, asking, now);
        }
    }

    fn agent_asks(&mut self, runner: RunnerName, asking: Asking, now: Timestamp) {
        if now > asking.until {
            self.agents.forget(&runner);
            self.fargate().exit(now, &asking.task, 4);
            return;
        }
        let request = Request {
            method: "POST".to_owned(),
            path: format!("/runners/{runner}/register"),
            body: json!({ "ticket": asking.ticket.expose() }).to_string().into_bytes(),
            ..Request::default()
        };
        let response = self.http("register", &request, now);
        let configuration = response.body["jitConfiguration"].as_str().map(Secret::new);
        match (response.status, configuration) {
            (200, Some(configuration)) => {
                self.agents.configurations.push(configuration.expose().to_owned());
                self.runners.start(now, &runner, configuration);
            }
            (503, _) => {
                let again = SignedDuration::from_secs(
                    response.retry_after_seconds.and_then(|seconds| i64::try_from(seconds).ok()).unwrap_or(2),
                );
                self.agents.asking.insert((now + again, runner), asking);
            }
            (status, _) => {
                self.agents.forget(&runner);
                self.fargate().exit(now, &asking.task, if status == 200 { 0 } else { 3 });
            }
        }
    }

    pub(super) fn runners_act(&mut self, now: Timestamp) {
        let exits = self.runners.due(&mut self.github.state(), now);
        for exit in exits {
            if let Some(task) = self.agents.forget(&exit.runner) {
                self.fargate().exit(now, &task, exit.code);
            }
        }
    }
}
