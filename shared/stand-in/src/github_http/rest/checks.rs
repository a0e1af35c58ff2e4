//! Check runs of a commit.

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use fleetfoot_model::ids::CommitSha;
use fleetfoot_model::ports::GitHubError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::github::CheckView;
use crate::github_http::Face;
use crate::github_http::answer::body;
use crate::github_http::place::Place;

/// The body of a new check run, as far as one that has ended needs it.
#[derive(Deserialize)]
struct New {
    name: String,
    head_sha: CommitSha,
    external_id: String,
    #[serde(default)]
    details_url: Option<String>,
    conclusion: String,
    output: Output,
}

/// The body of a change.
#[derive(Deserialize)]
struct Change {
    conclusion: String,
    output: Output,
}

#[derive(Deserialize)]
struct Output {
    title: String,
    summary: String,
}

/// Which ones are listed.
#[derive(Deserialize)]
pub(super) struct Asked {
    check_name: String,
}

fn read<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, GitHubError> {
    serde_json::from_slice(bytes).map_err(|error| GitHubError::Invalid(format!("Invalid request. {error}")))
}

pub(super) async fn create(State(face): State<Face>, place: Place, bytes: Bytes) -> Response {
    face.answer(|github, now| {
        let New { name, head_sha, external_id, details_url, conclusion, output } = read(&bytes)?;
        let check = CheckView {
            id: 0,
            repository: place.repository()?,
            commit: head_sha,
            name,
            external_id,
            conclusion,
            title: output.title,
            summary: output.summary,
            details_url,
        };
        let id = github.create_check(now, check.clone())?;
        Ok(body(StatusCode::CREATED, view(&CheckView { id, ..check })))
    })
}

pub(super) async fn list(State(face): State<Face>, place: Place, Query(asked): Query<Asked>) -> Response {
    face.answer(|github, now| {
        let found = github.list_checks(now, &place.repository()?, &place.commit()?, &asked.check_name)?;
        let listed: Vec<Value> = found.iter().map(view).collect();
        Ok(body(StatusCode::OK, json!({ "total_count": listed.len(), "check_runs": listed })))
    })
}

pub(super) async fn change(State(face): State<Face>, place: Place, bytes: Bytes) -> Response {
    face.answer(|github, now| {
        let (id, Change { conclusion, output }) = (place.id("check")?, read(&bytes)?);
        let words = (output.title.as_str(), output.summary.as_str());
        github.change_check(now, &place.repository()?, id, &conclusion, words)?;
        Ok(body(StatusCode::OK, json!({ "id": id, "conclusion": conclusion })))
    })
}

fn view(check: &CheckView) -> Value {
    json!({
        "id": check.id,
        "head_sha": check.commit,
        "external_id": check.external_id,
        "html_url": format!("https://github.com/{}/runs/{}", check.repository, check.id),
        "details_url": check.details_url,
        "status": "completed",
        "conclusion": check.conclusion,
        "name": check.name,
        "output": { "title": check.title, "summary": check.summary, "text": null, "annotations_count": 0 },
        "app": { "id": 1 },
        "pull_requests": [],
    })
}
