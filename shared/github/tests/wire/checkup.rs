//! How a fleet stands at GitHub, at the wire.

use fleetfoot_model::ports::{GitHubError, Hook};
use serde_json::{Value, json};

use crate::support::{MINT, Reply, Server, World};

const HOOK: &str = "GET /app/hook/config";

fn config(more: &Value) -> Value {
    let mut config = json!({ "url": "https://here/webhook", "content_type": "json", "insecure_ssl": "0" });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

#[tokio::test]
async fn an_app_and_its_installation_are_asked_for_with_the_apps_jwt_alone() {
    let server = Server::start().await;
    let account = json!({ "login": "acme", "type": "Organization", "id": 1 });
    server
        .on(
            "GET /app",
            Reply::json(&json!({
                "id": 1, "slug": "fleet", "html_url": "https://app", "owner": account, "permissions": { "actions": "read" }, "events": ["workflow_job"],
            })),
        )
        .on(
            "GET /app/installations/42",
            Reply::json(&json!({
                "id": 42, "account": account, "html_url": "https://page", "repository_selection": "selected",
                "permissions": {}, "events": [], "suspended_at": "2026-11-01T00:00:00Z",
            })),
        );
    let world = World::with_app(&server.address);
    let app = world.github.app().await.unwrap();
    assert_eq!((app.slug.as_str(), app.permissions["actions"].as_str()), ("fleet", "read"));
    let installation = world.github.installation(42).await.unwrap();
    assert_eq!(installation.account.login, "acme");
    assert!(installation.suspended_at.is_some());
    assert_eq!(server.heard().len(), 2, "no installation token was needed");
}

#[tokio::test]
async fn the_apps_webhook_is_read_and_its_secret_is_not() {
    for (more, has_secret, verifies_tls) in [
        (json!({ "secret": "********" }), true, true),
        (json!({ "insecure_ssl": "1" }), false, false),
        (json!({ "insecure_ssl": 1, "secret": null }), false, false),
        (json!({ "insecure_ssl": 0, "secret": "" }), false, true),
    ] {
        let server = Server::start().await;
        server.on(HOOK, Reply::json(&config(&more)));
        let hooks = World::with_app(&server.address).github.webhooks(None).await.unwrap();
        let [hook] = &hooks[..] else { panic!("{hooks:?}") };
        assert_eq!((hook.has_secret, hook.verifies_tls), (has_secret, verifies_tls), "{more}");
        assert_eq!((&hook.hook, hook.address.as_str()), (&Hook::App, "https://here/webhook"));
        assert_eq!((hook.active, &hook.events), (None, &None), "GitHub does not tell");
    }
}

#[tokio::test]
async fn with_a_token_the_webhooks_that_tell_of_jobs_or_lead_here_are_read() {
    let server = Server::start().await;
    let entry = |id: u64, url: &str, events: Value| json!({ "id": id, "active": id != 3, "events": events, "config": config(&json!({ "url": url })) });
    let hooks = json!([
        entry(1, "https://elsewhere", json!(["push"])),
        entry(2, "https://here/webhook", json!(["push"])),
        entry(3, "https://elsewhere", json!(["workflow_job"])),
    ]);
    server.on("GET /orgs/acme/hooks?per_page=100", Reply::json(&hooks));
    let world = World::with_token(&server.address);
    let found = world.github.webhooks(Some("https://here/webhook")).await.unwrap();
    let told: Vec<_> = found.iter().map(|hook| (hook.address.as_str(), hook.active)).collect();
    assert_eq!(told, [("https://here/webhook", Some(true)), ("https://elsewhere", Some(false))]);
}

#[tokio::test]
async fn what_is_left_of_the_hour_and_githubs_clock_are_told() {
    let server = Server::start().await;
    let limits =
        json!({ "resources": { "core": { "limit": 5000, "remaining": 4321, "reset": 1_795_262_400 } } });
    server
        .on(MINT, Reply::installation_token("ghs_1", "2027-11-20T09:00:00Z"))
        .on("GET /rate_limit", Reply::json(&limits).header("date", "Fri, 20 Nov 2026 08:00:07 GMT"))
        .on("GET /meta", Reply::json(&json!({})).header("date", "Fri, 20 Nov 2026 08:00:07 GMT"));
    let world = World::with_app(&server.address);
    let budget = world.github.rate_limit().await.unwrap();
    assert_eq!((budget.limit, budget.remaining), (5000, 4321));
    let date = Some("2026-11-20T08:00:07Z".parse().unwrap());
    assert_eq!(budget.date, date);
    assert_eq!(world.github.reach().await.unwrap(), date);
}

#[tokio::test]
async fn a_group_is_of_an_organization_and_a_refusal_is_passed_on() {
    let server = Server::start().await;
    server
        .on(MINT, Reply::installation_token("ghs_1", "2027-11-20T09:00:00Z"))
        .on(
            "GET /orgs/acme/actions/runner-groups/7",
            Reply::json(&json!({ "name": "Default", "visibility": "all" })),
        )
        .on(
            "GET /orgs/acme/actions/runners?per_page=1",
            Reply::refusal(403, "Resource not accessible by integration"),
        );
    let world = World::with_app(&server.address);
    let group = world.github.runner_group().await.unwrap().unwrap();
    assert_eq!((group.name.as_str(), group.allows_public_repositories), ("Default", false));
    let scope = fleetfoot_model::runner::Scope::Organization("acme".parse().unwrap());
    assert!(matches!(world.github.may_list_runners(&scope).await, Err(GitHubError::Forbidden(_))));
}
