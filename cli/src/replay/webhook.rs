//! A webhook, signed and sent as GitHub does.

use std::error::Error;
use std::time::Duration;

use fleetfoot_ingest::signature;
use fleetfoot_model::config::Config;
use fleetfoot_model::ports::Secrets;
use fleetfoot_model::secret::Secret;
use reqwest::{Client, redirect};
use serde_json::Value;
use url::{Host, Url};
use uuid::Uuid;

use crate::failure::{Failure, OrFail};
use crate::place::Webhook;
use crate::text::safe;

/// GitHub itself gives up after 10 seconds.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends webhooks to a fleet.
pub(super) struct Sender {
    client: Client,
    to: Webhook,
    secret: Secret,
}

/// What the fleet answered.
#[derive(Debug)]
pub(super) struct Reply {
    /// The delivery's GUID, which the facts that follow name as their cause.
    pub(super) delivery: String,
    /// Always 2xx.
    pub(super) status: u16,
    /// Why it was not for the fleet, if it was not.
    pub(super) ignored: Option<String>,
}

impl Sender {
    /// Signs with the first secret of the configuration that can be read.
    pub(super) async fn new(config: &Config, secrets: &dyn Secrets, to: Webhook) -> Result<Self, Failure> {
        let mut failure =
            Failure::new("no webhook secret of the configuration can be read, so nothing can be signed");
        let mut readable = None;
        for reference in &config.github.webhook_secrets {
            match secrets.read(reference).await {
                Ok(secret) => {
                    readable = Some(secret);
                    break;
                }
                Err(error) => failure = failure.because(&error),
            }
        }
        let secret = readable.ok_or(failure)?;
        let client = Client::builder().timeout(TIMEOUT).redirect(redirect::Policy::none());
        let client = if is_this_machine(&to.address) { client.no_proxy() } else { client };
        let client = client.build().or_fail("there is no HTTP client")?;
        Ok(Self { client, to, secret })
    }

    /// Sends one body as a delivery of its own.
    pub(super) async fn send(&self, event: &str, body: Vec<u8>) -> Result<Reply, Failure> {
        let delivery = Uuid::new_v4().to_string();
        let request = self
            .client
            .post(&self.to.address)
            .header("content-type", "application/json")
            .header("user-agent", "GitHub-Hookshot/fleetfoot-replay")
            .header("x-github-event", event)
            .header("x-github-delivery", &delivery)
            .header("x-hub-signature-256", signature::sign(&self.secret, &body))
            .body(body);
        let response = request.send().await.map_err(|error| self.no_answer(&error))?;
        let status = response.status();
        let answer = response.text().await.map_err(|error| self.no_answer(&error))?;
        let said: Value = serde_json::from_str(&answer).unwrap_or_default();
        let word = |key| said.get(key).and_then(Value::as_str).map(str::to_owned);
        if status.is_success() {
            return Ok(Reply { delivery, status: status.as_u16(), ignored: word("ignored") });
        }
        let why = word("message").unwrap_or_else(|| safe(&answer));
        Err(Failure {
            causes: vec![why],
            ..Failure::new(format!("{} answered {}", self.to.address, status.as_u16()))
        })
    }

    fn no_answer(&self, error: &(dyn Error + 'static)) -> Failure {
        Failure::new(format!("no answer from {}", self.to.address)).because(error).hint(self.to.if_silent)
    }
}

fn is_this_machine(address: &str) -> bool {
    let url = Url::parse(address).ok();
    match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
