//! An AWS of one process, with just as much state as the functions need. Every call is written down.

mod condition;
mod table;
mod tasks;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use fleetfoot_model::ports::Clock;
use fleetfoot_shell::clock::SystemClock;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::Failure;
use crate::runtime_api::lock;
pub(crate) use table::{Table, Units};
pub(crate) use tasks::{Launched, Tasks};

/// What a request comes to: an answer, or an error's name and its members.
pub(crate) type Answer = Result<Value, Refusal>;

/// An error of AWS.
pub(crate) struct Refusal {
    pub(crate) name: &'static str,
    pub(crate) members: Value,
}

impl Refusal {
    pub(crate) fn new(name: &'static str, message: &str) -> Self {
        Self { name, members: json!({ "message": message, "Message": message }) }
    }
}

/// Everything in it.
#[derive(Default)]
pub(crate) struct Account {
    /// Operations in the order they were asked for, such as `DynamoDB.GetItem`.
    pub(crate) calls: Vec<String>,
    /// Parameters and secrets by name.
    pub(crate) parameters: BTreeMap<String, String>,
    /// Facts that were published and that nobody was woken by yet.
    pub(crate) facts: VecDeque<Value>,
    /// How many events were put on the bus, and the size of all of them in bytes.
    pub(crate) published: Published,
    pub(crate) table: Table,
    pub(crate) tasks: Tasks,
}

/// What was put on the bus.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Published {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
}

/// The server; it ends when this is dropped.
pub(crate) struct Aws {
    /// `http://127.0.0.1:port`
    pub(crate) address: String,
    account: Arc<Mutex<Account>>,
    _server: JoinSet<()>,
}

impl Aws {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let account = Arc::new(Mutex::new(Account::default()));
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&account));
        let mut server = JoinSet::new();
        server.spawn(async move {
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { address, account, _server: server })
    }

    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        lock(&self.account)
    }
}

async fn answer(State(account): State<Arc<Mutex<Account>>>, headers: HeaderMap, body: Bytes) -> Response {
    let operation = operation(&headers, &body);
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut account = lock(&account);
    account.calls.push(operation.clone());
    let (status, body) = match account.act(&operation, &request) {
        Ok(answer) => (StatusCode::OK, answer),
        Err(Refusal { name, mut members }) => {
            members["__type"] = name.into();
            (StatusCode::BAD_REQUEST, members)
        }
    };
    (status, [("content-type", "application/x-amz-json-1.0")], body.to_string()).into_response()
}

/// The JSON protocols name the operation in a header (`DynamoDB_20120810.GetItem`), the query protocol in its form.
fn operation(headers: &HeaderMap, body: &[u8]) -> String {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    if let Some((service, action)) = target.and_then(|target| target.rsplit_once('.')) {
        let service = service.split('_').next().unwrap_or_default();
        let service = match service {
            "AmazonEC2ContainerServiceV20141113" => "ECS",
            "AWSEvents" => "EventBridge",
            "AmazonSSM" => "SSM",
            other => other,
        };
        return format!("{service}.{action}");
    }
    let form = String::from_utf8_lossy(body);
    let action = form.split('&').find_map(|pair| pair.strip_prefix("Action="));
    format!("query.{}", action.unwrap_or("unknown"))
}

impl Account {
    fn act(&mut self, operation: &str, request: &Value) -> Answer {
        match operation.split_once('.').unwrap_or_default() {
            ("DynamoDB", operation) => self.table.act(operation, request),
            ("ECS", operation) => self.tasks.act(operation, request),
            ("EventBridge", "PutEvents") => Ok(self.publish(request)),
            ("SSM", "GetParameter") => self.parameter(request),
            _ => Err(Refusal::new("UnknownOperationException", operation)),
        }
    }

    fn parameter(&self, request: &Value) -> Answer {
        let name = text(&request["Name"]);
        let value = self.parameters.get(name).ok_or_else(|| Refusal::new("ParameterNotFound", name))?;
        Ok(json!({ "Parameter": { "Name": name, "Type": "SecureString", "Value": value, "Version": 1 } }))
    }

    /// As the bus hands them on, with an id of its own for each.
    fn publish(&mut self, request: &Value) -> Value {
        let mut results = Vec::new();
        for entry in request["Entries"].as_array().into_iter().flatten() {
            let id = Uuid::new_v4().to_string();
            let detail: Value = serde_json::from_str(text(&entry["Detail"])).unwrap_or_default();
            self.published.events += 1;
            self.published.bytes += entry.to_string().len() as u64;
            self.facts.push_back(json!({
                "version": "0",
                "id": id,
                "detail-type": entry["DetailType"],
                "source": entry["Source"],
                "account": "123456789012",
                "time": SystemClock.now(),
                "region": "us-east-1",
                "resources": [],
                "detail": detail,
            }));
            results.push(json!({ "EventId": id }));
        }
        json!({ "FailedEntryCount": 0, "Entries": results })
    }
}

/// A text of a request; empty if it is none.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
