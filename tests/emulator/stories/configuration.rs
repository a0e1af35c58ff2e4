//! A deployment that is not configured yet, or wrongly.

use serde_json::Value;

use crate::harness::wait::{eventually, until};
use crate::harness::{System, fleet};

/// Without a configuration, and with one that has a mistake, no function starts: it says what is wrong, and no delivery
/// is answered as if it had been taken. Once the mistake is mended, GitHub is asked for the delivery again.
pub(crate) async fn without_one_no_delivery_is_lost(system: &System) {
    let job = system.push(&["self-hosted", "class:small"]);
    until("a delivery was refused", || system.github.state().webhooks().failed >= 1).await;
    assert_eq!(health(system).await.0, 503);
    says(system, "there is no parameter /fleetfoot/fleetfoot/config").await;

    let wrong = fleet(&system.github, &system.registry).replace("memory = 1024", "memory = 1000");
    let (written, told) = system.configure(&wrong).await;
    assert!(!written && told.contains("memory"), "{told}");
    system.configure_blindly(&wrong).await;
    assert_eq!(health(system).await.0, 503);
    says(system, "memory").await;
    let asked = system.aws.invoke(system.stack.resource("CleanupFunction"), &Value::Null).await;
    assert!(asked.failed, "a function without a configuration has handled something: {}", asked.payload);

    let (written, told) = system.configure(&fleet(&system.github, &system.registry)).await;
    assert!(written, "{told}");
    let (status, body) = health(system).await;
    assert_eq!(status, 200, "{body}");
    system.minute("CleanupFunction").await;
    assert_eq!(system.github.ended(job).await, "success");
    system.nothing_runs().await;
}

async fn health(system: &System) -> (u16, Value) {
    let response = system.http.get(format!("{}/health", system.api.address)).send().await.expect("an answer");
    (response.status().as_u16(), response.json().await.expect("a JSON answer"))
}

/// Waits until `ingest` has written something to its log.
async fn says(system: &System, words: &str) {
    let group = system.stack.resource("IngestLogs");
    eventually(&format!("the log of ingest says {words:?}"), async || {
        system.aws.logs(group).await.into_iter().find(|line| line.contains(words))
    })
    .await;
}
