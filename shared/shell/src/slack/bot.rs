//! Slack's Web API, as an App's bot with the scope `chat:write`.

use async_trait::async_trait;
use fleetfoot_model::ids::SlackChannel;
use fleetfoot_model::notice::Place;
use fleetfoot_model::ports::{Slack, SlackError};
use fleetfoot_model::secret::Secret;
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Source, WAIT, is_about_the_message, send, word};

/// A bot and its channel.
pub(super) struct Bot {
    token: Source,
    channel: SlackChannel,
    url: String,
    client: Result<Client, SlackError>,
}

/// Every answer of the Web API; only what went well has the rest.
#[derive(Deserialize)]
struct Said {
    ok: bool,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    ts: Option<String>,
}

impl Bot {
    pub(super) fn new(
        token: Source,
        channel: SlackChannel,
        url: String,
        client: Result<Client, SlackError>,
    ) -> Self {
        Self { token, channel, url, client }
    }

    async fn call(&self, method: &str, body: &Value) -> Result<Said, SlackError> {
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let token = checked(&self.token.read().await?)?;
        let request = client.post(format!("{}/{method}", self.url)).bearer_auth(token.expose()).json(body);
        read(&send(request).await?)
    }
}

#[async_trait]
impl Slack for Bot {
    async fn post(&self, message: &Value) -> Result<Option<Place>, SlackError> {
        let mut body = message.clone();
        body["channel"] = json!(self.channel);
        let said = self.call("chat.postMessage", &body).await?;
        let channel = said.channel.unwrap_or_else(|| self.channel.to_string());
        Ok(said.ts.map(|ts| Place { channel, ts }))
    }

    async fn change(&self, place: &Place, message: &Value) -> Result<(), SlackError> {
        if place.channel != self.channel.as_str() {
            return Err(SlackError::Gone("it is in another channel than the configuration's".to_owned()));
        }
        let body = json!({
            "channel": place.channel,
            "ts": place.ts,
            "text": message["text"],
            "blocks": message["blocks"],
        });
        self.call("chat.update", &body).await.map(drop)
    }

    fn can_change(&self) -> bool {
        true
    }
}

/// The token, if it can travel in a header.
pub(super) fn checked(token: &Secret) -> Result<Secret, SlackError> {
    let text = token.expose();
    let is_line = !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
    is_line
        .then(|| token.clone())
        .ok_or_else(|| SlackError::Refused("the token is no line of text".to_owned()))
}

/// The Web API answers 200 to what it refuses, too, with a word for why.
fn read(answer: &Answer) -> Result<Said, SlackError> {
    let Ok(said) = serde_json::from_slice::<Said>(&answer.body) else {
        return Err(SlackError::Unavailable(format!("Slack answered {}", answer.status)));
    };
    if said.ok {
        return Ok(said);
    }
    let word = said.error.as_deref().and_then(|error| word(error.as_bytes()));
    let word = word.unwrap_or_else(|| "an error without a word".to_owned());
    Err(match word.as_str() {
        "ratelimited" | "rate_limited" => SlackError::Throttled { after: WAIT },
        "message_not_found" | "cant_update_message" | "edit_window_closed" => SlackError::Gone(word),
        "internal_error"
        | "fatal_error"
        | "service_unavailable"
        | "request_timeout"
        | "team_added_to_org" => SlackError::Unavailable(word),
        about_it if is_about_the_message(about_it) => SlackError::Invalid(word),
        _ => SlackError::Refused(word),
    })
}
