//! The HTTP API: routes of the template to functions, with bounds on what a client can make this process hold.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, EXPECT, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use fleetfoot_model::http as model;
use fleetfoot_model::ports::Clock;
use http_body_util::BodyExt;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::bus::Bus;
use crate::functions::Functions;
use crate::template::Route;

/// Beyond the cap this much of a body is read and thrown away, so that the client gets to read its 413.
const DISCARDED_BYTES: usize = 64 * 1024 * 1024;
/// The pause after the system had no connection to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What clients may use of this process.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest body, in bytes.
    pub body_bytes: usize,
    /// All bodies that are held at the same time, in bytes.
    pub bodies_bytes: usize,
    /// How long a client may take for its header, and then for its body.
    pub read_time: Duration,
    /// The most connections; further ones wait to be accepted.
    pub connections: usize,
    /// How long requests under way may take to end once it is time to stop.
    pub grace: Duration,
}

impl Limits {
    /// Bodies up to this size; for all together room for four of them and at least 64 MiB; ten seconds, as long as
    /// GitHub itself waits for an answer; 256 connections; five seconds of grace.
    pub fn for_bodies_of(body_bytes: usize) -> Self {
        Self {
            body_bytes,
            bodies_bytes: (body_bytes.saturating_mul(4)).max(64 * 1024 * 1024),
            read_time: Duration::from_secs(10),
            connections: 256,
            grace: Duration::from_secs(5),
        }
    }
}

/// What the routes need.
#[derive(Clone)]
struct Api {
    bus: Arc<Bus>,
    functions: Arc<Functions>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    budget: Arc<Semaphore>,
}

/// The template's routes. Other routes may be merged into it.
pub fn router(bus: Arc<Bus>, functions: Arc<Functions>, clock: Arc<dyn Clock>, limits: Limits) -> Router {
    let budget = Arc::new(Semaphore::new(limits.bodies_bytes.min(Semaphore::MAX_PERMITS)));
    Router::new().fallback(handle).with_state(Api { bus, functions, clock, limits, budget })
}

/// Serves until `shutdown` ends, then lets requests under way end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let next = async { (slots.clone().acquire_owned().await, listener.accept().await) };
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            (slot, accepted) = next => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, router.clone(), limits, stopped.clone(), slot.ok()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    pause(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    // New clients are refused rather than left waiting.
    drop(listener);
    drop(stop);
    let ended = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(limits.grace, ended).await;
}

#[expect(clippy::disallowed_methods, reason = "this is the shell that waits")]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

async fn connection(
    stream: TcpStream,
    router: Router,
    limits: Limits,
    mut stopped: watch::Receiver<()>,
    _slot: Option<OwnedSemaphorePermit>,
) {
    let mut builder = http1::Builder::new();
    // Also ends connections that are kept open and say nothing.
    builder.timer(TokioTimer::new()).header_read_timeout(limits.read_time);
    let served = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut served = std::pin::pin!(served);
    tokio::select! {
        _ = served.as_mut() => {}
        _ = stopped.changed() => {
            served.as_mut().graceful_shutdown();
            let _ = served.await;
        }
    }
}

async fn handle(State(api): State<Api>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    let route = match find(&api.bus.wiring().routes, method, path) {
        Found::Route(route) => route.function.clone(),
        Found::OtherMethods(allowed) => {
            let mut response = message(StatusCode::METHOD_NOT_ALLOWED, &format!("allowed: {allowed}"));
            response.headers_mut().extend(HeaderValue::from_str(&allowed).ok().map(|it| (ALLOW, it)));
            return response;
        }
        Found::Nothing => return message(StatusCode::NOT_FOUND, "there is nothing at this path"),
    };
    let reading = tokio::time::timeout(api.limits.read_time, read(&api, &parts.headers, body));
    let (body, held) = match reading.await {
        Ok(Ok(read)) => read,
        Ok(Err(response)) => return response,
        Err(_) => return message(StatusCode::REQUEST_TIMEOUT, "the body took too long"),
    };
    let request = model::Request {
        method: method.to_owned(),
        path: path.to_owned(),
        headers: headers(&parts.headers),
        body,
    };
    let limit = api.bus.wiring().functions.get(&route).map(|function| function.timeout.unsigned_abs());
    // In a task of its own: a client that goes away does not end what was begun for it.
    let answering = tokio::spawn(async move {
        let answer = api.functions.answer(&api.bus, &route, &request, api.clock.now(), limit).await;
        drop(held);
        answer
    });
    match answering.await {
        Ok(answer) => response(&answer),
        Err(_) => message(StatusCode::SERVICE_UNAVAILABLE, "shutting down"),
    }
}

