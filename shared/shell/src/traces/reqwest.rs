//! Sends spans with the client that Slack is posted with.

use async_trait::async_trait;
use reqwest::redirect::Policy;
use serde_json::Value;

use super::{Header, PATH, Sender};

/// A sender on one machine.
#[derive(Debug, Clone)]
pub struct ReqwestSender {
    client: reqwest::Client,
    address: String,
}

impl ReqwestSender {
    /// To a collector's base address. It follows nobody elsewhere with what it shows.
    ///
    /// # Errors
    /// If there is no TLS.
    pub fn new(endpoint: &str) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().redirect(Policy::none()).build()?;
        Ok(Self { client, address: format!("{endpoint}{PATH}") })
    }
}

#[async_trait]
impl Sender for ReqwestSender {
    async fn send(&self, header: Option<&Header>, document: &Value) -> Result<u16, String> {
        let mut request = self.client.post(&self.address).json(document);
        if let Some(Header { name, value }) = header {
            request = request.header(name, value.expose());
        }
        let answer = request.send().await.map_err(|error| error.without_url().to_string())?;
        Ok(answer.status().as_u16())
    }
}
