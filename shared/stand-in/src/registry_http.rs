//! The stand-in registries over HTTP, in real time: the distribution API (version 2) with tokens and redirections, as far
//! as whoever pulls a manifest needs it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fleetfoot_model::Timestamp;
use fleetfoot_model::ports::Clock;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;

use crate::in_process::lock;
use crate::registry::{Account, Piece, Refusal, Shown, StandInRegistry, Wanted};

/// What every route holds.
#[derive(Clone)]
struct Face {
    registry: Arc<Mutex<StandInRegistry>>,
    clock: Arc<dyn Clock>,
    /// `host:port`, which is the registry's name in references.
    address: String,
}

impl Face {
    fn registry(&self) -> MutexGuard<'_, StandInRegistry> {
        lock(&self.registry)
    }
}

/// Serves the registry that is named by the listener's address, until the future is dropped.
///
/// # Errors
/// The listener broke.
pub async fn serve(
    listener: TcpListener,
    registry: Arc<Mutex<StandInRegistry>>,
    clock: Arc<dyn Clock>,
) -> io::Result<()> {
    let face = Face { registry, clock, address: listener.local_addr()?.to_string() };
    let routes = Router::new()
        .route("/v2/{*path}", get(ask))
        .route("/token", get(token))
        .route("/store/{*path}", get(stored))
        .with_state(face);
    axum::serve(listener, routes).await
}

/// A manifest, or where a blob is.
async fn ask(State(face): State<Face>, Path(path): Path<String>, headers: HeaderMap) -> Response {
    let answer = look_up(&face, &path, &shown(&headers));
    match answer {
        Ok(response) => response,
        Err(refusal) => refused(&face, refusal).await,
    }
}

fn look_up(face: &Face, path: &str, shown: &Shown) -> Result<Response, Refusal> {
    let mut registry = face.registry();
    registry.request(face.clock.now())?;
    let (path, reference) = path.rsplit_once('/').ok_or(Refusal::NotFound)?;
    let (repository, kind) = path.rsplit_once('/').ok_or(Refusal::NotFound)?;
    let name = format!("{}/{repository}", face.address);
    if let Some(wanted) = registry.wanted(&name, shown)? {
        return Ok(challenge(face, repository, wanted));
    }
    match kind {
        "manifests" => registry.manifest(&name, reference).map(piece),
        // As the large registries do: content is kept by somebody else.
        "blobs" => {
            let store = format!("/store/{repository}/{reference}");
            Ok((StatusCode::TEMPORARY_REDIRECT, [(LOCATION, store)]).into_response())
        }
        _ => Err(Refusal::NotFound),
    }
}

async fn stored(State(face): State<Face>, Path(path): Path<String>) -> Response {
    let found = || {
        let (repository, digest) = path.rsplit_once('/').ok_or(Refusal::NotFound)?;
        let digest = digest.parse().map_err(|_| Refusal::NotFound)?;
        face.registry().piece(&format!("{}/{repository}", face.address), &digest)
    };
    match found() {
        Ok(found) => piece(found),
        Err(refusal) => refused(&face, refusal).await,
    }
}

#[derive(Deserialize)]
struct TokenQuery {
    scope: String,
}

async fn token(State(face): State<Face>, Query(query): Query<TokenQuery>, headers: HeaderMap) -> Response {
    let give = || {
        let mut registry = face.registry();
        registry.request(face.clock.now())?;
        let repository = query.scope.strip_prefix("repository:").and_then(|rest| rest.strip_suffix(":pull"));
        let name = format!("{}/{}", face.address, repository.ok_or(Refusal::Denied)?);
        registry.token(&name, &shown(&headers))
    };
    match give() {
        Ok(token) => Json(json!({ "token": token, "expires_in": 300 })).into_response(),
        Err(refusal) => refused(&face, refusal).await,
    }
}

fn piece(Piece { digest, kind, bytes }: Piece) -> Response {
    let digest = ("docker-content-digest", digest.to_string());
    ([(CONTENT_TYPE.as_str(), kind.to_owned()), digest], bytes).into_response()
}

fn challenge(face: &Face, repository: &str, wanted: Wanted) -> Response {
    let address = &face.address;
    let challenge = match wanted {
        Wanted::Token => format!(
            "Bearer realm=\"http://{address}/token\",service=\"stand-in\",scope=\"repository:{repository}:pull\""
        ),
        Wanted::Password => format!("Basic realm=\"http://{address}/\",service=\"stand-in\""),
    };
    (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, challenge)], errors("UNAUTHORIZED")).into_response()
}

async fn refused(face: &Face, refusal: Refusal) -> Response {
    match refusal {
        Refusal::NotFound => (StatusCode::NOT_FOUND, errors("MANIFEST_UNKNOWN")).into_response(),
        Refusal::Denied => (StatusCode::UNAUTHORIZED, errors("DENIED")).into_response(),
        Refusal::Failed => (StatusCode::SERVICE_UNAVAILABLE, Body::empty()).into_response(),
        Refusal::Stalls => std::future::pending().await,
        Refusal::Throttled(until) => {
            let wait = whole_seconds(face.clock.now(), until).to_string();
            (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, wait)], errors("TOOMANYREQUESTS")).into_response()
        }
    }
}

/// `Retry-After` has no fractions: rounded up, so that whoever keeps to it is not refused again.
fn whole_seconds(now: Timestamp, until: Timestamp) -> i64 {
    let wait = until.duration_since(now);
    wait.as_secs() + i64::from(wait.subsec_nanos() > 0)
}

fn errors(code: &str) -> Json<serde_json::Value> {
    Json(json!({ "errors": [{ "code": code, "message": "no" }] }))
}

fn shown(headers: &HeaderMap) -> Shown {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if let Some(token) = value.strip_prefix("Bearer ") {
        return Shown::Token(token.to_owned());
    }
    let pair = value.strip_prefix("Basic ").and_then(|text| STANDARD.decode(text).ok());
    let pair = pair.and_then(|bytes| String::from_utf8(bytes).ok());
    match pair.as_deref().and_then(|pair| pair.split_once(':')) {
        Some((username, password)) => {
            Shown::Account(Account { username: username.to_owned(), password: password.to_owned() })
        }
        None => Shown::Nothing,
    }
}
