//! Jobs and runs at the wire.

use fleetfoot_model::ids::{JobId, Repository, RunId};
use fleetfoot_model::ports::{GitHub, GitHubError, JobReport, JobStatus};
use serde_json::{Value, json};

use crate::support::{Reply, Server, World};

const RUNS: &str = "GET /repos/acme/app/actions/runs";

fn app() -> Repository {
    "acme/app".parse().unwrap()
}

fn job(id: u64, run: u64, status: &str) -> Value {
    json!({
        "id": id, "run_id": run, "run_attempt": 1, "status": status, "conclusion": null, "name": "build",
        "workflow_name": "CI", "labels": ["self-hosted", "class:small"], "steps": [],
        "html_url": format!("https://github.com/acme/app/actions/runs/{run}/job/{id}"),
        "created_at": "2026-11-21T09:00:00Z", "started_at": "2026-11-21T09:00:00Z", "completed_at": null,
        "runner_id": null, "runner_name": null,
    })
}

fn runs(ids: &[u64], private: bool) -> Reply {
    let runs: Vec<Value> =
        ids.iter().map(|id| json!({ "id": id, "repository": { "private": private } })).collect();
    Reply::json(&json!({ "total_count": ids.len(), "workflow_runs": runs }))
}

fn put_runs(server: &Server, status: &str, reply: Reply) {
    server.on(&format!("{RUNS}?status={status}&per_page=100&page=1"), reply);
}

fn put_jobs(server: &Server, run: u64, jobs: &[Value]) {
    let reply = Reply::json(&json!({ "total_count": jobs.len(), "jobs": jobs }));
    server.on(&format!("{RUNS}/{run}/jobs?filter=latest&per_page=100&page=1"), reply);
}

fn ids(reports: &[JobReport]) -> Vec<u64> {
    reports.iter().map(|report| report.description.id.0).collect()
}

#[tokio::test]
async fn a_job_tells_how_it_stands() {
    let server = Server::start().await;
    let mut running = job(5, 7, "in_progress");
    running["runner_name"] = json!("ff-5-1");
    running["runner_id"] = json!(9);
    server.on("GET /repos/acme/app/actions/jobs/5", Reply::json(&running));
    let world = World::with_token(&server.address);
    let told = world.github.job(&app(), JobId(5)).await.unwrap();
    assert!(matches!(told.status, JobStatus::Running { runner, .. } if runner == "ff-5-1"));
    assert_eq!((told.description.repository, told.description.run_id), (app(), RunId(7)));
    assert_eq!(server.heard().len(), 1);
}

#[tokio::test]
async fn a_job_that_is_gone_is_not_found() {
    let server = Server::start().await;
    server.on("GET /repos/acme/app/actions/jobs/5", Reply::refusal(404, "Not Found"));
    let error = World::with_token(&server.address).github.job(&app(), JobId(5)).await.unwrap_err();
    assert!(matches!(error, GitHubError::NotFound(_)), "{error}");
}

#[tokio::test]
async fn queued_jobs_are_found_in_queued_runs_and_in_those_in_progress() {
    let server = Server::start().await;
    // Run 8 begins while the lists are read, and run 10 is deleted.
    put_runs(&server, "queued", runs(&[7, 8], false));
    put_runs(&server, "in_progress", runs(&[8, 9, 10], true));
    put_jobs(&server, 7, &[job(1, 7, "queued"), job(2, 7, "waiting")]);
    put_jobs(&server, 8, &[job(3, 8, "queued")]);
    put_jobs(&server, 9, &[job(4, 9, "completed"), job(5, 9, "in_progress"), job(6, 9, "queued")]);
    let gone = format!("{RUNS}/10/jobs");
    server.on(&gone, Reply::refusal(404, "Not Found"));
    let found = World::with_token(&server.address).github.queued_jobs(&app()).await.unwrap();
    assert_eq!(ids(&found), [1, 3, 6]);
    assert!(found.iter().all(|report| report.status == JobStatus::Queued));
    let public: Vec<bool> = found.iter().map(|report| report.description.public).collect();
    assert_eq!(public, [true, true, false]);
}

// What one project puts into its workflow must not keep the jobs of the others from being found.
#[tokio::test]
async fn hostile_entries_are_passed_over() {
    let server = Server::start().await;
    let list = json!({ "total_count": 4, "workflow_runs": [null, { "id": -1 }, { "id": "7" }, { "id": 7 }] });
    put_runs(&server, "queued", Reply::json(&list));
    put_runs(&server, "in_progress", runs(&[], true));
    let mut illegal = job(1, 7, "queued");
    illegal["labels"] = json!(["self-hosted", "class:small\u{0}"]);
    let mut strange = job(2, 7, "queued");
    strange["created_at"] = json!("yesterday");
    put_jobs(&server, 7, &[json!(null), json!({}), json!([[]]), illegal, strange, job(3, 7, "queued")]);
    let found = World::with_token(&server.address).github.queued_jobs(&app()).await.unwrap();
    assert_eq!(ids(&found), [3]);
}

#[tokio::test]
async fn one_call_looks_into_twenty_runs_at_most() {
    let server = Server::start().await;
    let queued: Vec<u64> = (1000..1100).collect();
    let in_progress: Vec<u64> = (2000..2100).collect();
    put_runs(&server, "queued", runs(&queued, true));
    put_runs(&server, "in_progress", runs(&in_progress, true));
    for run in queued.iter().chain(&in_progress) {
        put_jobs(&server, *run, &[job(*run, *run, "queued")]);
    }
    let found = World::with_token(&server.address).github.queued_jobs(&app()).await.unwrap();
    assert_eq!(found.len(), 20);
    assert_eq!(server.heard().len(), 22);
}

#[tokio::test]
async fn a_run_tells_where_its_code_comes_from() {
    let server = Server::start().await;
    let fork = json!({ "id": 7, "head_repository": { "full_name": "mallory/app" } });
    server
        .on(&format!("{RUNS}/7"), Reply::json(&fork))
        .on(&format!("{RUNS}/8"), Reply::json(&json!({ "id": 8, "head_repository": null })))
        .on(
            &format!("{RUNS}/9"),
            Reply::json(&json!({ "id": 9, "head_repository": { "full_name": "../.." } })),
        );
    let world = World::with_token(&server.address);
    let head = world.github.head_repository(&app(), RunId(7)).await.unwrap();
    assert_eq!(head, Some("mallory/app".parse().unwrap()));
    assert_eq!(world.github.head_repository(&app(), RunId(8)).await.unwrap(), None);
    assert!(world.github.head_repository(&app(), RunId(9)).await.is_err());
}
