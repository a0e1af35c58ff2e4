//! Check runs, at the wire.

use fleetfoot_model::check::{CheckRun, Shows};
use fleetfoot_model::ids::{JobId, RunId};
use fleetfoot_model::ports::{GitHub, GitHubError};
use serde_json::{Value, json};

use crate::support::{MINT, Reply, Server, World, start};

const COMMIT: &str = "16c5286e8d9a0629956a28938386b36608707a71";
const CREATE: &str = "POST /repos/acme/app/check-runs";
const LIST: &str = "GET /repos/acme/app/commits/16c5286e8d9a0629956a28938386b36608707a71/check-runs";

fn failure() -> CheckRun {
    CheckRun {
        repository: "acme/app".parse().unwrap(),
        commit: COMMIT.parse().unwrap(),
        run: RunId(7),
        job: JobId(5),
        name: "Fleetfoot: CI / build & test".to_owned(),
        shows: Shows::Failure,
        title: "No runner for this job".to_owned(),
        summary: "class:mediun is not known".to_owned(),
        details_url: Some("https://fleet.example.com/#job=5".to_owned()),
        completed_at: start(),
        may_be_there: false,
    }
}

/// A GitHub that gives out a token.
async fn server() -> Server {
    let server = Server::start().await;
    server.on(MINT, Reply::installation_token("ghs_first", "2026-11-21T11:00:00Z"));
    server
}

async fn show(server: &Server, check: &CheckRun) -> Result<(), GitHubError> {
    World::with_app(&server.address).github.show(check).await
}

/// What was asked beside the token, without the queries.
fn asked(server: &Server) -> Vec<String> {
    let heard = server.heard().into_iter().filter(|what| what != MINT);
    heard.map(|what| what.split('?').next().unwrap().to_owned()).collect()
}

fn list(entries: &[Value]) -> Reply {
    Reply::json(&json!({ "total_count": entries.len(), "check_runs": entries }))
}

#[tokio::test]
async fn a_failure_is_created_with_one_request() {
    let server = server().await;
    server.on(CREATE, Reply::new(201, "{\"id\":1}"));
    assert_eq!(show(&server, &failure()).await, Ok(()));
    assert_eq!(asked(&server), [CREATE]);
    let created = server.asked().pop().unwrap();
    assert_eq!(created.header("authorization"), "Bearer ghs_first");
    assert_eq!(
        created.body,
        json!({
            "name": "Fleetfoot: CI / build & test",
            "head_sha": COMMIT,
            "external_id": "fleetfoot/7/5",
            "details_url": "https://fleet.example.com/#job=5",
            "status": "completed",
            "conclusion": "failure",
            "completed_at": "2026-11-21T10:00:00Z",
            "output": { "title": "No runner for this job", "summary": "class:mediun is not known" },
        })
    );
}

#[tokio::test]
async fn without_a_page_github_chooses_where_the_details_lead() {
    let server = server().await;
    server.on(CREATE, Reply::new(201, "{}"));
    assert_eq!(show(&server, &CheckRun { details_url: None, ..failure() }).await, Ok(()));
    assert_eq!(server.asked().pop().unwrap().body.get("details_url"), None);
}

#[tokio::test]
async fn what_may_be_there_is_looked_for_among_the_apps_own_first() {
    let others = [
        json!({ "id": 1, "external_id": "", "conclusion": "failure" }),
        json!({ "id": 2, "external_id": "fleetfoot/7/55", "conclusion": "failure" }),
        json!({ "id": 3, "external_id": null, "conclusion": null }),
        json!({ "id": "unreadable" }),
    ];
    let own = json!({ "id": 4, "external_id": "fleetfoot/7/5", "conclusion": "failure" });
    let with_own: Vec<Value> = others.iter().cloned().chain([own]).collect();
    for (found, expected) in [(&others[..], vec![LIST, CREATE]), (&with_own[..], vec![LIST])] {
        let server = server().await;
        server.on(LIST, list(found)).on(CREATE, Reply::new(201, "{}"));
        assert_eq!(show(&server, &CheckRun { may_be_there: true, ..failure() }).await, Ok(()));
        assert_eq!(asked(&server), expected);
        let query = server.heard().into_iter().find(|what| what.starts_with(LIST)).unwrap();
        assert!(query.contains("check_name=Fleetfoot%3A+CI+%2F+build+%26+test"), "{query}");
        assert!(query.contains("filter=all") && query.contains("app_id=1"), "{query}");
    }
}

/// Those of earlier attempts of the same run succeed; another run's of the same name is its own business.
#[tokio::test]
async fn what_failed_in_the_same_run_succeeds() {
    let server = server().await;
    server.on(
        LIST,
        list(&[
            json!({ "id": 1, "external_id": "fleetfoot/7/4", "conclusion": "failure" }),
            json!({ "id": 2, "external_id": "fleetfoot/7/3", "conclusion": "success" }),
            json!({ "id": 3, "external_id": "fleetfoot/77/4", "conclusion": "failure" }),
        ]),
    );
    let change = "PATCH /repos/acme/app/check-runs/1";
    server.on(change, Reply::json(&json!({})));
    let recovery =
        CheckRun { shows: Shows::Recovery, title: "A runner took this job".to_owned(), ..failure() };
    assert_eq!(show(&server, &recovery).await, Ok(()));
    assert_eq!(asked(&server), [LIST, change]);
    let body = server.asked().pop().unwrap().body;
    assert_eq!((&body["conclusion"], &body["status"]), (&json!("success"), &json!("completed")));
    assert_eq!(body["output"]["title"], "A runner took this job");
}

#[tokio::test]
async fn each_refusal_is_told_as_what_it_is() {
    for (reply, expected) in [
        (Reply::refusal(403, "Resource not accessible by integration"), "Forbidden"),
        (Reply::refusal(403, "You have exceeded a secondary rate limit"), "RateLimited"),
        (Reply::refusal(404, "Not Found"), "NotFound"),
        (Reply::refusal(422, "No commit found for SHA: 16c5286"), "Invalid"),
        (Reply::refusal(502, ""), "Unavailable"),
    ] {
        let server = server().await;
        server.on(CREATE, reply);
        let error = show(&server, &failure()).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{error:?}");
        assert_eq!(asked(&server), [CREATE], "nothing is repeated");
    }
}
