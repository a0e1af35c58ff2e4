//! One request, one answer: the only place that talks HTTP.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use fleetfoot_model::ports::GitHubError;
use fleetfoot_model::secret::Secret;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use octocrab::{OctoBody, Octocrab};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use url::Url;

/// The longest answer that is read. A page of 100 jobs with all their steps stays below 2 MB.
const LONGEST_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// How long the other side may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// To accept the connection.
    connect: Duration,
    /// To answer one request in full. GitHub itself gives up on a request after 10 seconds.
    answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), answer: Duration::from_secs(10) }
    }
}

/// What a refusal of a call means, beyond what its status says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Nothing special.
    Ordinary,
    /// A runner of this name may exist.
    Registration,
    /// The runner may be busy.
    Deletion,
}

/// A request, without its credential.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    method: Method,
    /// Below the base address, without a leading slash; made from checked ids only.
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<Value>,
    pub(crate) purpose: Purpose,
    /// What people are shown instead of the path, if that holds a secret.
    shown: Option<&'static str>,
}

impl Call {
    fn new(method: Method, path: String) -> Self {
        Self { method, path, query: Vec::new(), body: None, purpose: Purpose::Ordinary, shown: None }
    }

    pub(crate) fn get(path: String) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn post(path: String) -> Self {
        Self::new(Method::POST, path)
    }

    pub(crate) fn put(path: String) -> Self {
        Self::new(Method::PUT, path)
    }

    pub(crate) fn patch(path: String) -> Self {
        Self::new(Method::PATCH, path)
    }

    pub(crate) fn delete(path: String) -> Self {
        Self::new(Method::DELETE, path)
    }

    pub(crate) fn query(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }

    pub(crate) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    pub(crate) fn purpose(mut self, purpose: Purpose) -> Self {
        self.purpose = purpose;
        self
    }

    /// Says in every error this instead of the path.
    pub(crate) fn shown_as(mut self, path: &'static str) -> Self {
        self.shown = Some(path);
        self
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} /{}", self.method, self.shown.unwrap_or(&self.path))
    }
}

/// An answer with any status. It may hold secrets, so it cannot be printed.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Reads the body as JSON. The error says where it is wrong but not what is there: that may be a secret.
    pub(crate) fn read<T: DeserializeOwned>(&self, call: &Call) -> Result<T, GitHubError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            GitHubError::Unavailable(format!(
                "the answer to {call} is unreadable at line {}, column {}",
                error.line(),
                error.column()
            ))
        })
    }
}

/// The way to GitHub.
pub(crate) struct Wire {
    address: String,
    patience: Patience,
    connection: OnceCell<Connection>,
}

struct Connection {
    base: Url,
    octocrab: Octocrab,
}

impl Wire {
    pub(crate) fn new(address: &str) -> Self {
        Self::with_patience(address, Patience::default())
    }

    fn with_patience(address: &str, patience: Patience) -> Self {
        Self { address: address.to_owned(), patience, connection: OnceCell::new() }
    }

    /// Sends a call once; with an empty credential, as nobody in particular.
    pub(crate) async fn send(&self, credential: &Secret, call: &Call) -> Result<Answer, GitHubError> {
        let connection = self.connection.get_or_try_init(async || self.connect()).await?;
        let request = connection.request(credential, call)?;
        match timeout(self.patience.answer, exchange(&connection.octocrab, request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(reason)) => Err(GitHubError::Unavailable(format!("{call}: {reason}"))),
            Err(_) => Err(GitHubError::Unavailable(format!(
                "{call}: no answer within {} ms",
                self.patience.answer.as_millis()
            ))),
        }
    }

    /// Must run within a tokio runtime, which octocrab's request buffer is spawned on.
    fn connect(&self) -> Result<Connection, GitHubError> {
        let base = Url::parse(&self.address)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                GitHubError::Invalid(format!("github.url {:?} is no web address", self.address))
            })?;
        // No read timeout: it would also close idle connections, and each job would pay for a TLS handshake.
        let octocrab = Octocrab::builder()
            .set_connect_timeout(Some(self.patience.connect))
            .add_header(ACCEPT, "application/vnd.github+json".to_owned())
            .build()
            .map_err(|error| GitHubError::Unavailable(format!("no connection can be made: {error}")))?;
        Ok(Connection { base, octocrab })
    }
}

