//! Jobs and runs of a repository.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use fleetfoot_model::ids::{JobId, RunId};
use serde_json::json;

use super::Filter;
use crate::github::{Call, Job, Templates};
use crate::github_http::Face;
use crate::github_http::answer::body;
use crate::github_http::place::Place;

pub(super) async fn job(State(face): State<Face>, place: Place) -> Response {
    face.answer(|github, now| {
        let id = place.id("job").map(JobId)?;
        let job = github.job(now, &place.repository()?, id, Templates::rest_job)?;
        Ok(body(StatusCode::OK, job))
    })
}

pub(super) async fn runs(State(face): State<Face>, place: Place, Query(filter): Query<Filter>) -> Response {
    face.answer(|github, now| {
        let (repository, status) = (place.repository()?, filter.status.as_deref());
        let part = (filter.page(), filter.size());
        let page = github.list_runs(now, &repository, status, part, Templates::rest_run)?;
        let listed = body(StatusCode::OK, json!({ "total_count": page.total, "workflow_runs": page.items }));
        let path = format!("{}/actions/runs", place.path());
        Ok(filter.link(&face, &path, filter.next(page.total), listed))
    })
}

pub(super) async fn run(State(face): State<Face>, place: Place) -> Response {
    face.answer(|github, now| {
        let id = place.id("run").map(RunId)?;
        let end = github.settings().times.run_end;
        let see = |templates: &mut Templates, job: &Job| {
            let mut run = templates.rest_run(job);
            run["status"] = json!(job.run_status(now, end));
            run
        };
        let run = github.run(now, &place.repository()?, id, Call::Run, see)?;
        Ok(body(StatusCode::OK, run))
    })
}

pub(super) async fn run_jobs(State(face): State<Face>, place: Place) -> Response {
    face.answer(|github, now| {
        let id = place.id("run").map(RunId)?;
        let job = github.run(now, &place.repository()?, id, Call::RunJobs, Templates::rest_job)?;
        Ok(body(StatusCode::OK, json!({ "total_count": 1, "jobs": [job] })))
    })
}

pub(super) async fn rerun(State(face): State<Face>, place: Place) -> Response {
    face.answer(|github, now| {
        github.rerun(now, &place.repository()?, place.id("job").map(JobId)?)?;
        Ok(body(StatusCode::CREATED, json!({})))
    })
}

pub(super) async fn rerun_failed(State(face): State<Face>, place: Place) -> Response {
    face.answer(|github, now| {
        github.rerun_failed(now, &place.repository()?, place.id("run").map(RunId)?)?;
        Ok(body(StatusCode::CREATED, json!({})))
    })
}

/// Those of the runner.
pub(super) async fn releases(State(face): State<Face>) -> Response {
    face.answer(|github, now| {
        let releases = github.runner_releases(now)?;
        let releases = releases.iter().map(|release| {
            json!({ "tag_name": format!("v{}", release.version), "published_at": release.published_at })
        });
        Ok(body(StatusCode::OK, json!(releases.collect::<Vec<_>>())))
    })
}
