//! ECS, CodeBuild and ECR: the stand-in Fargate and image builder behind AWS's own protocol.

mod agents;
mod builds;
mod ecs;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use fleetfoot_stand_in::fargate::{self, FargateAction, StandInFargate};
use fleetfoot_stand_in::images::{self, StandInImages};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::now;
use agents::Agents;

/// How often it is looked whether something has come due.
const TICK: Duration = Duration::from_millis(10);

/// What is answered to an operation that is not stood in for.
const UNKNOWN: &str = "UnknownOperationException";

/// What a call comes to: a body, or an error's name and text with its status.
type Answer = Result<Value, (StatusCode, &'static str, String)>;

/// A cloud of one account.
#[derive(Clone)]
pub(crate) struct Cloud {
    state: Arc<Mutex<Inside>>,
    agents: Agents,
    events: UnboundedSender<Value>,
    /// Where it listens: `http://127.0.0.1:port`.
    pub(crate) address: String,
}

struct Inside {
    fargate: StandInFargate,
    images: StandInImages,
    /// Families of task definitions.
    families: BTreeSet<String>,
    /// Each client token with the request that came with it.
    requests: BTreeMap<String, Value>,
    calls: BTreeMap<String, u64>,
}

impl Cloud {
    /// Starts one. Its agents register there, and live in folders of a folder. Answers the events that it tells too.
    pub(crate) async fn start(folder: PathBuf, register: String) -> (Self, UnboundedReceiver<Value>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
        let fargate = fargate::Settings { times: ecs::quick(), ..fargate::Settings::new(1) };
        let images = images::Settings { times: images::Times::quick(), ..images::Settings::new(1) };
        let inside = Inside {
            fargate: StandInFargate::new(fargate),
            images: StandInImages::new(images),
            families: BTreeSet::new(),
            requests: BTreeMap::new(),
            calls: BTreeMap::new(),
        };
        let (events, told) = unbounded_channel();
        let (state, agents) = (Arc::new(Mutex::new(inside)), Agents::new(folder, register));
        let cloud = Self { state, agents, events, address };
        let routes = Router::new().route("/", post(call)).with_state(cloud.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        tokio::spawn(cloud.clone().live());
        (cloud, told)
    }

    /// How often each operation was called.
    pub(crate) fn calls(&self) -> BTreeMap<String, u64> {
        self.inside().calls.clone()
    }

    /// Changes what goes wrong with tasks from now on.
    pub(crate) fn set_faults(&self, faults: fargate::Faults) {
        self.inside().fargate.set_faults(faults);
    }

    /// The runners whose tasks have not stopped.
    pub(crate) fn live_runners(&self) -> Vec<String> {
        self.inside().fargate.live().iter().map(ToString::to_string).collect()
    }

    /// Every ticket that a task was given.
    pub(crate) fn tickets(&self) -> Vec<String> {
        let inside = self.inside();
        let variables = inside.requests.values().flat_map(agents::environment);
        variables.filter(|(name, _)| *name == "FLEETFOOT_TICKET").map(|(_, value)| value.to_owned()).collect()
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.state.lock().expect("nothing panics while it holds the cloud")
    }

    /// Lets happen what has come due.
    async fn live(self) {
        let mut ticks = tokio::time::interval(TICK);
        loop {
            ticks.tick().await;
            let (actions, told) = {
                let mut inside = self.inside();
                for (task, code) in self.agents.ended() {
                    inside.fargate.exit(now(), &task, code);
                }
                (inside.fargate.due(now()), inside.images.due(now()))
            };
            let mut events: Vec<_> = told.into_iter().collect();
            for action in actions {
                match action {
                    FargateAction::Event(event) => events.push(event),
                    FargateAction::AgentUp { runner, task, .. } => {
                        let request = self.inside().requests.get(runner.as_str()).cloned();
                        self.agents.start(&task, &request.unwrap_or_default());
                    }
                    FargateAction::Terminate { task, .. } => self.agents.signal(&task, "-TERM"),
                    FargateAction::Kill { task, .. } => self.agents.signal(&task, "-KILL"),
                }
            }
            for event in events {
                let event = serde_json::to_value(event).expect("an envelope is a plain structure");
                // Nobody listens any more at the very end.
                let _ = self.events.send(event);
            }
        }
    }
}

async fn call(State(cloud): State<Cloud>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|it| it.to_str().ok()).unwrap_or_default();
    let (service, operation) = target.split_once('.').unwrap_or_default();
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (name, answer) = {
        let mut inside = cloud.inside();
        match service.split('_').next().unwrap_or_default() {
            "AmazonEC2ContainerServiceV20141113" => ("ECS", ecs::answer(&mut inside, operation, &request)),
            "CodeBuild" => ("CodeBuild", builds::answer(&mut inside, operation, &request)),
            "AmazonEC2ContainerRegistry" => ("ECR", builds::answer(&mut inside, operation, &request)),
            _ => ("other", Err(unknown(operation))),
        }
    };
    let is_unknown = matches!(&answer, Err((_, code, _)) if *code == UNKNOWN);
    let name = if is_unknown { "unknown" } else { name };
    *cloud.inside().calls.entry(format!("{name}.{operation}")).or_default() += 1;
    let (status, body) = match answer {
        Ok(body) => (StatusCode::OK, body),
        Err((status, code, message)) if code == ecs::CONFLICT => (
            status,
            json!({ "__type": code, "message": "another request has the token", "resourceIds": [message] }),
        ),
        Err((status, code, message)) => (status, json!({ "__type": code, "message": message })),
    };
    (status, [("content-type", "application/x-amz-json-1.1")], Json(body)).into_response()
}

fn unknown(operation: &str) -> (StatusCode, &'static str, String) {
    (StatusCode::BAD_REQUEST, UNKNOWN, format!("{operation} is not stood in for"))
}
