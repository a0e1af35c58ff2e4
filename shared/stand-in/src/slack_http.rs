//! The stand-in Slack over HTTP, in real time: the Web API's methods that change messages, and an incoming webhook.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use fleetfoot_model::notice::Place;
use fleetfoot_model::ports::Clock;
use fleetfoot_model::secret::Secret;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::in_process::lock;
use crate::slack::{Refusal, StandInSlack};

/// What opens it.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The bot's token.
    pub token: Secret,
    /// The last part of the webhook's path: its address is `/services/` and this.
    pub webhook: Secret,
}

/// What every route holds.
#[derive(Clone)]
struct Face {
    slack: Arc<Mutex<StandInSlack>>,
    keys: Keys,
    clock: Arc<dyn Clock>,
}

impl Face {
    fn slack(&self) -> MutexGuard<'_, StandInSlack> {
        lock(&self.slack)
    }
}

/// Serves it until the future is dropped: the Web API below `/api`, the webhook below `/services`.
///
/// # Errors
/// The listener broke.
pub async fn serve(
    listener: TcpListener,
    slack: Arc<Mutex<StandInSlack>>,
    keys: Keys,
    clock: Arc<dyn Clock>,
) -> io::Result<()> {
    let routes = Router::new()
        .route("/api/{method}", post(call))
        .route("/services/{*key}", post(hook))
        .with_state(Face { slack, keys, clock });
    axum::serve(listener, routes).await
}

async fn call(
    State(face): State<Face>,
    Path(method): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let answer = answer(&face, &method, &headers, &body);
    match answer {
        Ok(answer) => Json(answer).into_response(),
        // The Web API says what it refuses with 200.
        Err(Refusal::Word(word)) => Json(json!({ "ok": false, "error": word })).into_response(),
        Err(refusal) => refused(&face, refusal),
    }
}

fn answer(face: &Face, method: &str, headers: &HeaderMap, body: &Value) -> Result<Value, Refusal> {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = shown.and_then(|shown| shown.strip_prefix("Bearer ")).ok_or(Refusal::Word("not_authed"))?;
    if token != face.keys.token.expose() {
        return Err(Refusal::Word("invalid_auth"));
    }
    let (now, text) = (face.clock.now(), |name: &str| body[name].as_str().unwrap_or_default().to_owned());
    let place = match method {
        "chat.postMessage" => face.slack().post(now, &text("channel"), body)?,
        "chat.update" => {
            let place = Place { channel: text("channel"), ts: text("ts") };
            face.slack().change(now, &place, body)?;
            place
        }
        _ => return Err(Refusal::Word("unknown_method")),
    };
    Ok(json!({ "ok": true, "channel": place.channel, "ts": place.ts, "message": { "text": body["text"] } }))
}

async fn hook(State(face): State<Face>, Path(key): Path<String>, Json(body): Json<Value>) -> Response {
    if key != face.keys.webhook.expose() {
        return (StatusCode::NOT_FOUND, "no_team").into_response();
    }
    let taken = face.slack().post_by_webhook(face.clock.now(), &body);
    match taken {
        Ok(()) => "ok".into_response(),
        Err(Refusal::Word(word)) => {
            let status = match word {
                "channel_is_archived" => StatusCode::GONE,
                "no_service" => StatusCode::NOT_FOUND,
                _ => StatusCode::BAD_REQUEST,
            };
            (status, word).into_response()
        }
        Err(refusal) => refused(&face, refusal),
    }
}

fn refused(face: &Face, refusal: Refusal) -> Response {
    match refusal {
        Refusal::Throttled(until) => {
            let millis = until.duration_since(face.clock.now()).as_millis().max(0);
            let seconds = (millis / 1000 + 1).to_string();
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds)], "rate_limited").into_response()
        }
        // A proxy's page, as far as anybody can tell.
        _ => (StatusCode::SERVICE_UNAVAILABLE, "<html>Slack is unwell</html>").into_response(),
    }
}
