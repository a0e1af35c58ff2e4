//! Webhook deliveries at the wire.

use fleetfoot_model::SignedDuration;
use fleetfoot_model::config::Target;
use fleetfoot_model::ids::DeliveryId;
use fleetfoot_model::ports::{Delivery, GitHub, GitHubError, Hook};
use serde_json::{Value, json};

use crate::support::{MINT, Reply, Server, World, start};

const APP: &str = "/app/hook/deliveries";

/// A delivery `minutes` before the start.
fn delivery(id: u64, minutes: i64, status_code: u16) -> Value {
    let at = start() - SignedDuration::from_mins(minutes);
    json!({
        "id": id, "guid": format!("guid-{id}"), "event": "workflow_job", "action": "queued", "redelivery": false,
        "delivered_at": at, "status": "OK", "status_code": status_code, "duration": 0.1,
        "installation_id": 42, "repository_id": 1,
    })
}

fn next(address: &str, cursor: &str) -> String {
    format!("<{address}{APP}?per_page=100&cursor={cursor}>; rel=\"next\"")
}

fn ids(deliveries: &[Delivery]) -> Vec<u64> {
    deliveries.iter().map(|delivery| delivery.id.0).collect()
}

async fn since(world: &World, minutes: i64) -> Result<Vec<Delivery>, GitHubError> {
    world.github.deliveries(start() - SignedDuration::from_mins(minutes)).await
}

#[tokio::test]
async fn the_deliveries_of_an_app_are_read_back_to_a_time() {
    let server = Server::start().await;
    let first = json!([delivery(9, 1, 200), delivery(8, 2, 502)]);
    let second = json!([delivery(7, 3, 0), delivery(6, 30, 200), delivery(5, 40, 500)]);
    server
        .on(
            &format!("GET {APP}?per_page=100"),
            Reply::json(&first).header("link", next(&server.address, "v1_8")),
        )
        .on(
            &format!("GET {APP}?per_page=100&cursor=v1_8"),
            Reply::json(&second).header("link", next(&server.address, "v1_5")),
        );
    let world = World::with_app(&server.address);
    let found = since(&world, 30).await.unwrap();
    assert_eq!(ids(&found), [9, 8, 7, 6]);
    assert_eq!(found.iter().map(|one| one.succeeded).collect::<Vec<_>>(), [true, false, false, true]);
    assert!(found.iter().all(|delivery| delivery.hook == Hook::App && delivery.event == "workflow_job"));
    assert_eq!(found[0].guid, "guid-9");
    // Asked for with the App's JWT alone: no installation token is needed.
    assert_eq!(server.heard().len(), 2);
}

#[tokio::test]
async fn one_call_reads_twenty_pages_at_most_and_asks_nobody_else() {
    let server = Server::start().await;
    let elsewhere = Server::start().await;
    let page = Reply::json(&json!([delivery(9, 1, 200)])).header("link", next(&elsewhere.address, "again"));
    server.on(&format!("GET {APP}"), page);
    let world = World::with_app(&server.address);
    assert_eq!(since(&world, 60).await.unwrap().len(), 20);
    assert_eq!((server.heard().len(), elsewhere.heard().len()), (20, 0));
}

#[tokio::test]
async fn hostile_deliveries_are_passed_over() {
    let server = Server::start().await;
    let mut strange = delivery(8, 1, 200);
    strange["status_code"] = json!(-1);
    server.on(&format!("GET {APP}"), Reply::json(&json!([null, {}, strange, delivery(7, 1, 500)])));
    assert_eq!(ids(&since(&World::with_app(&server.address), 60).await.unwrap()), [7]);
}

#[tokio::test]
async fn with_a_token_the_hooks_of_the_organization_are_asked() {
    let server = Server::start().await;
    let hooks = json!([
        { "id": 1, "active": true, "events": ["workflow_job", "workflow_run"] },
        { "id": 2, "active": true, "events": ["push"] },
        { "id": 3, "active": false, "events": ["workflow_job"] },
        { "id": 4, "active": true, "events": ["*"] },
    ]);
    server
        .on("GET /orgs/acme/hooks", Reply::json(&hooks))
        .on(
            "GET /orgs/acme/hooks/1/deliveries",
            Reply::json(&json!([delivery(9, 1, 500), delivery(7, 3, 500)])),
        )
        .on("GET /orgs/acme/hooks/4/deliveries", Reply::json(&json!([delivery(8, 2, 500)])));
    let found = since(&World::with_token(&server.address), 60).await.unwrap();
    assert_eq!(ids(&found), [9, 8, 7]);
    assert_eq!(found[1].hook, Hook::Organization("acme".parse().unwrap(), 4));
    assert_eq!(server.heard().len(), 3);
}

#[tokio::test]
async fn with_a_token_the_hooks_of_each_repository_are_asked() {
    let server = Server::start().await;
    let hooks = json!([{ "id": 1, "events": ["workflow_job"] }]);
    for (name, id) in [("app", 9), ("lib", 8)] {
        server.on(&format!("GET /repos/acme/{name}/hooks"), Reply::json(&hooks)).on(
            &format!("GET /repos/acme/{name}/hooks/1/deliveries"),
            Reply::json(&json!([delivery(id, 1, 500)])),
        );
    }
    let target = Target::Repositories(vec!["acme/app".parse().unwrap(), "acme/lib".parse().unwrap()]);
    let found = since(&World::with_token_for(&server.address, target), 60).await.unwrap();
    assert_eq!(ids(&found), [9, 8]);
    assert_eq!(found[1].hook, Hook::Repository("acme/lib".parse().unwrap(), 1));
}

#[tokio::test]
async fn hooks_that_may_not_be_seen_are_an_error() {
    let server = Server::start().await;
    server.on("GET /orgs/acme/hooks", Reply::refusal(403, "You must be an organization owner"));
    let error = since(&World::with_token(&server.address), 60).await.unwrap_err();
    assert!(matches!(error, GitHubError::Forbidden(_)), "{error}");
}

#[tokio::test]
async fn a_delivery_is_asked_for_again_where_it_was_made() {
    let server = Server::start().await;
    server.on(MINT, Reply::installation_token("ghs_first", "2026-11-21T11:00:00Z"));
    let world = World::with_app(&server.address);
    for (hook, path, is_token) in [
        (Hook::App, "/app/hook", false),
        (Hook::Organization("acme".parse().unwrap(), 4), "/orgs/acme/hooks/4", true),
        (Hook::Repository("acme/app".parse().unwrap(), 5), "/repos/acme/app/hooks/5", true),
    ] {
        let what = format!("POST {path}/deliveries/9/attempts");
        server.on(&what, Reply::new(202, "{}"));
        let delivery = Delivery {
            id: DeliveryId(9),
            guid: "guid-9".to_owned(),
            event: "workflow_job".to_owned(),
            delivered_at: start(),
            succeeded: false,
            hook,
        };
        world.github.redeliver(&delivery).await.unwrap();
        let asked = server.asked().pop().unwrap();
        assert_eq!(asked.what, what);
        assert_eq!(asked.header("authorization") == "Bearer ghs_first", is_token);
    }
    let world = World::with_token(&server.address);
    let of_app = Delivery {
        id: DeliveryId(9),
        guid: String::new(),
        event: String::new(),
        delivered_at: start(),
        succeeded: false,
        hook: Hook::App,
    };
    assert!(matches!(world.github.redeliver(&of_app).await, Err(GitHubError::Invalid(_))));
}