/// A body, and the part of the budget that it holds.
type Held = (Vec<u8>, Option<OwnedSemaphorePermit>);

/// Reads a body of legal size.
async fn read(api: &Api, headers: &HeaderMap, mut body: Body) -> Result<Held, Response> {
    let cap = api.limits.body_bytes;
    let too_large = || {
        let mut response =
            message(StatusCode::PAYLOAD_TOO_LARGE, &format!("a body may have {cap} bytes at most"));
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    };
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let waits_for_leave = headers.contains_key(EXPECT);
    if declared.is_some_and(|length| {
        length > cap.saturating_add(DISCARDED_BYTES) || (waits_for_leave && length > cap)
    }) {
        return Err(too_large());
    }
    let mut read = Vec::new();
    let mut held: Option<OwnedSemaphorePermit> = None;
    let mut total = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| message(StatusCode::BAD_REQUEST, "the body ended too early"))?;
        let data: Bytes = frame.into_data().unwrap_or_default();
        total = total.saturating_add(data.len());
        if total > cap.saturating_add(DISCARDED_BYTES) {
            break;
        }
        if total > cap {
            (read, held) = (Vec::new(), None);
            continue;
        }
        let more = u32::try_from(data.len())
            .ok()
            .and_then(|bytes| api.budget.clone().try_acquire_many_owned(bytes).ok());
        let Some(more) = more else {
            return Err(message(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many large requests at once; try again",
            ));
        };
        match &mut held {
            Some(held) => held.merge(more),
            None => held = Some(more),
        }
        read.extend_from_slice(&data);
    }
    if total > cap { Err(too_large()) } else { Ok((read, held)) }
}

/// One value per name: several are joined by commas, as API Gateway does.
fn headers(found: &HeaderMap) -> BTreeMap<String, String> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in found {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|before| {
                before.push(',');
                before.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    headers
}

/// What there is for a request.
#[derive(Debug, PartialEq)]
enum Found<'a> {
    Route(&'a Route),
    OtherMethods(String),
    Nothing,
}

fn find<'a>(routes: &'a [Route], method: &str, path: &str) -> Found<'a> {
    let here: Vec<&Route> = routes.iter().filter(|route| fits(&route.path, path)).collect();
    // The path with fewer parameters is the more specific one.
    let own = here.iter().filter(|route| route.method == method);
    if let Some(route) = own.min_by_key(|route| route.path.matches('{').count()) {
        return Found::Route(route);
    }
    if here.is_empty() {
        return Found::Nothing;
    }
    Found::OtherMethods(here.iter().map(|route| route.method.as_str()).collect::<Vec<_>>().join(", "))
}

fn fits(pattern: &str, path: &str) -> bool {
    let (mut parts, mut found) = (pattern.split('/'), path.split('/'));
    loop {
        match (parts.next(), found.next()) {
            (None, None) => return true,
            (Some(part), Some(text)) if part == text || (part.starts_with('{') && !text.is_empty()) => {}
            _ => return false,
        }
    }
}

fn message(status: StatusCode, message: &str) -> Response {
    response(&model::Response::message(status.as_u16(), message))
}

fn response(answer: &model::Response) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, axum::Json(&answer.body)).into_response();
    let after = answer.retry_after_seconds.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds)));
    response.headers_mut().extend(after);
    response
}
