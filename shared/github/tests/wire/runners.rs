//! Runners at the wire.

use fleetfoot_model::ids::GithubRunnerId;
use fleetfoot_model::ports::{GitHub, GitHubError, JitRunner};
use fleetfoot_model::runner::Scope;
use serde_json::{Value, json};

use crate::support::{REGISTER, Reply, Server, World, organization, repository};

const RUNNERS: &str = "GET /orgs/acme/actions/runners";

async fn register(world: &World, scope: &Scope) -> Result<JitRunner, GitHubError> {
    let labels = ["self-hosted".parse().unwrap(), "class:medium".parse().unwrap()];
    world.github.register(scope, &"ff-123-1".parse().unwrap(), &labels).await
}

fn runner(id: usize) -> Value {
    json!({ "id": id, "name": format!("ff-{id}-1"), "os": "linux", "status": "online", "busy": false, "labels": [] })
}

/// Puts a list on the server, in pages of 100 as GitHub makes them.
fn put_list(server: &Server, query: &str, runners: &[Value]) {
    for (n, page) in runners.chunks(100).chain([&[][..]]).enumerate() {
        let what = format!("{RUNNERS}?{query}per_page=100&page={}", n + 1);
        server.on(&what, Reply::json(&json!({ "total_count": runners.len(), "runners": page })));
    }
}

#[tokio::test]
async fn a_runner_registers_with_its_organization_or_its_repository() {
    let server = Server::start().await;
    let with_repository = "POST /repos/acme/app/actions/runners/generate-jitconfig";
    server.on(REGISTER, Reply::registered()).on(with_repository, Reply::registered());
    let world = World::with_token(&server.address);
    for (scope, what) in [(organization(), REGISTER), (repository(), with_repository)] {
        let registered = register(&world, &scope).await.unwrap();
        assert_eq!(registered.id, GithubRunnerId(23));
        assert_eq!(registered.configuration.expose(), "blob");
        let asked = server.asked().pop().unwrap();
        assert_eq!(asked.what, what);
        let body = json!({
            "name": "ff-123-1", "runner_group_id": 7, "labels": ["self-hosted", "class:medium"],
            "work_folder": "_work",
        });
        assert_eq!(asked.body, body);
        for (name, value) in [
            ("authorization", "Bearer ghp_first"),
            ("accept", "application/vnd.github+json"),
            ("content-type", "application/json"),
            ("x-github-api-version", "2022-11-28"),
        ] {
            assert_eq!(asked.header(name), value, "{name}");
        }
    }
}

#[tokio::test]
async fn the_path_of_an_enterprise_server_is_kept() {
    let server = Server::start().await;
    // octocrab's own joining would lose `/re`, with which `/repos` begins.
    for prefix in ["/api/v3", "/api/v3/", "/re"] {
        let what = format!("DELETE {}/repos/acme/app/actions/runners/23", prefix.trim_end_matches('/'));
        server.on(&what, Reply::new(204, ""));
        let world = World::with_token(&format!("{}{prefix}", server.address));
        world.github.delete_runner(&repository(), GithubRunnerId(23)).await.unwrap();
        assert_eq!(server.heard().pop().unwrap(), what);
    }
}

#[tokio::test]
async fn a_large_jit_configuration_arrives_whole_and_is_never_shown() {
    let server = Server::start().await;
    let blob: String = (0..7 * 1024_u32).map(|n| char::from(b'a' + u8::try_from(n % 26).unwrap())).collect();
    let body = json!({ "runner": { "id": 23, "name": "ff-123-1" }, "encoded_jit_config": blob });
    server.on(REGISTER, Reply::new(201, body.to_string()));
    let registered = register(&World::with_token(&server.address), &organization()).await.unwrap();
    assert_eq!(registered.configuration.expose(), blob);
    assert!(!format!("{registered:?}").contains(&blob[..8]));

    let server = Server::start().await;
    let body = json!({ "runner": { "id": blob }, "encoded_jit_config": blob });
    server.on(REGISTER, Reply::new(201, body.to_string()));
    let error = register(&World::with_token(&server.address), &organization()).await.unwrap_err();
    assert!(matches!(&error, GitHubError::Unavailable(text) if !text.contains(&blob[..8])), "{error}");
}

#[tokio::test]
async fn a_name_that_is_taken_is_told_apart_from_a_bad_request() {
    for (reply, taken) in [
        (Reply::refusal(409, "Already exists - A runner with the name *** already exists."), true),
        (Reply::refusal(422, "A runner with the name *** already exists."), true),
        (Reply::refusal(422, "Invalid request. \"runner_group_id\" wasn't supplied."), false),
    ] {
        let server = Server::start().await;
        server.on(REGISTER, reply);
        let error = register(&World::with_token(&server.address), &organization()).await.unwrap_err();
        assert_eq!(error == GitHubError::NameTaken, taken, "{error}");
        assert!(taken || matches!(error, GitHubError::Invalid(_)), "{error}");
    }
}

