//! The webhooks of repositories and organizations, for a fleet that signs in with a token. Only `fleetfoot setup` asks
//! this.

use std::sync::Arc;

use fleetfoot_model::config::Credentials;
use fleetfoot_model::ports::{Clock, GitHubError, Secrets};
use fleetfoot_model::runner::Scope;
use fleetfoot_model::secret::{Secret, SecretReference};
use serde::Deserialize;
use serde_json::json;

use crate::permissions::WEBHOOK_EVENTS;
use crate::session::Session;
use crate::wire::Call;

/// GitHub allows 20 webhooks for each event (GitHub docs, "About webhooks"), so one page has all that matter.
const PER_PAGE: &str = "100";

/// What was done to have a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookChange {
    /// There was none.
    Created,
    /// It was there, and was set up anew: nobody can see whether its secret is the right one.
    Updated,
}

#[derive(Deserialize)]
struct Listed {
    id: u64,
    #[serde(default)]
    config: Config,
}

#[derive(Default, Deserialize)]
struct Config {
    #[serde(default)]
    url: Option<String>,
}

/// GitHub, asked with a personal access token.
pub struct HooksApi {
    session: Session,
}

impl HooksApi {
    /// Signs in with the token that the reference leads to.
    pub fn new(
        address: &str,
        token: SecretReference,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { session: Session::new(address, Credentials::Token(token), secrets, clock) }
    }

    /// Sees to it that an organization or a repository sends its jobs to `url`, signed with this secret.
    ///
    /// # Errors
    /// [`GitHubError::NotFound`] or [`GitHubError::Forbidden`] if the token may not.
    pub async fn ensure(&self, scope: &Scope, url: &str, secret: &Secret) -> Result<HookChange, GitHubError> {
        let path = match scope {
            Scope::Organization(owner) => format!("orgs/{owner}/hooks"),
            Scope::Repository(repository) => format!("repos/{repository}/hooks"),
        };
        let call = Call::get(path.clone()).query("per_page", PER_PAGE);
        let listed: Vec<Listed> = self.session.ask(&call).await?.read(&call)?;
        let config = json!({
            "url": url, "content_type": "json", "insecure_ssl": "0", "secret": secret.expose(),
        });
        let mut body = json!({ "active": true, "events": WEBHOOK_EVENTS, "config": config });
        let found = listed.into_iter().find(|it| it.config.url.as_deref() == Some(url));
        let (call, change) = if let Some(Listed { id, .. }) = found {
            (Call::patch(format!("{path}/{id}")), HookChange::Updated)
        } else {
            // GitHub knows no other name.
            body["name"] = json!("web");
            (Call::post(path), HookChange::Created)
        };
        self.session.ask(&call.body(body)).await.map(|_| change)
    }
}
