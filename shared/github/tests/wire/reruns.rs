//! Running jobs again, at the wire.

use fleetfoot_model::ids::{JobId, RunId};
use fleetfoot_model::ports::{GitHub, GitHubError, RerunAnswer};
use fleetfoot_model::rerun::RerunRequest;
use serde_json::json;

use crate::support::{Reply, Server, World};

const RUN: &str = "GET /repos/acme/app/actions/runs/7";
const JOB: &str = "POST /repos/acme/app/actions/jobs/5/rerun";
const FAILED: &str = "POST /repos/acme/app/actions/runs/7/rerun-failed-jobs";

fn run(status: &str, attempt: u32) -> Reply {
    Reply::json(&json!({ "id": 7, "status": status, "run_attempt": attempt, "conclusion": "failure" }))
}

async fn ask(server: &Server, jobs: &[u64]) -> Result<RerunAnswer, GitHubError> {
    let request = RerunRequest {
        repository: "acme/app".parse().unwrap(),
        run: RunId(7),
        attempt: 1,
        jobs: jobs.iter().copied().map(JobId).collect(),
    };
    World::with_token(&server.address).github.rerun(&request).await
}

fn asked(server: &Server) -> Vec<String> {
    server.asked().into_iter().map(|asked| asked.what).collect()
}

#[tokio::test]
async fn one_job_is_asked_for_by_itself_and_several_as_those_that_failed() {
    for (jobs, post) in [(&[5][..], JOB), (&[5, 6], FAILED)] {
        let server = Server::start().await;
        server.on(RUN, run("completed", 1)).on(post, Reply::new(201, "{}"));
        assert_eq!(ask(&server, jobs).await, Ok(RerunAnswer::Requested));
        assert_eq!(asked(&server), [RUN, post]);
    }
}

#[tokio::test]
async fn nothing_is_asked_for_while_the_run_goes_on_or_when_it_is_past_the_attempt() {
    for (reply, answer) in [
        (run("in_progress", 1), RerunAnswer::NotYet),
        (run("queued", 1), RerunAnswer::NotYet),
        (run("completed", 2), RerunAnswer::Superseded),
        (run("in_progress", 2), RerunAnswer::Superseded),
    ] {
        let server = Server::start().await;
        server.on(RUN, reply);
        assert_eq!(ask(&server, &[5]).await, Ok(answer));
        assert_eq!(asked(&server), [RUN]);
    }
}

/// Between the two requests someone else was faster.
#[tokio::test]
async fn a_run_that_is_already_running_is_no_prohibition_and_a_missing_permission_is() {
    for (message, forbidden) in [
        ("The workflow run containing this job is already running", false),
        ("This workflow is already running", false),
        ("Resource not accessible by integration", true),
        ("Unable to retry this workflow run because it was created over a month ago", true),
    ] {
        let server = Server::start().await;
        server.on(RUN, run("completed", 1)).on(JOB, Reply::refusal(403, message));
        match ask(&server, &[5]).await {
            Ok(RerunAnswer::NotYet) => assert!(!forbidden, "{message}"),
            Err(GitHubError::Forbidden(reason)) => assert!(forbidden && reason.contains(message), "{reason}"),
            other => panic!("{message}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_limit_and_a_run_that_is_gone_are_told_as_such() {
    for (reply, expected) in [
        (Reply::refusal(404, "Not Found"), "NotFound"),
        (Reply::refusal(403, "You have exceeded a secondary rate limit"), "RateLimited"),
        (Reply::refusal(502, ""), "Unavailable"),
    ] {
        let server = Server::start().await;
        server.on(RUN, reply);
        let error = ask(&server, &[5]).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{error:?}");
    }
}
