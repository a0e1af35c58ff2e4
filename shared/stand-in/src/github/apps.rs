//! GitHub Apps: from a manifest to an App, its installation and its webhook (GitHub docs, "Registering a GitHub App from a
//! manifest", read November 2026).

use std::collections::BTreeMap;

use fleetfoot_model::ports::GitHubError;
use fleetfoot_model::secret::Secret;
use fleetfoot_model::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::StandInGitHub;

/// How long a manifest's code is good.
const CODE_LIFE: SignedDuration = SignedDuration::from_hours(1);
/// The longest name of an App.
const LONGEST_NAME: usize = 34;
const FIRST_APP: u64 = 1_204_301;
const FIRST_INSTALLATION: u64 = 61_007_001;

/// What an App is to be.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Manifest {
    name: String,
    /// The App's home page, mandatory.
    #[serde(rename = "url")]
    _url: String,
    redirect_url: String,
    #[serde(default)]
    public: bool,
    hook_attributes: HookAttributes,
    #[serde(default)]
    default_permissions: BTreeMap<String, String>,
    #[serde(default)]
    default_events: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct HookAttributes {
    url: String,
    #[serde(default = "yes")]
    active: bool,
}

fn yes() -> bool {
    true
}

/// An App.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredApp {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// What its pages are called.
    pub slug: String,
    /// The organization or user that it belongs to.
    pub owner: String,
    /// Whether others may install it.
    pub public: bool,
    /// What it asks to be allowed.
    pub permissions: BTreeMap<String, String>,
    /// What its webhook is told of.
    pub events: Vec<String>,
    /// Where webhooks go.
    pub hook_url: String,
    /// Whether any are sent.
    pub hook_active: bool,
    /// What they are signed with.
    pub hook_secret: Secret,
    /// Where it is installed: the installation's id, and whose it is.
    pub installation: Option<(u64, String)>,
}

#[derive(Debug)]
struct Draft {
    app: u64,
    at: Timestamp,
    is_used: bool,
}

/// All Apps.
#[derive(Debug, Default)]
pub(super) struct Apps {
    drafts: BTreeMap<String, Draft>,
    /// Those whose code was not exchanged, too: a person sees them in the settings.
    apps: BTreeMap<u64, RegisteredApp>,
}

impl StandInGitHub {
    /// A person has seen the manifest and says yes. Answers where the browser is sent, with the code.
    ///
    /// # Errors
    /// [`GitHubError::Invalid`]: what GitHub's page would say instead.
    pub(crate) fn create_app(
        &mut self,
        now: Timestamp,
        organization: Option<&str>,
        manifest: &str,
        state: &str,
    ) -> Result<String, GitHubError> {
        let now = self.advance(now);
        let invalid = |words: String| Err(GitHubError::Invalid(words));
        let manifest: Manifest = match serde_json::from_str(manifest) {
            Ok(manifest) => manifest,
            Err(error) => return invalid(format!("Error: invalid manifest: {error}")),
        };
        let Manifest {
            name, redirect_url, public, hook_attributes, default_permissions, default_events, ..
        } = manifest;
        if name.is_empty() || name.chars().count() > LONGEST_NAME {
            return invalid(format!("Name is too long (maximum is {LONGEST_NAME} characters)"));
        }
        let slug = name.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        if self.apps.apps.values().any(|app| app.slug == slug) {
            return invalid("Name is already taken".to_owned());
        }
        let id = FIRST_APP + self.apps.apps.len() as u64;
        let app = RegisteredApp {
            id,
            name,
            slug,
            owner: organization.unwrap_or("octocat").to_owned(),
            public,
            permissions: default_permissions,
            events: default_events,
            hook_url: hook_attributes.url,
            hook_active: hook_attributes.active,
            hook_secret: Secret::new(hex::encode(self.dice.bytes::<20>())),
            installation: None,
        };
        self.apps.apps.insert(id, app);
        let code = hex::encode(self.dice.bytes::<20>());
        self.apps.drafts.insert(code.clone(), Draft { app: id, at: now, is_used: false });
        Ok(format!("{redirect_url}?code={code}&state={state}"))
    }

    /// Exchanges a code, once.
    ///
    /// # Errors
    /// [`GitHubError::NotFound`] if there is none, it is used up, or older than an hour.
    pub(crate) fn convert(&mut self, now: Timestamp, code: &str) -> Result<&RegisteredApp, GitHubError> {
        let now = self.advance(now);
        let good = |draft: &&mut Draft| !draft.is_used && draft.at + CODE_LIFE >= now;
        let draft = self.apps.drafts.get_mut(code).filter(good);
        let draft = draft.ok_or_else(|| GitHubError::NotFound("Not Found".to_owned()))?;
        draft.is_used = true;
        Ok(&self.apps.apps[&draft.app])
    }

