//! Carries webhooks to their target and says how they were answered.

use std::io;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::Face;
use crate::github::OutgoingWebhook;

/// How often it is looked whether something has come due.
const TICK: Duration = Duration::from_millis(10);
/// GitHub gives a webhook's receiver ten seconds (GitHub documentation, "Best practices for using webhooks").
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends webhooks as they come due, wakes runners that have messages, and notices runners that fell silent.
pub(super) async fn run(face: Face) -> io::Result<()> {
    let client = crate::http::client(PATIENCE).map_err(io::Error::other)?;
    let mut under_way = JoinSet::new();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let webhooks = {
            let now = face.now();
            let mut github = face.github();
            github.lose_silent(now);
            if github.has_messages() {
                face.bell.notify_waiters();
            }
            github.due(now)
        };
        for webhook in webhooks {
            under_way.spawn(carry(face.clone(), client.clone(), webhook));
        }
        while under_way.try_join_next().is_some() {}
    }
}

async fn carry(face: Face, client: reqwest::Client, webhook: OutgoingWebhook) {
    let mut request = client.post(&face.webhook_url).body(webhook.body);
    for (name, value) in webhook.headers {
        request = request.header(name, value);
    }
    let status = match request.send().await {
        Ok(response) => response.status().as_u16(),
        Err(_) => 0,
    };
    face.github().delivered(face.now(), webhook.delivery_id, status);
}
