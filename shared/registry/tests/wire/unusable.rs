//! Answers that name nothing that a runner can be started from.

use fleetfoot_model::ports::RegistryError;
use serde_json::{Value, json};

use crate::server::{Server, ok, status};
use crate::{naming, refusal, resolve, trouble};

fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

/// What an image is refused with whose manifest and configuration are these.
async fn refused(manifest: Value, configuration: &'static str) -> String {
    let server =
        Server::start(
            move |path| {
                if path.contains("/blobs/") { ok(configuration) } else { ok(manifest.to_string()) }
            },
        )
        .await;
    refusal(&naming(&server.host), &format!("{}/app", server.host)).await
}

/// A manifest whose configuration is `{}`.
fn manifest() -> Value {
    let empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    json!({ "schemaVersion": 2, "config": { "digest": empty }, "layers": [] })
}

#[tokio::test]
async fn what_is_no_image_is_refused() {
    let both = json!({ "manifests": [], "config": { "digest": digest('a') }, "layers": [] });
    let other = json!({ "config": { "digest": "sha512:ab" }, "layers": [] });
    for (answer, said) in [
        (json!({ "schemaVersion": 1, "fsLayers": [] }), "before 2016"),
        (json!({}), "no container image"),
        (both, "both a list"),
        (other, "not of sha256"),
        (manifest(), "no container image"),
        (json!({ "manifests": [] }), "only for nothing that runs"),
    ] {
        let text = refused(answer.clone(), "{}").await;
        assert!(text.contains(said), "{answer}: {text}");
    }
}

#[tokio::test]
async fn a_configuration_that_is_not_what_its_digest_says_is_refused() {
    let text = refused(manifest(), r#"{"os":"linux","architecture":"amd64"}"#).await;
    assert!(text.contains("is not what its digest says"), "{text}");
}

#[tokio::test]
async fn the_platforms_that_are_there_are_named() {
    let entry = |os: &str, architecture: &str, variant: Option<&str>| {
        let platform = json!({ "os": os, "architecture": architecture, "variant": variant });
        json!({ "digest": digest('a'), "platform": platform })
    };
    let entries = json!({ "manifests": [
        entry("linux", "arm", Some("v7")),
        entry("windows", "amd64", None),
        entry("linux", "amd64", Some("v3")),
        entry("unknown", "unknown", None),
        entry("linux", "<script>\n", None),
        { "digest": digest('b') },
        { "digest": "sha512:ab", "platform": { "os": "linux", "architecture": "amd64" } },
    ] });
    let text = refused(entries, "").await;
    assert!(text.contains("only for linux/amd64/v3, linux/arm/v7, linux/script, windows/amd64;"), "{text}");
}

#[tokio::test]
async fn the_first_that_suits_is_taken() {
    let entry = |digit, variant: &str| {
        let platform = json!({ "os": "linux", "architecture": "amd64", "variant": variant });
        json!({ "digest": digest(digit), "platform": platform })
    };
    let list = json!({ "manifests": [entry('a', "v2"), entry('b', "v1"), entry('c', "")] });
    let server = Server::start(move |_| ok(list.to_string())).await;
    let base = resolve(&naming(&server.host), &format!("{}/app", server.host)).await.unwrap();
    assert_eq!(base.digest.to_string(), digest('b'));
}

#[tokio::test]
async fn what_may_be_better_next_time_is_asked_again() {
    let cut = Server::start(|_| ok(r#"{"manifests":["#)).await;
    let text = trouble(&naming(&cut.host), &format!("{}/app", cut.host)).await;
    assert!(text.contains("cannot be read"), "{text}");
    for code in [408, 500, 502, 503, 504] {
        let server = Server::start(move |_| status(code)).await;
        let text = trouble(&naming(&server.host), &format!("{}/app", server.host)).await;
        assert!(text.ends_with(&format!("answered {code}")), "{text}");
    }
    let busy = Server::start(|_| crate::server::with(429, "retry-after", "7")).await;
    let answer = resolve(&naming(&busy.host), &format!("{}/app", busy.host)).await;
    let until = "2026-11-21T10:00:07Z".parse().unwrap();
    assert_eq!(answer, Err(RegistryError::Throttled { until }));
}
