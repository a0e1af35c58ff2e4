//! One request: bounded in size, time and redirections, and kept to what may be reached.

use std::error::Error;
use std::sync::Arc;

use fleetfoot_model::ports::RegistryError;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use url::Url;

use crate::client::Patience;
use crate::guard::{Forbidden, Guard, GuardedNames};

/// How often an answer may send elsewhere. Registries keep configurations with other services, one step away.
const MOST_REDIRECTS: usize = 3;

/// What is asked of a registry.
pub(crate) struct Question<'a> {
    pub(crate) url: Url,
    pub(crate) accept: &'static str,
    /// For the host that is asked only: it does not follow to another one.
    pub(crate) authorization: Option<&'a HeaderValue>,
    /// The largest answer that is read, in bytes.
    pub(crate) most: usize,
}

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// The connections.
pub(crate) struct Wire {
    client: Result<Client, String>,
    guard: Arc<Guard>,
}

impl Wire {
    pub(crate) fn new(guard: Guard, patience: Patience) -> Self {
        let guard = Arc::new(guard);
        let client = Client::builder()
            .connect_timeout(patience.connect)
            .timeout(patience.total)
            // Followed here, each step being checked.
            .redirect(Policy::none())
            .referer(false)
            // A proxy would look names up where nobody checks the addresses.
            .no_proxy()
            .dns_resolver(Arc::new(GuardedNames(Arc::clone(&guard))))
            .user_agent("fleetfoot")
            .build()
            .map_err(|error| error.to_string());
        Self { client, guard }
    }

    /// Asks, and follows where the answer sends.
    pub(crate) async fn ask(&self, question: Question<'_>) -> Result<Answer, RegistryError> {
        let origin = question.url.origin();
        let mut url = question.url;
        for _ in 0..=MOST_REDIRECTS {
            let authorization = question.authorization.filter(|_| url.origin() == origin);
            let response = self.send(&url, question.accept, authorization).await?;
            match next(&url, &response) {
                Some(next) => url = next,
                None => return read(&url, response, question.most).await,
            }
        }
        Err(RegistryError::Refused(format!("{} sends from one address to the next without end", host(&url))))
    }

    async fn send(
        &self,
        url: &Url,
        accept: &'static str,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, RegistryError> {
        self.guard.permit(url).map_err(|forbidden| RegistryError::Refused(forbidden.to_string()))?;
        let client = self.client.as_ref().map_err(|error| RegistryError::Unavailable(error.clone()))?;
        let mut request = client.get(url.clone()).header(ACCEPT, accept);
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        request.send().await.map_err(|error| failure(url, error))
    }
}

/// Where an answer sends, if it does.
fn next(url: &Url, response: &Response) -> Option<Url> {
    if !response.status().is_redirection() {
        return None;
    }
    let mut next = url.join(response.headers().get(LOCATION)?.to_str().ok()?).ok()?;
    // What it carries would become a header.
    let _ = next.set_username("");
    let _ = next.set_password(None);
    Some(next)
}

async fn read(url: &Url, mut response: Response, most: usize) -> Result<Answer, RegistryError> {
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(url, error))? {
        if body.len() + chunk.len() > most {
            let text = format!("{} answers with more than the {most} bytes that are read", host(url));
            return Err(RegistryError::Refused(text));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body })
}

/// The host, for messages: the rest of an address may hold a signature.
pub(crate) fn host(url: &Url) -> String {
    let host: String = url.host_str().unwrap_or("?").chars().take(80).collect();
    url.port().map_or(host.clone(), |port| format!("{host}:{port}"))
}

/// What a request without an answer means.
fn failure(url: &Url, error: reqwest::Error) -> RegistryError {
    let error = error.without_url();
    let mut text = format!("{} did not answer: {error}", host(url));
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(forbidden) = cause.downcast_ref::<Forbidden>() {
            return RegistryError::Refused(forbidden.to_string());
        }
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    RegistryError::Unavailable(text)
}
