//! Slack over HTTP: an incoming webhook, or the Web API as an App's bot.
//!
//! Whoever has a webhook's address or a bot's token can post, so both are secrets: neither is in an error or a log. They
//! are read anew for each message, so that a rotated one is used without a restart. A call is never repeated here.

mod bot;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use fleetfoot_model::SignedDuration;
use fleetfoot_model::config::SlackConfig;
use fleetfoot_model::ports::{Secrets, Slack, SlackError};
use fleetfoot_model::secret::{Secret, SecretReference};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const TIMEOUT: Duration = Duration::from_secs(10);
/// What is waited if Slack does not say how long; it says 30 s as a rule (Slack docs, "Rate limits").
const WAIT: SignedDuration = SignedDuration::from_secs(30);
/// Nothing is waited for longer, whatever a header says.
const LONGEST_WAIT: i64 = 3600;
/// The longest answer that is read: a posted message comes back whole.
const LONGEST_ANSWER_BYTES: usize = 256 * 1024;

/// Slack as the configuration says. Nothing is read and nobody asked before the first message.
pub fn connect(config: &SlackConfig, secrets: Arc<dyn Secrets>) -> Arc<dyn Slack> {
    match config {
        SlackConfig::Webhook(address) => {
            Arc::new(webhook::Webhook::new(Source { secrets, reference: address.clone() }, client()))
        }
        SlackConfig::Bot { token, channel, url } => Arc::new(bot::Bot::new(
            Source { secrets, reference: token.clone() },
            channel.clone(),
            url.clone(),
            client(),
        )),
    }
}

/// Whether the secret is there and looks like one, without asking Slack.
///
/// # Errors
/// What is wrong with it, without it.
pub async fn check(config: &SlackConfig, secrets: Arc<dyn Secrets>) -> Result<(), SlackError> {
    let secret = Source { secrets, reference: config.secret().1.clone() }.read().await?;
    match config {
        SlackConfig::Webhook(_) => webhook::checked(&secret).map(drop),
        SlackConfig::Bot { .. } => bot::checked(&secret).map(drop),
    }
}

/// Where a secret comes from.
struct Source {
    secrets: Arc<dyn Secrets>,
    reference: SecretReference,
}

impl Source {
    /// The secret as it is now. Around it there may be white space, such as the line end of a file.
    async fn read(&self) -> Result<Secret, SlackError> {
        let secret = self.secrets.read(&self.reference).await;
        let secret = secret.map_err(|error| SlackError::Unavailable(error.to_string()))?;
        Ok(Secret::new(secret.expose().trim()))
    }
}

/// One for all messages, which keeps the connection.
fn client() -> Result<Client, SlackError> {
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        // Slack does not redirect; whoever else does is not to be told the message.
        .redirect(Policy::none())
        .user_agent("fleetfoot")
        .build()
        .map_err(|error| SlackError::Unavailable(error.without_url().to_string()))
}

/// What Slack answered.
struct Answer {
    status: StatusCode,
    body: Vec<u8>,
}

/// Sends a request; too many of them are told as such.
async fn send(request: RequestBuilder) -> Result<Answer, SlackError> {
    // An error of the client shows the address, which may be a secret, unless it is taken out.
    let away = |error: reqwest::Error| SlackError::Unavailable(describe(&error.without_url()));
    let mut response = request.send().await.map_err(away)?;
    let status = response.status();
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(SlackError::Throttled { after: retry_after(&response) });
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(away)? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_ANSWER_BYTES {
            return Err(SlackError::Unavailable("Slack's answer has no end".to_owned()));
        }
    }
    Ok(Answer { status, body })
}

fn retry_after(response: &Response) -> SignedDuration {
    let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
    let seconds = header.and_then(|value| value.trim().parse::<i64>().ok());
    seconds.map_or(WAIT, |seconds| SignedDuration::from_secs(seconds.clamp(1, LONGEST_WAIT)))
}

/// The error with its causes.
fn describe(error: &reqwest::Error) -> String {
    let mut text = format!("Slack did not answer: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Slack's word for what is wrong, such as `invalid_blocks`. Anything else, such as a proxy's page, may repeat a secret.
fn word(text: &[u8]) -> Option<String> {
    let is_word = (1..=60).contains(&text.len())
        && text.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_');
    is_word.then(|| String::from_utf8_lossy(text).into_owned())
}

/// Whether the word is about the message, and not about whoever sends it or where to (Slack docs, "chat.postMessage",
/// "Sending messages using incoming webhooks").
fn is_about_the_message(word: &str) -> bool {
    word.starts_with("invalid_blocks")
        || word.starts_with("invalid_payload")
        || word.starts_with("invalid_attachments")
        || word.starts_with("too_many_")
        || word.ends_with("_too_long")
        || word == "no_text"
}
