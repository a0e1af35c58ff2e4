//! Refusals as GitHub words them, and the headers of every answer.

use axum::Json;
use axum::http::header::DATE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use fleetfoot_model::Timestamp;
use fleetfoot_model::ports::GitHubError;
use serde_json::json;

use super::Face;
use crate::github::Allowance;

/// An answer, or why there is none.
pub(super) type Answer = Result<Response, GitHubError>;

/// A JSON answer.
pub(super) fn body(status: StatusCode, body: serde_json::Value) -> Response {
    (status, Json(body)).into_response()
}

/// A message and nothing else.
pub(super) fn message(status: StatusCode, text: &str) -> Response {
    let documentation = "https://docs.github.com/rest";
    body(status, json!({ "message": text, "documentation_url": documentation, "status": status.as_str() }))
}

/// Finishes an answer: words the refusal, and adds the state of the limit.
pub(super) fn finish(face: &Face, answer: Answer) -> Response {
    let now = face.now();
    let allowance = face.github().allowance(now);
    let mut response = answer.unwrap_or_else(|refusal| refuse(&refusal, allowance, now));
    let headers = response.headers_mut();
    number(headers, "x-ratelimit-limit", allowance.limit);
    number(headers, "x-ratelimit-remaining", allowance.limit.saturating_sub(allowance.used));
    number(headers, "x-ratelimit-used", allowance.used);
    number(headers, "x-ratelimit-reset", u64::try_from(allowance.resets_at.as_second()).unwrap_or_default());
    // Else the server fills in the time of this machine.
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now);
    headers.extend(date.ok().and_then(|date| HeaderValue::from_str(&date).ok()).map(|date| (DATE, date)));
    headers.insert("x-ratelimit-resource", HeaderValue::from_static("core"));
    headers.insert("x-github-media-type", HeaderValue::from_static("github.v3; format=json"));
    response
}

fn number(headers: &mut HeaderMap, name: &'static str, value: u64) {
    headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
}

fn refuse(refusal: &GitHubError, allowance: Allowance, now: Timestamp) -> Response {
    let taken = "Already exists - A runner with this name already exists.";
    match refusal {
        GitHubError::RateLimited { until } => limited(*until, allowance, now),
        GitHubError::Busy => message(StatusCode::UNPROCESSABLE_ENTITY, "Runner is currently running a job."),
        GitHubError::NameTaken => message(StatusCode::CONFLICT, taken),
        GitHubError::NotFound(_) => message(StatusCode::NOT_FOUND, "Not Found"),
        GitHubError::Forbidden(text) => message(StatusCode::FORBIDDEN, text),
        GitHubError::Unauthorized(text) => message(StatusCode::UNAUTHORIZED, text),
        GitHubError::Invalid(text) => message(StatusCode::UNPROCESSABLE_ENTITY, text),
        // GitHub's own load balancer answers with a page, not with JSON.
        GitHubError::Unavailable(text) => {
            let page = format!("<html><body><h1>{text}</h1></body></html>");
            (StatusCode::BAD_GATEWAY, [("content-type", "text/html")], page).into_response()
        }
    }
}

/// A primary limit says when it resets; a secondary one says how long to wait, with 403 and 429 alike.
fn limited(until: Timestamp, allowance: Allowance, now: Timestamp) -> Response {
    if allowance.used >= allowance.limit {
        return message(StatusCode::FORBIDDEN, "API rate limit exceeded for installation ID 42.");
    }
    let wait = until.duration_since(now).as_millis().max(0);
    let seconds = u64::try_from(wait).unwrap_or(u64::MAX).div_ceil(1000);
    let status =
        if seconds.is_multiple_of(2) { StatusCode::FORBIDDEN } else { StatusCode::TOO_MANY_REQUESTS };
    let mut response =
        message(status, "You have exceeded a secondary rate limit. Please wait a few minutes.");
    number(response.headers_mut(), "retry-after", seconds);
    response
}
