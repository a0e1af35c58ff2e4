//! Everything that runs while stories are told.

use fleetfoot_model::secret::Secret;

use super::GitHub;
use super::gateway::Gateway;
use super::slack::Slack;

/// What webhooks are signed with.
const WEBHOOK_SECRET: &str = "test-only-webhook-secret";

/// Everything that runs while stories are told.
pub(crate) struct System {
    pub(crate) github: GitHub,
    pub(crate) slack: Slack,
}

impl System {
    /// Puts everything up.
    pub(crate) async fn start() -> Self {
        let api = Gateway::start().await;
        let webhook_url = format!("{}/webhook", api.address);
        let github = GitHub::start(&Secret::new(WEBHOOK_SECRET), webhook_url).await;
        Self { github, slack: Slack::start().await }
    }
}
