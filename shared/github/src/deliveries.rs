//! Webhook deliveries: which were tried, and asking for one again.

use std::cmp::Reverse;

use fleetfoot_model::Timestamp;
use fleetfoot_model::config::Target;
use fleetfoot_model::ids::DeliveryId;
use fleetfoot_model::ports::{Delivery, GitHubError, Hook};
use fleetfoot_model::runner::Scope;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::pages::{PER_PAGE, next_cursor};
use crate::session::Session;
use crate::wire::{Answer, Call};

/// The most pages of one hook's deliveries that are read by one call.
const DELIVERY_PAGES: usize = 20;
/// The event that a hook must be sent for the fleet to live from it.
const JOB_EVENT: &str = "workflow_job";

#[derive(Deserialize)]
struct Entry {
    id: u64,
    guid: String,
    event: String,
    delivered_at: Timestamp,
    /// What our side answered; 0 if nothing.
    #[serde(default)]
    status_code: u16,
}

/// A webhook in a list.
#[derive(Deserialize)]
pub(crate) struct HookEntry {
    id: u64,
    #[serde(default)]
    pub(crate) active: Option<bool>,
    #[serde(default)]
    pub(crate) events: Vec<String>,
}

impl HookEntry {
    /// Whether it tells of jobs.
    pub(crate) fn tells_of_jobs(&self) -> bool {
        self.events.iter().any(|event| event == JOB_EVENT || event == "*")
    }

    /// Whether it may be the fleet's. An address would not tell: the fleet does not know by which it is reached.
    fn may_be_ours(&self) -> bool {
        self.active != Some(false) && self.tells_of_jobs()
    }

    pub(crate) fn hook(&self, scope: &Scope) -> Hook {
        match scope {
            Scope::Organization(owner) => Hook::Organization(owner.clone(), self.id),
            Scope::Repository(repository) => Hook::Repository(repository.clone(), self.id),
        }
    }
}

fn path(hook: &Hook) -> String {
    match hook {
        Hook::App => "app/hook".to_owned(),
        Hook::Organization(owner, id) => format!("orgs/{owner}/hooks/{id}"),
        Hook::Repository(repository, id) => format!("repos/{repository}/hooks/{id}"),
    }
}

/// Only the App's own hook wants the App's JWT.
async fn ask(session: &Session, hook: &Hook, call: &Call) -> Result<Answer, GitHubError> {
    match hook {
        Hook::App => session.ask_as_app(call).await,
        Hook::Organization(..) | Hook::Repository(..) => session.ask(call).await,
    }
}

pub(crate) async fn since(
    session: &Session,
    target: &Target,
    since: Timestamp,
) -> Result<Vec<Delivery>, GitHubError> {
    let mut found = Vec::new();
    for hook in hooks_of(session, target).await? {
        found.extend(of_hook(session, &hook, since).await?);
    }
    found.sort_by_key(|delivery| Reverse(delivery.delivered_at));
    Ok(found)
}

/// The webhooks that may be the fleet's.
pub(crate) async fn hooks_of(session: &Session, target: &Target) -> Result<Vec<Hook>, GitHubError> {
    if session.is_app() {
        return Ok(vec![Hook::App]);
    }
    let mut found = Vec::new();
    for scope in target.scopes() {
        let entries: Vec<HookEntry> = listed(session, &scope).await?;
        found.extend(entries.iter().filter(|it| it.may_be_ours()).map(|it| it.hook(&scope)));
    }
    Ok(found)
}

/// The webhooks of an organization or a repository.
pub(crate) async fn listed<T: DeserializeOwned>(
    session: &Session,
    scope: &Scope,
) -> Result<Vec<T>, GitHubError> {
    let path = match scope {
        Scope::Organization(owner) => format!("orgs/{owner}/hooks"),
        Scope::Repository(repository) => format!("repos/{repository}/hooks"),
    };
    // One page: GitHub has 20 hooks for an event at most.
    let call = Call::get(path).query("per_page", PER_PAGE.to_string());
    session.ask(&call).await?.read(&call)
}

/// The newest deliveries of a webhook, one page of them.
pub(crate) async fn newest(session: &Session, hook: &Hook) -> Result<Vec<Value>, GitHubError> {
    let call = Call::get(format!("{}/deliveries", path(hook))).query("per_page", PER_PAGE.to_string());
    ask(session, hook, &call).await?.read(&call)
}

async fn of_hook(session: &Session, hook: &Hook, since: Timestamp) -> Result<Vec<Delivery>, GitHubError> {
    let first = Call::get(format!("{}/deliveries", path(hook))).query("per_page", PER_PAGE.to_string());
    let mut call = first.clone();
    let mut found = Vec::new();
    for _ in 0..DELIVERY_PAGES {
        let answer = ask(session, hook, &call).await?;
        let entries: Vec<Value> = answer.read(&call)?;
        for entry in entries.into_iter().filter_map(|entry| Entry::deserialize(entry).ok()) {
            // Newest first, so all that follow are older still.
            if entry.delivered_at < since {
                return Ok(found);
            }
            found.push(delivery(entry, hook));
        }
        let Some(cursor) = next_cursor(&answer) else { break };
        call = first.clone().query("cursor", cursor);
    }
    Ok(found)
}

fn delivery(entry: Entry, hook: &Hook) -> Delivery {
    Delivery {
        id: DeliveryId(entry.id),
        guid: entry.guid,
        event: entry.event,
        delivered_at: entry.delivered_at,
        succeeded: (200..300).contains(&entry.status_code),
        hook: hook.clone(),
    }
}

pub(crate) async fn redeliver(session: &Session, delivery: &Delivery) -> Result<(), GitHubError> {
    let call = Call::post(format!("{}/deliveries/{}/attempts", path(&delivery.hook), delivery.id));
    ask(session, &delivery.hook, &call).await.map(|_| ())
}
