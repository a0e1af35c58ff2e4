//! Runners, deliveries and webhooks as GitHub's REST API shows them.

use fleetfoot_model::ports::Hook;
use serde_json::{Value, json};

use crate::github::{DeliveryView, HOOK_ID, RunnerView};

pub(super) fn runner(view: &RunnerView) -> Value {
    let labels = view.labels.iter().enumerate();
    json!({
        "id": view.id,
        "runner_group_id": 1,
        "name": view.name,
        // It is not known before the runner has connected.
        "os": if view.online { "Linux" } else { "unknown" },
        "status": if view.online { "online" } else { "offline" },
        "busy": view.busy,
        "ephemeral": true,
        "labels": labels.map(|(n, it)| json!({ "id": n + 1, "name": it, "type": "custom" })).collect::<Vec<_>>(),
    })
}

pub(super) fn delivery(view: &DeliveryView) -> Value {
    let status = match view.status_code {
        200..300 => "OK".to_owned(),
        0 => "timed out".to_owned(),
        code => format!("Invalid HTTP Response: {code}"),
    };
    json!({
        "id": view.delivery.id,
        "guid": view.delivery.guid,
        "delivered_at": view.delivery.delivered_at,
        "redelivery": view.redelivery,
        "duration": 0.03,
        "status": status,
        "status_code": view.status_code,
        "event": view.delivery.event,
        "action": view.action,
        "installation_id": 42,
        "repository_id": 1,
        "throttled_at": null,
    })
}

/// A webhook of an organization or a repository.
pub(super) fn hook(hook: &Hook, url: &str, webhook_url: &str) -> Value {
    let kind = if matches!(hook, Hook::Repository(..)) { "Repository" } else { "Organization" };
    json!({
        "id": HOOK_ID,
        "type": kind,
        "name": "web",
        "active": true,
        "events": ["workflow_job", "workflow_run"],
        "config": { "url": webhook_url, "content_type": "json", "insecure_ssl": "0", "secret": "********" },
        "url": url,
        "test_url": format!("{url}/test"),
        "ping_url": format!("{url}/pings"),
        "deliveries_url": format!("{url}/deliveries"),
        "created_at": "2026-01-05T10:00:00Z",
        "updated_at": "2026-01-05T10:00:00Z",
        "last_response": { "code": 202, "status": "active", "message": "OK" },
    })
}
