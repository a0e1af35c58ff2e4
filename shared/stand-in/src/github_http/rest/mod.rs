//! GitHub's REST API, as far as a fleet of runners needs it.

mod actions;
mod app;
mod apps;
mod checks;
mod deliveries;
mod runners;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{delete, get, patch, post};
use fleetfoot_model::SignedDuration;
use fleetfoot_model::ports::GitHubError;
use serde::Deserialize;
use serde_json::json;

use super::Face;
use super::answer::{body, finish};

/// Paging and filters.
#[derive(Debug, Default, Deserialize)]
struct Filter {
    name: Option<String>,
    status: Option<String>,
    cursor: Option<String>,
    page: Option<usize>,
    per_page: Option<usize>,
}

impl Filter {
    fn page(&self) -> usize {
        self.page.unwrap_or(1).max(1)
    }

    /// 30 items are the default and 100 the most.
    fn size(&self) -> usize {
        self.per_page.unwrap_or(30).clamp(1, 100)
    }

    /// What asks for the page after this one, if there is one.
    fn next(&self, total: usize) -> Option<String> {
        (self.page() * self.size() < total).then(|| format!("page={}", self.page() + 1))
    }

    /// Adds the `Link` to the next part of a list.
    fn link(&self, face: &Face, path: &str, next: Option<String>, mut response: Response) -> Response {
        let status = self.status.as_ref().map(|status| format!("&status={status}")).unwrap_or_default();
        let link = next.map(|next| {
            format!("<{}/{path}?per_page={}{status}&{next}>; rel=\"next\"", face.address, self.size())
        });
        let link = link.and_then(|link| HeaderValue::from_str(&link).ok());
        response.headers_mut().extend(link.map(|link| (header::LINK, link)));
        response
    }
}

pub(super) fn routes(face: &Face) -> Router<Face> {
    let anywhere = || {
        Router::new()
            .route("/actions/runners/generate-jitconfig", post(runners::register))
            .route("/actions/runners", get(runners::list))
            .route("/actions/runners/{runner}", delete(runners::delete))
            .route("/actions/runner-groups/{group}", get(app::runner_group))
            .route("/hooks", get(deliveries::hooks).post(deliveries::add_hook))
            .route("/hooks/{hook}", patch(deliveries::change_hook))
            .route("/hooks/{hook}/deliveries", get(deliveries::of_hook))
            .route("/hooks/{hook}/deliveries/{delivery}/attempts", post(deliveries::again_of_hook))
    };
    let repository = anywhere()
        .route("/actions/jobs/{job}", get(actions::job))
        .route("/actions/jobs/{job}/rerun", post(actions::rerun))
        .route("/actions/runs/{run}/rerun-failed-jobs", post(actions::rerun_failed))
        .route("/actions/runs", get(actions::runs))
        .route("/actions/runs/{run}", get(actions::run))
        .route("/actions/runs/{run}/jobs", get(actions::run_jobs))
        .route("/check-runs", post(checks::create))
        .route("/check-runs/{check}", patch(checks::change))
        .route("/commits/{commit}/check-runs", get(checks::list));
    Router::new()
        .route("/app/installations/{installation}/access_tokens", post(token))
        .route("/app", get(app::app))
        .route("/app/installations", get(apps::installations))
        .route("/app/installations/{installation}", get(app::installation))
        .route("/app/hook/config", get(app::hook).patch(apps::set_hook))
        .route("/installation/repositories", get(app::repositories))
        .route("/rate_limit", get(app::rate_limit))
        .route("/app/hook/deliveries", get(deliveries::of_app))
        .route("/app/hook/deliveries/{delivery}/attempts", post(deliveries::again_of_app))
        .nest("/orgs/{org}", anywhere())
        .nest("/repos/{owner}/{repo}", repository)
        .route_layer(middleware::from_fn_with_state(face.clone(), authorize))
        // What a browser does.
        .route("/settings/apps/new", post(apps::create))
        .route("/organizations/{organization}/settings/apps/new", post(apps::create))
        .route("/apps/{slug}/installations/new", post(apps::install))
        // Public.
        .route("/meta", get(app::meta))
        .route("/users/{login}", get(apps::user))
        .route("/app-manifests/{code}/conversions", post(apps::convert))
        .route("/repos/actions/runner/releases", get(actions::releases))
}

/// Whether the caller has shown anything at all; what it may do is not this stand-in's business.
async fn authorize(State(face): State<Face>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = shown.and_then(|text| text.split_once(' ')).filter(|(scheme, token)| {
        ["bearer", "token"].contains(&scheme.to_ascii_lowercase().as_str()) && !token.trim().is_empty()
    });
    if token.is_none() {
        return finish(&face, Err(GitHubError::Unauthorized("Requires authentication".to_owned())));
    }
    next.run(request).await
}

/// An installation token: as long as the longest that GitHub hands out, for those who count on less.
async fn token(State(face): State<Face>, Path(_installation): Path<u64>) -> Response {
    face.answer(|github, now| {
        github.token(now)?;
        let token = format!("ghs_{}", "0123456789ab".repeat(43));
        let expires_at = crate::github::seconds(now + SignedDuration::from_hours(1));
        let permissions = json!({ "actions": "read", "organization_self_hosted_runners": "write" });
        let granted = json!({
            "token": token,
            "expires_at": expires_at,
            "permissions": permissions,
            "repository_selection": "all",
        });
        Ok(body(StatusCode::CREATED, granted))
    })
}
