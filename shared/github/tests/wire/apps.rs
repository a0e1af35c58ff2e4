//! An App on its way into being, at the wire.

use fleetfoot_github::{AppApi, HookChange, HooksApi, convert_manifest};
use fleetfoot_model::ports::GitHubError;
use fleetfoot_model::runner::Scope;
use fleetfoot_model::secret::Secret;
use serde_json::json;

use crate::support::{KEY, Reply, Server, World};

const CODE: &str = "a180b1a3d263c81bc6441d7b990bae27d4c10679";

#[tokio::test]
async fn a_code_is_exchanged_as_nobody_and_is_in_no_error() {
    let server = Server::start().await;
    let what = format!("POST /app-manifests/{CODE}/conversions");
    let app = json!({
        "id": 12, "slug": "fleetfoot-acme", "html_url": "https://github.com/apps/fleetfoot-acme", "pem": KEY,
        "webhook_secret": null, "client_secret": "c", "owner": { "login": "acme", "type": "Organization" },
    });
    server.on(&what, Reply::new(201, app.to_string())).on(&what, Reply::refusal(404, "Not Found"));
    let world = World::with_token(&server.address);
    let convert = async |code: &str| convert_manifest(&server.address, code, &*world.clock).await;
    let app = convert(CODE).await.unwrap();
    assert_eq!((app.id, app.slug.as_str(), app.key.expose()), (12, "fleetfoot-acme", KEY));
    assert_eq!(app.owner.as_ref().map(|it| it.login.as_str()), Some("acme"));
    assert!(!format!("{app:?}").contains("PRIVATE"));
    assert_eq!(server.asked()[0].header("authorization"), "");
    let again = convert(CODE).await.unwrap_err();
    assert!(matches!(again, GitHubError::NotFound(_)) && !again.to_string().contains(CODE), "{again}");
    for hostile in ["", "..", "a/b", "a%2fb", "a?b", "a\r\nb", &"a".repeat(200)] {
        assert!(matches!(convert(hostile).await, Err(GitHubError::Invalid(_))), "{hostile:?}");
    }
    assert_eq!(server.count(&what), 2, "nothing of that was sent");
    assert_eq!(server.heard().len(), 2);
}

#[tokio::test]
async fn a_key_is_not_lost_for_an_owner_that_is_not_understood() {
    for (owner, name) in [
        (json!(null), None),
        (json!({ "id": 1 }), None),
        (json!({ "slug": "acme-corp", "name": "ACME" }), Some("acme-corp")),
    ] {
        let server = Server::start().await;
        let app = json!({ "id": 12, "slug": "s", "html_url": "h", "pem": KEY, "owner": owner });
        server.on(&format!("POST /app-manifests/{CODE}/conversions"), Reply::new(201, app.to_string()));
        let world = World::with_token(&server.address);
        let app = convert_manifest(&server.address, CODE, &*world.clock).await.unwrap();
        assert_eq!((app.owner.as_ref().map(|it| it.login.as_str()), app.key.expose()), (name, KEY));
    }
}

#[tokio::test]
async fn an_app_asks_about_itself_with_its_own_jwt() {
    let server = Server::start().await;
    server
        .on(
            "GET /app",
            Reply::json(&json!({ "id": 1, "slug": "s", "html_url": "h", "owner": { "login": "acme" } })),
        )
        .on(
            "GET /app/installations",
            Reply::json(&json!([
                { "id": 5, "account": { "login": "acme" }, "suspended_at": "2026-11-21T10:00:00Z" },
            ])),
        )
        .on("PATCH /app/hook/config", Reply::json(&json!({})));
    let world = World::with_app(&server.address);
    let key = "file:app.pem".parse().unwrap();
    let api = AppApi::new(&server.address, 1, key, world.vault.clone(), world.clock.clone());
    assert_eq!(api.about().await.unwrap().slug, "s");
    let installations = api.installations().await.unwrap();
    assert!(installations[0].suspended_at.is_some() && installations[0].account.login == "acme");
    api.set_hook("https://x/webhook", &Secret::new("s3")).await.unwrap();
    let asked = server.asked();
    assert_eq!(
        asked[2].body,
        json!({ "url": "https://x/webhook", "content_type": "json", "insecure_ssl": "0", "secret": "s3" })
    );
    assert!(asked.iter().all(|it| it.header("authorization").split('.').count() == 3), "a JWT each time");
}

#[tokio::test]
async fn a_webhook_is_added_once_and_set_up_anew_later() {
    let server = Server::start().await;
    let (list, url) = ("GET /repos/acme/app/hooks", "https://x/webhook");
    let other = json!({ "id": 7, "config": { "url": "https://elsewhere" } });
    let own = json!({ "id": 8, "config": { "url": url } });
    server
        .on(list, Reply::json(&json!([other])))
        .on(list, Reply::json(&json!([other, own])))
        .on("POST /repos/acme/app/hooks", Reply::new(201, "{}"))
        .on("PATCH /repos/acme/app/hooks/8", Reply::json(&json!({})));
    let world = World::with_token(&server.address);
    let token = "file:token".parse().unwrap();
    let api = HooksApi::new(&server.address, token, world.vault.clone(), world.clock.clone());
    let scope = Scope::Repository("acme/app".parse().unwrap());
    let secret = Secret::new("s3");
    assert_eq!(api.ensure(&scope, url, &secret).await.unwrap(), HookChange::Created);
    assert_eq!(api.ensure(&scope, url, &secret).await.unwrap(), HookChange::Updated);
    let added = &server.asked()[1].body;
    assert_eq!((&added["name"], &added["events"]), (&json!("web"), &json!(["workflow_job", "workflow_run"])));
    assert_eq!(added["config"]["secret"], "s3");
}
