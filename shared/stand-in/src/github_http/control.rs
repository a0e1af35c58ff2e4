//! What a runner needs of GitHub beside the REST API. The real protocol is another, and not documented.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use fleetfoot_model::ids::{JobId, Repository, RunId};
use fleetfoot_model::secret::Secret;
use serde::{Deserialize, Serialize};

use super::Face;
use super::answer::message;
use crate::github::{ConnectError, Message, SessionId, Work};

/// How long a runner is kept waiting for a message at most.
const POLL: Duration = Duration::from_secs(5);

/// `POST /stand-in/runner/connect`
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Connect {
    pub(crate) jit_config: String,
}

/// The answer to it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Connected {
    pub(crate) session: String,
}

/// `POST /stand-in/runner/next` and `POST /stand-in/runner/disconnect`
#[derive(Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) session: String,
}

/// The answer to `next`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub(crate) enum Next {
    /// Ask again.
    Nothing,
    /// The runner has a job.
    #[serde(rename_all = "camelCase")]
    Job { job: JobId, run: RunId, repository: Repository, name: String, run_for_millis: u64 },
    /// Its job was cancelled.
    Cancelled,
    /// Its registration is gone.
    Gone,
}

/// `POST /stand-in/runner/done`
#[derive(Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) session: String,
    pub(crate) succeeded: bool,
}

pub(super) fn routes() -> Router<Face> {
    Router::new()
        .route("/runner/connect", post(connect))
        .route("/runner/next", post(next))
        .route("/runner/done", post(done))
        .route("/runner/disconnect", post(disconnect))
}

async fn connect(State(face): State<Face>, Json(request): Json<Connect>) -> Response {
    let session = face.github().connect(face.now(), &Secret::new(request.jit_config));
    match session {
        Ok(session) => Json(Connected { session: format!("{:016x}", session.0) }).into_response(),
        Err(error) => {
            let status = match error {
                ConnectError::Malformed => StatusCode::BAD_REQUEST,
                ConnectError::Unknown => StatusCode::NOT_FOUND,
                ConnectError::Used => StatusCode::CONFLICT,
                ConnectError::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            };
            message(status, &error.to_string())
        }
    }
}

/// A session that cannot be read is none of ours.
fn session(text: &str) -> SessionId {
    SessionId(u64::from_str_radix(text, 16).unwrap_or_default())
}

async fn next(State(face): State<Face>, Json(request): Json<Session>) -> Json<Next> {
    let session = session(&request.session);
    let silence = face.github().settings().times.silence;
    // A runner that waits must not be taken for one that is silent.
    let poll = Duration::try_from(silence).unwrap_or_default().div_f64(3.0).min(POLL);
    let found = tokio::time::timeout(poll, async {
        loop {
            let bell = face.bell.notified();
            if let Some(message) = face.github().message(face.now(), session) {
                return message;
            }
            bell.await;
        }
    });
    Json(found.await.map_or(Next::Nothing, Next::from))
}

impl From<Message> for Next {
    fn from(message: Message) -> Self {
        match message {
            Message::Cancelled => Self::Cancelled,
            Message::Gone => Self::Gone,
            Message::Job(Work { job, run, repository, name, run_for }) => {
                let run_for_millis = u64::try_from(run_for.as_millis()).unwrap_or_default();
                Self::Job { job, run, repository, name, run_for_millis }
            }
        }
    }
}

async fn done(State(face): State<Face>, Json(request): Json<Done>) -> Response {
    let answer = face.github().done(face.now(), session(&request.session), request.succeeded);
    match answer {
        Ok(()) => StatusCode::OK.into_response(),
        Err(gone) => message(StatusCode::GONE, &gone.to_string()),
    }
}

async fn disconnect(State(face): State<Face>, Json(request): Json<Session>) -> Response {
    let answer = face.github().disconnect(face.now(), session(&request.session));
    face.bell.notify_waiters();
    match answer {
        Ok(()) => StatusCode::OK.into_response(),
        Err(busy) => message(StatusCode::CONFLICT, &busy.to_string()),
    }
}
