//! The dashboard: one page, and what it reads. Nothing of it is loaded from another host, nothing can be changed with it.
//!
//! One reading of the ledger serves all who look, and nobody reads while nobody looks: on AWS rows cost money.

mod assets;
mod delta;
mod desk;
mod events;
mod guard;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use fleetfoot_model::config::Config;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::ledger::Ledger;
use fleetfoot_model::ports::Clock;
use fleetfoot_report::overview::job_timeline;
use serde_json::json;
use tokio::sync::Semaphore;

use desk::Desk;

/// What a dashboard is made with.
#[derive(Clone)]
pub struct Settings {
    /// Where the fleet's rows are.
    pub ledger: Arc<dyn Ledger>,
    /// The fleet's configuration.
    pub config: Arc<Config>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// How often the ledger is read while somebody looks.
    pub every: Duration,
    /// Where the fleet is, for the page's title: `this machine`, `stack ff`.
    pub place: String,
    /// Names by which it is reached beside `localhost` and addresses: those of a proxy before it.
    pub hosts: Vec<String>,
    /// How many may look at the same time; the next one is told to come back later.
    pub viewers: usize,
}

/// What the routes need.
#[derive(Clone)]
struct Site {
    desk: Arc<Desk>,
    seats: Arc<Semaphore>,
}

/// The routes.
///
/// - `GET /` and the files of the page
/// - `GET /api/overview`: the fleet at this moment, as [`fleetfoot_report::overview::Overview`]
/// - `GET /api/jobs/ID`: a job, its runner and what happened to both
/// - `GET /events`: server-sent events: `overview` at first, then `change`, `tick` or `trouble` at each reading
pub fn router(settings: Settings) -> Router {
    let hosts = Arc::new(settings.hosts.clone());
    let site =
        Site { seats: Arc::new(Semaphore::new(settings.viewers)), desk: Arc::new(Desk::new(settings)) };
    Router::new()
        .route("/api/overview", get(overview))
        .route("/api/jobs/{id}", get(job))
        .route("/events", get(events::follow))
        .with_state(site)
        .merge(assets::router())
        .fallback(|| async { problem(StatusCode::NOT_FOUND, "there is nothing at this path") })
        .layer(axum::middleware::from_fn_with_state(hosts, guard::check))
}

async fn overview(State(site): State<Site>) -> Response {
    match site.desk.look().await {
        Ok(reading) => ([(CONTENT_TYPE, "application/json")], reading.value.to_string()).into_response(),
        Err(reason) => unread(&reason),
    }
}

async fn job(State(site): State<Site>, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<JobId>() else {
        return problem(StatusCode::BAD_REQUEST, "a job's id is a whole number");
    };
    match job_timeline(site.desk.ledger(), id).await {
        Ok(Some(timeline)) => Json(timeline).into_response(),
        Ok(None) => {
            problem(StatusCode::NOT_FOUND, "the fleet does not know this job; ended ones are kept for 7 days")
        }
        Err(error) => unread(&error.to_string()),
    }
}

fn unread(reason: &str) -> Response {
    let mut response =
        problem(StatusCode::SERVICE_UNAVAILABLE, &format!("the fleet's rows cannot be read: {reason}"));
    response.headers_mut().insert(RETRY_AFTER, axum::http::HeaderValue::from_static("5"));
    response
}

/// An answer that is no data.
fn problem(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}
