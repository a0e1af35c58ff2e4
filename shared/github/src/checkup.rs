//! How a fleet stands at GitHub: its App, its installation, its webhooks, what was delivered, what may be asked. It is
//! for people who look for a mistake; no function asks any of it.

use std::cmp::Reverse;

use fleetfoot_model::Timestamp;
use fleetfoot_model::config::Target;
use fleetfoot_model::ports::{GitHubError, Hook};
use fleetfoot_model::runner::Scope;
use http::header::DATE;
use jiff::fmt::rfc2822;
use serde::Deserialize;
use serde_json::Value;

use crate::client::GitHubClient;
use crate::deliveries::{self, HookEntry};
use crate::pages;
use crate::registration::{App, Installation};
use crate::runners;
use crate::wire::{Answer, Call};

/// How many repositories of an installation are looked through.
const REPOSITORY_PAGES: usize = 20;

/// A webhook, as it is set up at GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Whose it is.
    pub hook: Hook,
    /// Where it sends to. Empty if there is none.
    pub address: String,
    /// `json` or `form`.
    pub content_type: String,
    /// Whether it signs what it sends.
    pub has_secret: bool,
    /// Whether it looks at the certificate of whom it sends to.
    pub verifies_tls: bool,
    /// Whether it sends anything; GitHub does not tell it of an App's.
    pub active: Option<bool>,
    /// What it tells of; an App's are with the [`App`].
    pub events: Option<Vec<String>>,
}

/// A delivery that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TriedDelivery {
    /// `X-GitHub-Delivery`.
    pub guid: String,
    /// The event.
    pub event: String,
    /// When.
    pub delivered_at: Timestamp,
    /// What the other side answered, in GitHub's words, such as `OK` or `timed out`.
    #[serde(default)]
    pub status: String,
    /// The status that it answered; 0 if it did not.
    #[serde(default)]
    pub status_code: u16,
}

impl TriedDelivery {
    /// Whether it was accepted.
    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.status_code)
    }
}

/// How much may be asked within the hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests in all.
    pub limit: u64,
    /// How many are left.
    pub remaining: u64,
    /// When it is full again.
    pub resets_at: Timestamp,
    /// What GitHub's clock said, in whole seconds.
    pub date: Option<Timestamp>,
}

/// A runner group of an organization.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RunnerGroup {
    /// Its name.
    pub name: String,
    /// Whose jobs its runners take: `all`, `selected` or `private`.
    #[serde(default)]
    pub visibility: String,
    /// Whether those of public repositories, too.
    #[serde(default)]
    pub allows_public_repositories: bool,
    /// Whether only those of certain workflows.
    #[serde(default)]
    pub restricted_to_workflows: bool,
}

#[derive(Deserialize)]
struct HookConfig {
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    content_type: Option<String>,
    #[serde(default)]
    secret: Option<String>,
    /// `"0"`, `"1"`, or the number.
    #[serde(default)]
    insecure_ssl: Value,
}

#[derive(Deserialize)]
struct ListedHook {
    #[serde(flatten)]
    entry: HookEntry,
    config: HookConfig,
}

#[derive(Deserialize)]
struct Limits {
    resources: Resources,
}

#[derive(Deserialize)]
struct Resources {
    core: Core,
}

#[derive(Deserialize)]
struct Core {
    limit: u64,
    remaining: u64,
    reset: i64,
}

impl GitHubClient {
    /// The App that signs in.
    pub async fn app(&self) -> Result<App, GitHubError> {
        let call = Call::get("app".to_owned());
        self.session.ask_as_app(&call).await?.read(&call)
    }

    /// An installation of the App.
    pub async fn installation(&self, id: u64) -> Result<Installation, GitHubError> {
        let call = Call::get(format!("app/installations/{id}"));
        self.session.ask_as_app(&call).await?.read(&call)
    }

    /// The repositories that the installation can see, in lower case; the first 2,000.
    pub async fn installed_repositories(&self) -> Result<Vec<String>, GitHubError> {
        let call = Call::get("installation/repositories".to_owned());
        let list = pages::list(&self.session, &call, "repositories", REPOSITORY_PAGES).await?;
        let name = |it: &Value| it.get("full_name")?.as_str().map(str::to_lowercase);
        Ok(list.entries.iter().filter_map(name).collect())
    }

