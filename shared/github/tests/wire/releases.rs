//! The runner's releases, at the wire.

use fleetfoot_model::ports::{GitHub, GitHubError};
use serde_json::json;

use crate::support::{Reply, Server, World};

const RELEASES: &str = "GET /repos/actions/runner/releases";

/// What everybody may read is asked for as nobody, so that a function that watches it needs no secret.
#[tokio::test]
async fn releases_are_asked_for_without_credentials() {
    let server = Server::start().await;
    let release = json!({ "tag_name": "v2.332.0", "published_at": "2026-02-20T12:00:00Z" });
    server.on(RELEASES, Reply::json(&json!([release])));
    let world = World::with_app(&server.address);
    world.vault.hold(None);
    let releases = world.github.runner_releases().await.unwrap();
    assert_eq!(releases[0].version.to_string(), "2.332.0");
    assert_eq!(releases[0].published_at, "2026-02-20T12:00:00Z".parse().unwrap());
    assert_eq!(server.heard(), [format!("{RELEASES}?per_page=30")]);
    assert_eq!(server.asked()[0].header("authorization"), "");
    assert_eq!(world.vault.reads(), 0);
}

#[tokio::test]
async fn a_refusal_is_told_apart_from_a_limit() {
    let server = Server::start().await;
    server.on(RELEASES, Reply::refusal(404, "Not Found"));
    let world = World::with_token(&server.address);
    assert!(matches!(world.github.runner_releases().await, Err(GitHubError::NotFound(_))));

    let server = Server::start().await;
    let limited = Reply::refusal(403, "API rate limit exceeded").header("x-ratelimit-remaining", "0");
    server.on(RELEASES, limited);
    let world = World::with_token(&server.address);
    assert!(matches!(world.github.runner_releases().await, Err(GitHubError::RateLimited { .. })));
}
