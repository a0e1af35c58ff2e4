//! Runners of an organization or a repository.

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use fleetfoot_model::ids::GithubRunnerId;
use fleetfoot_model::ports::GitHubError;
use fleetfoot_model::spec::Label;
use serde::Deserialize;
use serde_json::json;

use super::Filter;
use crate::github::RunnerView;
use crate::github_http::answer::body;
use crate::github_http::place::Place;
use crate::github_http::{Face, view};

/// The body of a registration.
#[derive(Deserialize)]
struct Wanted {
    name: String,
    /// Mandatory, though the user interface has a default for it.
    #[serde(rename = "runner_group_id")]
    _group: u64,
    labels: Vec<Label>,
}

pub(super) async fn register(State(face): State<Face>, place: Place, bytes: Bytes) -> Response {
    face.answer(|github, now| {
        let Wanted { name, labels, .. } = serde_json::from_slice(&bytes)
            .map_err(|error| GitHubError::Invalid(format!("Invalid request. {error}")))?;
        let runner = github.register(now, &place.scope, &name, &labels)?;
        let scope = place.scope.clone();
        let view = RunnerView { id: runner.id, name, labels, scope, online: false, busy: false };
        let blob = runner.configuration.expose();
        let created = json!({ "runner": view::runner(&view), "encoded_jit_config": blob });
        Ok(body(StatusCode::CREATED, created))
    })
}

pub(super) async fn list(State(face): State<Face>, place: Place, Query(filter): Query<Filter>) -> Response {
    face.answer(|github, now| {
        let name = filter.name.as_deref();
        let page = github.list_runners(now, &place.scope, name, filter.page(), filter.size())?;
        let runners: Vec<_> = page.items.iter().map(view::runner).collect();
        let listed = body(StatusCode::OK, json!({ "total_count": page.total, "runners": runners }));
        let path = format!("{}/actions/runners", place.path());
        Ok(filter.link(&face, &path, filter.next(page.total), listed))
    })
}

pub(super) async fn delete(State(face): State<Face>, place: Place) -> Response {
    face.answer(|github, now| {
        let id = place.id("runner").map(GithubRunnerId)?;
        github.delete_runner(now, &place.scope, id)?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
}