#[tokio::test]
async fn a_runner_is_gone_only_if_github_says_so_of_the_runner() {
    let what = "DELETE /orgs/acme/actions/runners/23";
    let delete = async |reply: Reply| {
        let server = Server::start().await;
        server.on(what, reply);
        let deleted = World::with_token(&server.address)
            .github
            .delete_runner(&organization(), GithubRunnerId(23))
            .await;
        assert_eq!(server.heard(), [what]);
        deleted
    };
    assert_eq!(delete(Reply::new(204, "")).await, Ok(()));
    assert_eq!(delete(Reply::refusal(404, "Not Found")).await, Ok(()));
    let busy = "Bad request - Runner \"ff-123-1\" is currently running a job and cannot be deleted.";
    assert_eq!(delete(Reply::refusal(422, busy)).await, Err(GitHubError::Busy));
    for status in [301, 307, 400, 401, 403, 410, 429, 500, 503] {
        assert!(delete(Reply::refusal(status, "")).await.is_err(), "{status}");
    }
}

#[tokio::test]
async fn every_page_of_runners_is_read() {
    for length in [0, 1, 100, 101, 250] {
        let server = Server::start().await;
        let runners: Vec<Value> = (1..=length).map(runner).collect();
        put_list(&server, "", &runners);
        let listed = World::with_token(&server.address).github.list_runners(&organization()).await.unwrap();
        let ids: Vec<u64> = listed.iter().map(|runner| runner.id.0).collect();
        assert_eq!(ids, (1..=length as u64).collect::<Vec<_>>());
        assert_eq!(server.heard().len(), length.div_ceil(100).max(1), "requests for {length} runners");
    }
}

#[tokio::test]
async fn a_listed_runner_is_online_or_not() {
    let server = Server::start().await;
    let offline = json!({ "id": 9, "name": "GitHub Actions 9", "status": "offline" });
    server
        .on("GET /repos/acme/app/actions/runners", Reply::json(&json!({ "runners": [runner(5), offline] })));
    let listed = World::with_token(&server.address).github.list_runners(&repository()).await.unwrap();
    let seen: Vec<_> = listed.iter().map(|one| (one.id.0, one.name.as_str(), one.online)).collect();
    assert_eq!(seen, [(5, "ff-5-1", true), (9, "GitHub Actions 9", false)]);
    assert!(listed.iter().all(|runner| runner.scope == repository()));
}

// Pages smaller than asked for, one runner told twice because another registered meanwhile, and one that left.
#[tokio::test]
async fn a_list_that_changes_while_it_is_read_is_read_to_its_end() {
    let server = Server::start().await;
    for (page, runners) in [(1, vec![3, 2]), (2, vec![2, 1]), (3, vec![])] {
        let runners: Vec<Value> = runners.into_iter().map(runner).collect();
        let what = format!("{RUNNERS}?per_page=100&page={page}");
        server.on(&what, Reply::json(&json!({ "total_count": 5, "runners": runners })));
    }
    let listed = World::with_token(&server.address).github.list_runners(&organization()).await.unwrap();
    assert_eq!(listed.iter().map(|runner| runner.id.0).collect::<Vec<_>>(), [3, 2, 1]);
}

// Half a list would tell the fleet that the runners of the other half are gone.
#[tokio::test]
async fn a_list_without_end_or_without_sense_is_an_error() {
    for body in [
        json!({ "total_count": 1_000_000, "runners": [runner(1)] }),
        json!({ "total_count": 1, "runners": [{ "name": "without an id" }] }),
        json!({ "total_count": 1, "runners": null }),
        json!([]),
    ] {
        let server = Server::start().await;
        server.on(RUNNERS, Reply::json(&body));
        let listed = World::with_token(&server.address).github.list_runners(&organization()).await;
        assert!(matches!(listed, Err(GitHubError::Unavailable(_))), "{body}");
        assert!(server.heard().len() <= 100);
    }
}

#[tokio::test]
async fn a_runner_is_found_by_its_whole_name() {
    let server = Server::start().await;
    // As a server might that looks for a part of the name.
    let longer = json!({ "id": 9, "name": "ff-12-10", "status": "online" });
    put_list(&server, "name=ff-12-1&", &[longer, runner(12)]);
    put_list(&server, "name=ff-13-1&", &[]);
    let world = World::with_token(&server.address);
    let found = world.github.find_runner(&organization(), "ff-12-1").await.unwrap().unwrap();
    assert_eq!((found.id, found.name.as_str()), (GithubRunnerId(12), "ff-12-1"));
    assert_eq!(world.github.find_runner(&organization(), "ff-13-1").await.unwrap(), None);
    assert_eq!(server.heard().len(), 2);
}

#[tokio::test]
async fn a_server_that_does_not_filter_is_read_to_its_end() {
    let server = Server::start().await;
    let runners: Vec<Value> = (1..=250).map(runner).collect();
    put_list(&server, "name=ff-249-1&", &runners);
    let world = World::with_token(&server.address);
    let found = world.github.find_runner(&organization(), "ff-249-1").await.unwrap();
    assert_eq!(found.map(|runner| runner.id), Some(GithubRunnerId(249)));
}

#[tokio::test]
async fn a_name_cannot_change_the_request() {
    let server = Server::start().await;
    server.on(RUNNERS, Reply::json(&json!({ "total_count": 0, "runners": [] })));
    let world = World::with_token(&server.address);
    world.github.find_runner(&organization(), "a&per_page=1#/../é").await.unwrap();
    let asked = format!("{RUNNERS}?name=a%26per_page%3D1%23%2F..%2F%C3%A9&per_page=100&page=1");
    assert_eq!(server.heard(), [asked]);
}
