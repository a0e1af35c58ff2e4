//! `GET /events`: server-sent events, for as long as the viewer stays.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use crate::desk::{Desk, Reading};
use crate::{Site, delta, problem};

/// How long a browser waits before it connects again.
const RECONNECT: Duration = Duration::from_secs(1);

/// Somebody who looks.
struct Viewer {
    desk: Arc<Desk>,
    known: Option<Arc<Reading>>,
    has_waited: bool,
    _seat: OwnedSemaphorePermit,
}

pub(crate) async fn follow(State(site): State<Site>) -> Response {
    let Ok(seat) = Arc::clone(&site.seats).try_acquire_owned() else {
        let mut full = problem(StatusCode::SERVICE_UNAVAILABLE, "too many look at this dashboard already");
        full.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("10"));
        return full;
    };
    let viewer = Viewer { desk: site.desk, known: None, has_waited: true, _seat: seat };
    let mut response = Sse::new(stream::unfold(viewer, next)).into_response();
    // A proxy that holds events back would make the page look dead.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// The next event: the fleet at first, then what changed. Where nothing did, `tick` tells that the connection lives and
/// how old the data is.
async fn next(mut viewer: Viewer) -> Option<(Result<Event, Infallible>, Viewer)> {
    if !viewer.has_waited {
        pause(viewer.desk.every()).await;
    }
    viewer.has_waited = false;
    let event = match viewer.desk.look().await {
        Ok(reading) => {
            let event = match &viewer.known {
                None => event("overview", &reading.value).retry(RECONNECT),
                Some(known) => match delta::delta(&known.value, &reading.value) {
                    Some(change) => event("change", &change),
                    None => event("tick", &json!({ "at": reading.value["at"] })),
                },
            };
            viewer.known = Some(reading);
            event
        }
        Err(reason) => event("trouble", &json!({ "reason": &*reason })),
    };
    Some((Ok(event), viewer))
}

fn event(name: &str, data: &Value) -> Event {
    // JSON in one line: strings in it hold no line break.
    Event::default().event(name).data(data.to_string())
}

#[expect(clippy::disallowed_methods, reason = "this is the shell that waits between readings")]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}
