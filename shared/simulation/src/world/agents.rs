//! The agents in the world's tasks: what `runner/agent` does, in virtual time.

use std::collections::BTreeMap;

use fleetfoot_model::http::{Request, Response};
use fleetfoot_model::ids::{RunnerName, TaskId};
use fleetfoot_model::secret::{Secret, Ticket};
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_stand_in::fargate::FargateAction;
use rustc_hash::FxHashMap;
use serde_json::json;

use super::World;
use super::executor::Ended;
use crate::watch::Happening;

/// How long an agent asks for its registration.
const REGISTER_WITHIN: SignedDuration = SignedDuration::from_mins(10);
/// When it asks again if it got no answer.
const UNANSWERED: SignedDuration = SignedDuration::from_secs(10);

/// How long after the task a thief of its ticket asks.
const THEFT: SignedDuration = SignedDuration::from_secs(1);

/// An agent that has not got an answer yet.
#[derive(Debug, Clone)]
pub(super) struct Asking {
    runner: RunnerName,
    ticket: Ticket,
    task: TaskId,
    until: Timestamp,
    /// Whether it is somebody else, with the task's ticket.
    is_thief: bool,
}

/// Every agent whose task runs.
#[derive(Debug, Default)]
pub(super) struct Agents {
    asking: BTreeMap<(Timestamp, TaskId), Asking>,
    tasks: FxHashMap<RunnerName, TaskId>,
}

impl Agents {
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.asking.keys().next().map(|(at, _)| *at)
    }

    fn ask(&mut self, at: Timestamp, asking: Asking) {
        self.asking.insert((at, asking.task.clone()), asking);
    }

    fn is_there(&self, asking: &Asking) -> bool {
        self.tasks.get(&asking.runner) == Some(&asking.task)
    }
}

impl World {
    pub(super) fn obey(&mut self, action: FargateAction, now: Timestamp) {
        match action {
            FargateAction::Event(envelope) => {
                self.bus.publish_default(now, envelope).expect("a bus in memory takes it");
            }
            FargateAction::AgentUp { runner, task, ticket, .. } => {
                self.around.tell(&Happening::AgentUp(&runner));
                self.agents.tasks.insert(runner.clone(), task.clone());
                self.agents
                    .ask(now, Asking { runner, ticket, task, until: now + REGISTER_WITHIN, is_thief: false });
            }
            FargateAction::Terminate { runner, .. } if self.runners.is_running(&runner) => {
                self.runners.terminate(&mut self.github.state(), now, &runner);
            }
            FargateAction::Terminate { runner, task } => {
                self.agents.tasks.remove(&runner);
                self.fargate().exit(now, &task, 1);
            }
            FargateAction::Kill { runner, .. } => {
                self.agents.tasks.remove(&runner);
                self.runners.kill(&mut self.github.state(), now, &runner);
            }
        }
    }

    pub(super) fn agents_ask(&mut self, now: Timestamp) {
        while let Some(first) = self.agents.asking.first_entry().filter(|first| first.key().0 <= now) {
            let asking = first.remove();
            if !self.agents.is_there(&asking) {
                continue;
            }
            if now > asking.until {
                self.agent_exits(&asking, 4, now);
                continue;
            }
            let request = Request {
                method: "POST".to_owned(),
                path: format!("/runners/{}/register", asking.runner),
                body: json!({ "ticket": asking.ticket.expose() }).to_string().into_bytes(),
                ..Request::default()
            };
            let (functions, bus, asks) = (self.functions.clone(), self.bus.clone(), asking.clone());
            self.executor.start(now, Some(Ended::Agent(asking, None)), async move {
                let response = functions.answer(&bus, "register", &request, now, None).await;
                Ended::Agent(asks, Some(response))
            });
        }
    }

    pub(super) fn agent_answered(&mut self, asking: Asking, response: Option<&Response>, now: Timestamp) {
        if !self.agents.is_there(&asking) {
            return;
        }
        if asking.is_thief {
            return self.thief_answered(&asking, response);
        }
        let Some(response) = response else { return self.agents.ask(now + UNANSWERED, asking) };
        let configuration = response.body["jitConfiguration"].as_str().map(Secret::new);
        match (response.status, configuration) {
            (200, Some(configuration)) => {
                self.around.tell(&Happening::ConfigurationGiven(&asking.runner, &configuration));
                self.runners.start(now, &asking.runner, configuration);
                if self.around.happens(|faults| faults.ticket_stolen) {
                    self.agents
                        .ask(now + THEFT, Asking { is_thief: true, until: now + REGISTER_WITHIN, ..asking });
                }
            }
            (500.., _) => {
                let seconds = response.retry_after_seconds.and_then(|seconds| i64::try_from(seconds).ok());
                self.agents.ask(now + SignedDuration::from_secs(seconds.unwrap_or(2)), asking);
            }
            (status, _) => self.agent_exits(&asking, if status == 200 { 0 } else { 3 }, now),
        }
    }

    fn thief_answered(&self, asking: &Asking, response: Option<&Response>) {
        let configuration = response.and_then(|response| response.body["jitConfiguration"].as_str());
        if let Some(configuration) = configuration.map(Secret::new) {
            self.around.tell(&Happening::ConfigurationGiven(&asking.runner, &configuration));
        }
    }

    fn agent_exits(&mut self, asking: &Asking, code: i32, now: Timestamp) {
        self.agents.tasks.remove(&asking.runner);
        self.fargate().exit(now, &asking.task, code);
    }

    pub(super) fn runners_act(&mut self, now: Timestamp) {
        let exits = self.runners.due(&mut self.github.state(), now);
        for exit in exits {
            if let Some(task) = self.agents.tasks.remove(&exit.runner) {
                self.fargate().exit(now, &task, exit.code);
            }
        }
    }
}