impl Connection {
    fn request(&self, credential: &Secret, call: &Call) -> Result<http::Request<OctoBody>, GitHubError> {
        let mut builder =
            http::Request::builder().method(call.method.clone()).uri(self.address_of(call).as_str());
        if !credential.expose().is_empty() {
            let mut authorization = HeaderValue::from_str(&format!("Bearer {}", credential.expose()))
                .map_err(|_| {
                    GitHubError::Unauthorized("the credential is not one line of text".to_owned())
                })?;
            authorization.set_sensitive(true);
            builder = builder.header(AUTHORIZATION, authorization);
        }
        self.octocrab
            .build_request(builder, call.body.as_ref())
            .map_err(|error| GitHubError::Invalid(format!("{call}: {error}")))
    }

    /// Always the whole address: octocrab's own joining drops the base's path if the call's path begins with the same
    /// letters (`/re` and `/repos`; octocrab 0.54.9, `overwrite_base_uri`).
    fn address_of(&self, call: &Call) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{}", self.base.path().trim_end_matches('/'), call.path));
        url.set_query(None);
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        url
    }
}

async fn exchange(octocrab: &Octocrab, request: http::Request<OctoBody>) -> Result<Answer, String> {
    let response = octocrab.execute(request).await.map_err(|error| causes(&error))?;
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, LONGEST_ANSWER_BYTES)
        .collect()
        .await
        .map_err(|error| format!("the answer breaks off: {}", causes(error.as_ref())))?;
    Ok(Answer { status: parts.status, headers: parts.headers, body: body.to_bytes().into() })
}

/// An error with what led to it. The outermost text of octocrab's errors repeats the next one's.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if let Some(last) = texts.last_mut().filter(|last| last.ends_with(&text)) {
            *last = text;
        } else {
            texts.push(text);
        }
        next = error.source();
    }
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    fn address(base: &str, call: &Call) -> String {
        let octocrab = Octocrab::builder().build().unwrap();
        Connection { base: Url::parse(base).unwrap(), octocrab }.address_of(call).to_string()
    }

    #[tokio::test]
    async fn a_path_in_the_base_address_is_kept() {
        for (base, whole) in [
            ("https://api.github.com", "https://api.github.com/repos/a/b"),
            ("https://ghe.example/api/v3", "https://ghe.example/api/v3/repos/a/b"),
            ("https://ghe.example/api/v3/", "https://ghe.example/api/v3/repos/a/b"),
            ("http://127.0.0.1:8080/re", "http://127.0.0.1:8080/re/repos/a/b"),
            ("https://ghe.example/?x=1", "https://ghe.example/repos/a/b"),
        ] {
            assert_eq!(address(base, &Call::get("repos/a/b".to_owned())), whole);
        }
        let call = Call::get("orgs/a/actions/runners".to_owned()).query("name", "a&b=c d/é");
        assert_eq!(
            address("https://ghe.example", &call),
            "https://ghe.example/orgs/a/actions/runners?name=a%26b%3Dc+d%2F%C3%A9"
        );
    }

    #[tokio::test]
    async fn a_server_that_never_answers_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let patience = Patience { connect: Duration::from_secs(5), answer: Duration::from_millis(20) };
        let wire = Wire::with_patience(&format!("http://{}", listener.local_addr().unwrap()), patience);
        let error = wire.send(&Secret::new("t"), &Call::get("rate_limit".to_owned())).await.err().unwrap();
        assert_eq!(error, GitHubError::Unavailable("GET /rate_limit: no answer within 20 ms".to_owned()));
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_refused() {
        for address in ["", "github.com", "file:///etc/passwd", "http://"] {
            let error =
                Wire::new(address).send(&Secret::new("t"), &Call::get("x".to_owned())).await.err().unwrap();
            assert!(matches!(error, GitHubError::Invalid(_)), "{address:?}: {error}");
        }
    }
}