    /// Installs an App with its owner, or with another account if it is public.
    ///
    /// # Errors
    /// [`GitHubError::NotFound`] if there is none of this name, or it is another's.
    pub fn install_app(&mut self, slug: &str, account: Option<&str>) -> Result<u64, GitHubError> {
        let next = FIRST_INSTALLATION
            + self.apps.apps.values().filter(|app| app.installation.is_some()).count() as u64;
        let app = self.apps.apps.values_mut().find(|app| {
            app.slug == slug && (app.public || account.is_none_or(|account| account == app.owner))
        });
        let app = app.ok_or_else(|| GitHubError::NotFound("Not Found".to_owned()))?;
        let (id, _) =
            app.installation.get_or_insert_with(|| (next, account.unwrap_or(&app.owner).to_owned()));
        Ok(*id)
    }

    /// An App by its id; `None` once somebody has deleted it.
    pub fn app(&self, id: u64) -> Option<&RegisteredApp> {
        self.apps.apps.get(&id)
    }

    /// Whether somebody has made this App, and may have deleted it since.
    pub(crate) fn has_made_app(&self, id: u64) -> bool {
        self.apps.drafts.values().any(|draft| draft.app == id)
    }

    /// Every App.
    pub fn registered_apps(&self) -> impl Iterator<Item = &RegisteredApp> {
        self.apps.apps.values()
    }

    /// Somebody deletes an App in its settings.
    pub fn delete_app(&mut self, id: u64) {
        self.apps.apps.remove(&id);
    }

    /// The App's webhook goes there from now on. What the App sends is signed with the new secret.
    pub(crate) fn set_app_hook(&mut self, id: u64, url: Option<&str>, secret: Option<&str>) {
        let Some(app) = self.apps.apps.get_mut(&id) else { return };
        if let Some(url) = url {
            url.clone_into(&mut app.hook_url);
        }
        if let Some(secret) = secret {
            app.hook_secret = Secret::new(secret);
            self.settings.webhook_secret = app.hook_secret.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::github::Settings;

    const MANIFEST: &str = r#"{ "name": "Fleetfoot acme", "url": "https://example.com",
        "redirect_url": "http://127.0.0.1:1/callback", "hook_attributes": { "url": "https://example.com" } }"#;

    fn now() -> Timestamp {
        "2026-11-21T10:00:00Z".parse().unwrap()
    }

    fn github() -> StandInGitHub {
        StandInGitHub::new(Settings::new(1, Secret::new("s")))
    }

    /// Makes an App and answers its code.
    fn code(github: &mut StandInGitHub) -> String {
        let back = github.create_app(now(), Some("acme"), MANIFEST, "st").unwrap();
        let code = back.strip_prefix("http://127.0.0.1:1/callback?code=").unwrap();
        code.strip_suffix("&state=st").unwrap().to_owned()
    }

    #[test]
    fn a_code_is_good_once_and_for_an_hour() {
        let mut github = github();
        let first = code(&mut github);
        assert_eq!(github.convert(now(), &first).unwrap().slug, "fleetfoot-acme");
        assert!(github.convert(now(), &first).is_err());
        assert!(github.convert(now(), "another").is_err());
        let mut github = self::github();
        let late = code(&mut github);
        assert!(github.convert(now() + CODE_LIFE + SignedDuration::from_secs(1), &late).is_err());
    }

    #[test]
    fn names_are_unique_and_manifests_are_read() {
        let mut github = github();
        code(&mut github);
        assert!(github.create_app(now(), Some("acme"), MANIFEST, "st").is_err(), "the name is taken");
        assert!(github.create_app(now(), None, "{}", "st").is_err());
        let long = MANIFEST.replace("Fleetfoot", &"F".repeat(30));
        assert!(github.create_app(now(), None, &long, "st").is_err());
    }

    #[test]
    fn an_app_that_is_not_public_is_its_owners() {
        let mut github = github();
        code(&mut github);
        assert!(github.install_app("fleetfoot-acme", Some("other")).is_err());
        let id = github.install_app("fleetfoot-acme", None).unwrap();
        assert_eq!(github.install_app("fleetfoot-acme", Some("acme")).unwrap(), id, "it is installed once");
    }
}
