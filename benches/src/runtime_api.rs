//! The runtime API of one function's process (AWS Lambda developer guide, "Using the Lambda runtime API").

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use fleetfoot_model::ports::Clock;
use fleetfoot_shell::clock::SystemClock;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::Failure;

/// How long an invocation may take, in milliseconds: the template's timeout.
const TIMEOUT_MILLIS: i64 = 30_000;
/// How long a process may take for anything before it is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What became of an invocation.
#[derive(Debug)]
pub(crate) struct Answer {
    /// From the moment it was handed out until its response was there.
    pub(crate) latency: Duration,
    /// What was answered.
    pub(crate) body: Value,
}

/// Hands out invocations and takes responses; ends when it is dropped.
pub(crate) struct RuntimeApi {
    /// `127.0.0.1:port`
    pub(crate) address: String,
    invocations: mpsc::UnboundedSender<String>,
    shared: Arc<Shared>,
    first_poll: watch::Receiver<Option<Instant>>,
    _server: JoinSet<()>,
}

struct Shared {
    waiting: tokio::sync::Mutex<mpsc::UnboundedReceiver<String>>,
    handed_out: Mutex<Option<Instant>>,
    answer: Mutex<Option<oneshot::Sender<Result<Answer, String>>>>,
    first_poll: watch::Sender<Option<Instant>>,
}

impl RuntimeApi {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let (invocations, waiting) = mpsc::unbounded_channel();
        let (polled, first_poll) = watch::channel(None);
        let shared = Arc::new(Shared {
            waiting: tokio::sync::Mutex::new(waiting),
            handed_out: Mutex::default(),
            answer: Mutex::default(),
            first_poll: polled,
        });
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(respond))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(fail))
            .route("/2018-06-01/runtime/init/error", post(fail))
            .with_state(Arc::clone(&shared));
        let mut server = JoinSet::new();
        server.spawn(async move {
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { address, invocations, shared, first_poll, _server: server })
    }

    /// When the process asked for its first invocation.
    pub(crate) async fn first_poll(&mut self) -> Result<Instant, Failure> {
        let polled = tokio::time::timeout(PATIENCE, self.first_poll.wait_for(Option::is_some)).await;
        let polled = polled.map_err(|_| "a function did not ask for an invocation")??;
        polled.ok_or_else(|| "it has been asked for".into())
    }

    /// Invokes the function and waits for its answer.
    pub(crate) async fn invoke(&self, payload: &Value) -> Result<Answer, Failure> {
        let (sender, answer) = oneshot::channel();
        *lock(&self.shared.answer) = Some(sender);
        self.invocations.send(payload.to_string())?;
        let answer = tokio::time::timeout(PATIENCE, answer).await;
        let answer = answer.map_err(|_| "a function did not answer")??;
        answer.map_err(|error| format!("a function failed: {error}").into())
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    shared.first_poll.send_if_modified(|first| {
        let is_first = first.is_none();
        first.get_or_insert_with(Instant::now);
        is_first
    });
    let Some(payload) = shared.waiting.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = SystemClock.now().as_millisecond() + TIMEOUT_MILLIS;
    let headers = [
        ("lambda-runtime-aws-request-id", Uuid::new_v4().to_string()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:it".to_owned(),
        ),
        ("content-type", "application/json".to_owned()),
    ];
    *lock(&shared.handed_out) = Some(Instant::now());
    (headers, payload).into_response()
}

async fn respond(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    let latency = lock(&shared.handed_out).map(|at| at.elapsed()).unwrap_or_default();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    answer(&shared, Ok(Answer { latency, body }))
}

async fn fail(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    answer(&shared, Err(String::from_utf8_lossy(&body).into_owned()))
}

fn answer(shared: &Shared, answer: Result<Answer, String>) -> StatusCode {
    // Nobody waits for an error at the start.
    if let Some(waiting) = lock(&shared.answer).take() {
        let _ = waiting.send(answer);
    }
    StatusCode::ACCEPTED
}
