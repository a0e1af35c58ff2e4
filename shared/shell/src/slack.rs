//! Posts to Slack through one of its incoming webhooks.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fleetfoot_model::ports::{Secrets, Slack, Unavailable};
use fleetfoot_model::secret::{Secret, SecretReference};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use url::{Host, Url};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const TIMEOUT: Duration = Duration::from_secs(10);

/// An incoming webhook. Whoever has its address can post, so the address is a secret: it is in no error and no log.
#[derive(Debug, Clone)]
pub struct SlackWebhook {
    address: Secret,
    client: Client,
}

impl SlackWebhook {
    /// Checks the address: `https`, or `http` on this machine.
    ///
    /// # Errors
    /// What is wrong with the address, without the address.
    pub fn new(address: &Secret) -> Result<Self, Unavailable> {
        Ok(Self { address: checked(address)?, client: client()? })
    }
}

#[async_trait]
impl Slack for SlackWebhook {
    async fn post(&self, message: &Value) -> Result<(), Unavailable> {
        send(&self.client, &self.address, message).await
    }
}

/// An incoming webhook whose address is read anew for each message, so that a rotated one is used without a restart.
pub struct SlackFromSecret {
    secrets: Arc<dyn Secrets>,
    reference: SecretReference,
    /// One for all messages, which keeps the connection.
    client: Result<Client, Unavailable>,
}

impl SlackFromSecret {
    /// The address is what the reference stands for. Nothing is read before the first message.
    pub fn new(secrets: Arc<dyn Secrets>, reference: SecretReference) -> Self {
        Self { secrets, reference, client: client() }
    }
}

#[async_trait]
impl Slack for SlackFromSecret {
    async fn post(&self, message: &Value) -> Result<(), Unavailable> {
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let address = self.secrets.read(&self.reference).await;
        let address = address.map_err(|error| Unavailable(error.to_string()))?;
        send(client, &checked(&address)?, message).await
    }
}

fn checked(address: &Secret) -> Result<Secret, Unavailable> {
    let refused = |why: &str| Unavailable(format!("the address of the Slack webhook {why}"));
    let url = Url::parse(address.expose().trim()).map_err(|_| refused("is no address"))?;
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

fn client() -> Result<Client, Unavailable> {
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        // Slack does not redirect; whoever else does is not to be told the message.
        .redirect(Policy::none())
        .user_agent("fleetfoot")
        .build()
        .map_err(|error| Unavailable(error.without_url().to_string()))
}

async fn send(client: &Client, address: &Secret, message: &Value) -> Result<(), Unavailable> {
    // An error of the client shows the address unless it is taken out.
    let sent = client.post(address.expose()).json(message).send().await;
    let response = sent.map_err(|error| Unavailable(describe(&error.without_url())))?;
    if response.status().is_success() {
        return Ok(());
    }
    Err(Unavailable(explain(response).await))
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

/// Slack's status and, where it says one, its word for what is wrong, such as `invalid_blocks`.
async fn explain(mut response: Response) -> String {
    let status = response.status();
    let mut text = format!("Slack answered {status}");
    let wait = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
    if let Some(seconds) = wait.and_then(|value| value.parse::<u64>().ok())
        && status == StatusCode::TOO_MANY_REQUESTS
    {
        text = format!("{text}, to be asked again after {seconds} s");
    }
    match response.chunk().await {
        Ok(Some(body)) if is_word(&body) => format!("{text}: {}", String::from_utf8_lossy(&body)),
        // A proxy's page may repeat the address.
        _ => text,
    }
}

fn is_word(body: &[u8]) -> bool {
    (1..=60).contains(&body.len()) && body.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'_')
}
