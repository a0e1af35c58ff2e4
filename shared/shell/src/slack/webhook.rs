//! One of Slack's incoming webhooks.

use async_trait::async_trait;
use fleetfoot_model::notice::Place;
use fleetfoot_model::ports::{Slack, SlackError};
use fleetfoot_model::secret::Secret;
use reqwest::{Client, StatusCode};
use serde_json::Value;
use url::{Host, Url};

use super::{Answer, Source, is_about_the_message, send, word};

/// An incoming webhook.
pub(super) struct Webhook {
    address: Source,
    client: Result<Client, SlackError>,
}

impl Webhook {
    pub(super) fn new(address: Source, client: Result<Client, SlackError>) -> Self {
        Self { address, client }
    }
}

#[async_trait]
impl Slack for Webhook {
    async fn post(&self, message: &Value) -> Result<Option<Place>, SlackError> {
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let address = checked(&self.address.read().await?)?;
        let answer = send(client.post(address.expose()).json(message)).await?;
        refusal(&answer).map_or(Ok(None), Err)
    }

    async fn change(&self, _place: &Place, _message: &Value) -> Result<(), SlackError> {
        Err(SlackError::Gone("an incoming webhook cannot change messages".to_owned()))
    }

    fn can_change(&self) -> bool {
        false
    }
}

/// The address if it begins with `https`, or with `http` on this machine.
pub(super) fn checked(address: &Secret) -> Result<Secret, SlackError> {
    let refused = |why: &str| SlackError::Refused(format!("the address of the webhook {why}"));
    let url = Url::parse(address.expose()).map_err(|_| refused("is no address"))?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
        return Err(refused("does not begin with https://"));
    }
    Ok(Secret::new(url))
}

/// What a status and a word mean (Slack docs, "Sending messages using incoming webhooks", "Handling errors").
fn refusal(Answer { status, body }: &Answer) -> Option<SlackError> {
    if status.is_success() {
        return None;
    }
    let said = word(body);
    let text = said.clone().unwrap_or_else(|| status.to_string());
    Some(match *status {
        StatusCode::BAD_REQUEST if said.as_deref().is_some_and(is_about_the_message) => {
            SlackError::Invalid(text)
        }
        status if status.is_client_error() => SlackError::Refused(text),
        status => SlackError::Unavailable(format!("Slack answered {status}")),
    })
}
