//! One image's questions to its registry, signed in to where it wants that.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fleetfoot_model::Timestamp;
use fleetfoot_model::image::Location;
use fleetfoot_model::ports::RegistryError;
use reqwest::StatusCode;
use reqwest::header::HeaderValue;
use url::Url;

use crate::challenge::{Challenge, is_its_own, token, token_address};
use crate::credentials::{Credentials, RegistryCredentials};
use crate::guard::is_loopback;
use crate::refusal::refusal;
use crate::wire::{Answer, Question, Wire, host};

/// The largest manifest or configuration, in bytes: as much as registries have to take (OCI distribution specification,
/// "Pushing manifests").
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// The largest token, in bytes.
const MOST_TOKEN_BYTES: usize = 64 * 1024;

/// The questions about one image.
pub(crate) struct Session<'a> {
    pub(crate) wire: &'a Wire,
    pub(crate) credentials: &'a dyn RegistryCredentials,
    pub(crate) location: &'a Location,
    pub(crate) now: Timestamp,
    /// Once the registry has been signed in to.
    authorization: Option<HeaderValue>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(
        wire: &'a Wire,
        credentials: &'a dyn RegistryCredentials,
        location: &'a Location,
        now: Timestamp,
    ) -> Self {
        Self { wire, credentials, location, now, authorization: None }
    }

    /// What is at a path below the repository, such as `manifests/latest`.
    pub(crate) async fn get(&mut self, path: &str, accept: &'static str) -> Result<Vec<u8>, RegistryError> {
        let url = address(self.location, path)?;
        let mut answer = self.ask(&url, accept).await?;
        if answer.status == StatusCode::UNAUTHORIZED && self.authorization.is_none() {
            self.authorization = self.sign_in(&url, &answer).await?;
            if self.authorization.is_some() {
                answer = self.ask(&url, accept).await?;
            }
        }
        match answer.status {
            StatusCode::OK => Ok(answer.body),
            _ => Err(self.refused(&url, &answer)),
        }
    }

    async fn ask(&self, url: &Url, accept: &'static str) -> Result<Answer, RegistryError> {
        let authorization = self.authorization.as_ref();
        self.wire.ask(Question { url: url.clone(), accept, authorization, most: MOST_BYTES }).await
    }

    fn refused(&self, url: &Url, answer: &Answer) -> RegistryError {
        refusal(self.location, &host(url), answer, self.now)
    }

    /// What the registry wants to see; none if there is nothing to show.
    async fn sign_in(&self, asked: &Url, answer: &Answer) -> Result<Option<HeaderValue>, RegistryError> {
        let Some(challenge) = Challenge::read(&answer.headers) else { return Ok(None) };
        let credentials = self.credentials.credentials(&self.location.registry).await?;
        match challenge {
            Challenge::Basic => Ok(credentials.as_ref().and_then(basic)),
            Challenge::Bearer { realm, service, scope } => {
                let own = credentials.filter(|_| is_its_own(&self.location.registry, &realm, asked));
                let scope = scope.unwrap_or_else(|| format!("repository:{}:pull", self.location.repository));
                let url = token_address(&realm, service.as_deref(), &scope);
                self.token(url, own.as_ref().and_then(basic).as_ref()).await.map(Some)
            }
        }
    }

    async fn token(
        &self,
        url: Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<HeaderValue, RegistryError> {
        let question =
            Question { url: url.clone(), accept: "application/json", authorization, most: MOST_TOKEN_BYTES };
        let answer = self.wire.ask(question).await?;
        if answer.status != StatusCode::OK {
            return Err(self.refused(&url, &answer));
        }
        let token = token(&answer.body);
        let header = token.and_then(|token| secret_header(&format!("Bearer {}", token.expose())));
        header.ok_or_else(|| RegistryError::Unavailable(format!("{} answered no token", host(&url))))
    }
}

/// Where a path below a repository is. Docker Hub's API is elsewhere than its name says.
fn address(location: &Location, path: &str) -> Result<Url, RegistryError> {
    let registry = match location.registry.as_str() {
        "docker.io" => "registry-1.docker.io",
        registry => registry,
    };
    let text = format!("https://{registry}/v2/{}/{path}", location.repository);
    let no_address =
        |_| RegistryError::Refused(format!("{registry} is no address of a registry; correct it"));
    let url = Url::parse(&text).map_err(no_address)?;
    if !is_loopback(&url) {
        return Ok(url);
    }
    Url::parse(&text.replacen("https", "http", 1)).map_err(no_address)
}

fn basic(credentials: &Credentials) -> Option<HeaderValue> {
    let pair = format!("{}:{}", credentials.username, credentials.password.expose());
    secret_header(&format!("Basic {}", STANDARD.encode(pair)))
}

fn secret_header(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