    /// The webhooks that may be the fleet's: the App's, or those of each organization or repository that tell of jobs or
    /// that send to `address`.
    pub async fn webhooks(&self, address: Option<&str>) -> Result<Vec<Webhook>, GitHubError> {
        if self.session.is_app() {
            let call = Call::get("app/hook/config".to_owned());
            let config = self.session.ask_as_app(&call).await?.read(&call)?;
            return Ok(vec![webhook(Hook::App, config, None, None)]);
        }
        let mut found = Vec::new();
        for scope in self.target.scopes() {
            for ListedHook { entry, config } in deliveries::listed(&self.session, &scope).await? {
                let is_here = address.is_some() && config.url.as_deref() == address;
                if is_here || entry.tells_of_jobs() {
                    found.push(webhook(entry.hook(&scope), config, entry.active, Some(entry.events)));
                }
            }
        }
        Ok(found)
    }

    /// What was delivered last, newest first: at most 100 of each webhook.
    pub async fn tried_deliveries(&self) -> Result<Vec<TriedDelivery>, GitHubError> {
        let mut found: Vec<TriedDelivery> = Vec::new();
        for hook in deliveries::hooks_of(&self.session, &self.target).await? {
            let page = deliveries::newest(&self.session, &hook).await?;
            found.extend(page.into_iter().filter_map(|entry| TriedDelivery::deserialize(entry).ok()));
        }
        found.sort_by_key(|it| Reverse(it.delivered_at));
        Ok(found)
    }

    /// Whether runners can be listed in a place, which is what the fleet's permission is for.
    pub async fn may_list_runners(&self, scope: &Scope) -> Result<(), GitHubError> {
        let call = Call::get(runners::path(scope)).query("per_page", "1");
        self.session.ask(&call).await.map(drop)
    }

    /// The runner group that runners register in, where they register with an organization.
    pub async fn runner_group(&self) -> Result<Option<RunnerGroup>, GitHubError> {
        let Target::Organization(owner) = &self.target else { return Ok(None) };
        let call = Call::get(format!("orgs/{owner}/actions/runner-groups/{}", self.runner_group_id));
        self.session.ask(&call).await?.read(&call).map(Some)
    }

    /// What is left of the hour's requests. Asking costs none (GitHub docs, "Rate limit").
    pub async fn rate_limit(&self) -> Result<RateLimit, GitHubError> {
        let call = Call::get("rate_limit".to_owned());
        let answer = self.session.ask(&call).await?;
        let Limits { resources: Resources { core } } = answer.read(&call)?;
        let resets_at = Timestamp::from_second(core.reset).unwrap_or(Timestamp::MAX);
        Ok(RateLimit { limit: core.limit, remaining: core.remaining, resets_at, date: date(&answer) })
    }

    /// Whether anybody answers at all, and what GitHub's clock says. No secret is read.
    pub async fn reach(&self) -> Result<Option<Timestamp>, GitHubError> {
        let call = Call::get("meta".to_owned());
        self.session.ask_publicly(&call).await.map(|answer| date(&answer))
    }
}

fn date(answer: &Answer) -> Option<Timestamp> {
    let text = answer.headers.get(DATE)?.to_str().ok()?;
    Some(rfc2822::parse(text).ok()?.timestamp())
}

fn webhook(hook: Hook, config: HookConfig, active: Option<bool>, events: Option<Vec<String>>) -> Webhook {
    let HookConfig { url, content_type, secret, insecure_ssl } = config;
    let verifies_tls = !matches!(insecure_ssl.as_str().unwrap_or_default(), "1") && insecure_ssl != 1;
    Webhook {
        hook,
        address: url.unwrap_or_default(),
        content_type: content_type.unwrap_or_default(),
        // It is shown as asterisks.
        has_secret: secret.is_some_and(|it| !it.is_empty()),
        verifies_tls,
        active,
        events,
    }
}
