//! A GitHub App on its way from a manifest to an installation that sends webhooks. Only `fleetfoot setup` asks this.

use std::sync::Arc;

use fleetfoot_model::config::Credentials;
use fleetfoot_model::ids::Owner;
use fleetfoot_model::ports::{Clock, GitHubError, Secrets};
use fleetfoot_model::secret::{Secret, SecretReference};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::errors::refusal;
use crate::registration::{Account, App, Installation};
use crate::session::Session;
use crate::wire::{Call, Wire};

/// The most that a page holds. No App that `setup` makes is installed more than once.
const PER_PAGE: &str = "100";
/// The longest code that is passed on; GitHub's have 40 characters.
const LONGEST_CODE: usize = 128;

/// What GitHub tells once, when a manifest's code is exchanged, and never again.
#[derive(Debug)]
pub struct NewApp {
    /// Its id.
    pub id: u64,
    /// What its pages are called, such as `fleetfoot-acme`. A person may have chosen another name than the manifest's.
    pub slug: String,
    /// Its page, below which it is installed.
    pub html_url: String,
    /// Whose it is, if GitHub says so: whose page the browser was on.
    pub owner: Option<Account>,
    /// Its private key, in PEM.
    pub key: Secret,
}

#[derive(Deserialize)]
struct Conversion {
    id: u64,
    slug: String,
    html_url: String,
    /// Whatever it is, the key beside it must not be lost for it.
    #[serde(default)]
    owner: Value,
    pem: String,
}

/// Exchanges the code that GitHub sent a browser back with. It is good once, and for an hour (GitHub docs, "Registering a
/// GitHub App from a manifest").
///
/// # Errors
/// [`GitHubError::NotFound`] if the code is none, is used up or too old; [`GitHubError::Invalid`] if it cannot be one. No
/// error shows the code.
pub async fn convert_manifest(address: &str, code: &str, clock: &dyn Clock) -> Result<NewApp, GitHubError> {
    // It comes from a browser and becomes a part of a path.
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if code.is_empty() || code.len() > LONGEST_CODE || !code.chars().all(is_word) {
        return Err(GitHubError::Invalid("the code of the manifest is no code of GitHub's".to_owned()));
    }
    let call =
        Call::post(format!("app-manifests/{code}/conversions")).shown_as("app-manifests/CODE/conversions");
    let nobody = Secret::new("");
    let answer = Wire::new(address).send(&nobody, &call).await?;
    if let Some(error) = refusal(&call, &answer, &Secret::new(code), clock.now()) {
        return Err(error);
    }
    // GitHub makes a webhook secret and OAuth credentials, too. They are left alone: the webhook gets a secret that was
    // stored before, and nobody signs in with the App.
    let Conversion { id, slug, html_url, owner, pem } = answer.read(&call)?;
    Ok(NewApp { id, slug, html_url, owner: Account::deserialize(owner).ok(), key: Secret::new(pem) })
}

/// Whether an account is an organization rather than a user. GitHub tells anybody.
///
/// # Errors
/// [`GitHubError::NotFound`] if there is no such account; a server that wants everybody to sign in refuses.
pub async fn is_organization(address: &str, login: &Owner, clock: &dyn Clock) -> Result<bool, GitHubError> {
    #[derive(Deserialize)]
    struct User {
        r#type: String,
    }
    let call = Call::get(format!("users/{login}"));
    let nobody = Secret::new("");
    let answer = Wire::new(address).send(&nobody, &call).await?;
    match refusal(&call, &answer, &nobody, clock.now()) {
        Some(error) => Err(error),
        None => Ok(answer.read::<User>(&call)?.r#type == "Organization"),
    }
}

#[derive(Deserialize)]
struct HookConfiguration {
    #[serde(default)]
    url: Option<String>,
}

/// GitHub, asked as an App.
pub struct AppApi {
    session: Session,
}

impl AppApi {
    /// Signs in as the App `id` with the key that the reference leads to; it is read when something is asked.
    pub fn new(
        address: &str,
        id: u64,
        key: SecretReference,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        // No installation is asked anything.
        let credentials = Credentials::App { id, installation: 0, key };
        Self { session: Session::new(address, credentials, secrets, clock) }
    }

    /// The App itself.
    ///
    /// # Errors
    /// [`GitHubError::Unauthorized`] or [`GitHubError::NotFound`] if id and key do not belong together.
    pub async fn about(&self) -> Result<App, GitHubError> {
        let call = Call::get("app".to_owned());
        self.session.ask_as_app(&call).await?.read(&call)
    }

    /// Where it is installed; the first hundred.
    ///
    /// # Errors
    /// As [`Self::about`].
    pub async fn installations(&self) -> Result<Vec<Installation>, GitHubError> {
        let call = Call::get("app/installations".to_owned()).query("per_page", PER_PAGE);
        self.session.ask_as_app(&call).await?.read(&call)
    }

    /// Where its webhooks are sent.
    ///
    /// # Errors
    /// As [`Self::about`].
    pub async fn hook_url(&self) -> Result<Option<String>, GitHubError> {
        let call = Call::get("app/hook/config".to_owned());
        Ok(self.session.ask_as_app(&call).await?.read::<HookConfiguration>(&call)?.url)
    }

    /// From now on webhooks are sent there as JSON, signed with this secret.
    ///
    /// # Errors
    /// As [`Self::about`].
    pub async fn set_hook(&self, url: &str, secret: &Secret) -> Result<(), GitHubError> {
        let config = json!({
            "url": url, "content_type": "json", "insecure_ssl": "0", "secret": secret.expose(),
        });
        let call = Call::patch("app/hook/config".to_owned()).body(config);
        self.session.ask_as_app(&call).await.map(drop)
    }
}
