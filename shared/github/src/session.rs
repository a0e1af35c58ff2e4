//! Who asks: the fleet's own credential for almost everything, the App's JWT where GitHub wants that.

use std::sync::Arc;

use fleetfoot_model::config::Credentials;
use fleetfoot_model::ports::{Clock, GitHubError, Secrets};
use fleetfoot_model::secret::{Secret, SecretReference};
use fleetfoot_model::{SignedDuration, Timestamp};
use octocrab::jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::{Deserialize, Serialize};

use crate::budget::Budget;
use crate::errors::refusal;
use crate::slot::{Kept, Slot};
use crate::wire::{Answer, Call, Wire};

/// A personal access token is read again after this time, so that a rotated one serves before the old one is revoked.
const READ_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// The life of a JWT. GitHub takes 10 minutes at most (GitHub docs, "Generating a JSON Web Token for a GitHub App").
const JWT_LIFE: SignedDuration = SignedDuration::from_mins(9);
/// How far the JWT's beginning lies in the past, against clocks that differ (same page).
const JWT_BACKDATED: SignedDuration = SignedDuration::from_mins(1);
/// A new JWT is signed so long before the old one's end.
const JWT_MARGIN: SignedDuration = SignedDuration::from_mins(1);
/// The life of an installation token, if its answer does not say.
const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(1);
/// An installation token is renewed in the last twelfth of its life: 5 minutes of an hour.
const TOKEN_MARGIN_SHARE: i32 = 12;

#[derive(Serialize)]
struct Claims {
    iat: i64,
    exp: i64,
    iss: String,
}

#[derive(Deserialize)]
struct InstallationToken {
    token: String,
    #[serde(default)]
    expires_at: Option<Timestamp>,
}

/// A signed-in connection.
pub(crate) struct Session {
    wire: Wire,
    credentials: Credentials,
    secrets: Arc<dyn Secrets>,
    clock: Arc<dyn Clock>,
    jwt: Slot,
    token: Slot,
    budget: Arc<Budget>,
}

impl Session {
    pub(crate) fn new(
        address: &str,
        credentials: Credentials,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let wire = Wire::new(address);
        let (jwt, token, budget) = (Slot::default(), Slot::default(), Arc::default());
        Self { wire, credentials, secrets, clock, jwt, token, budget }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn budget(&self) -> Arc<Budget> {
        Arc::clone(&self.budget)
    }

    pub(crate) fn is_app(&self) -> bool {
        matches!(self.credentials, Credentials::App { .. })
    }

    /// The App that signs in, if one does.
    pub(crate) fn app_id(&self) -> Option<u64> {
        match self.credentials {
            Credentials::App { id, .. } => Some(id),
            Credentials::Token(_) => None,
        }
    }

    /// Asks with the installation token or the personal access token. A refusal is an error.
    pub(crate) async fn ask(&self, call: &Call) -> Result<Answer, GitHubError> {
        let credential = self.token.get(self.now(), self.fetch_token()).await?;
        let answer = self.exchange(&credential, call).await;
        if let Ok(answer) = &answer {
            self.budget.note(&answer.headers);
        }
        if is_unauthorized(&answer) && self.token.reject(&credential).await {
            // The next token is to be asked for with the key as it is now, not as it was when the JWT was signed.
            self.jwt.clear().await;
        }
        answer
    }

    /// Asks as the App itself. A refusal is an error.
    pub(crate) async fn ask_as_app(&self, call: &Call) -> Result<Answer, GitHubError> {
        let Credentials::App { id, key, .. } = &self.credentials else {
            return Err(GitHubError::Invalid(format!("{call} can only be asked by a GitHub App")));
        };
        let credential = self.jwt.get(self.now(), self.sign(*id, key)).await?;
        let answer = self.exchange(&credential, call).await;
        if is_unauthorized(&answer) {
            self.jwt.reject(&credential).await;
        }
        answer
    }

    /// Asks as nobody in particular; no secret is read. A refusal is an error.
    pub(crate) async fn ask_publicly(&self, call: &Call) -> Result<Answer, GitHubError> {
        self.exchange(&Secret::new(""), call).await
    }

    async fn exchange(&self, credential: &Secret, call: &Call) -> Result<Answer, GitHubError> {
        let answer = self.wire.send(credential, call).await?;
        refusal(call, &answer, credential, self.now()).map_or(Ok(answer), Err)
    }

    async fn fetch_token(&self) -> Result<Kept, GitHubError> {
        match &self.credentials {
            Credentials::Token(reference) => {
                let secret = self.read(reference).await?;
                Ok(Kept { secret, renew_at: self.now() + READ_AGAIN_AFTER, ends_at: Timestamp::MAX })
            }
            Credentials::App { installation, .. } => self.fetch_installation_token(*installation).await,
        }
    }

    async fn fetch_installation_token(&self, installation: u64) -> Result<Kept, GitHubError> {
        let call = Call::post(format!("app/installations/{installation}/access_tokens"));
        let answer = self.ask_as_app(&call).await.map_err(|error| match error {
            // To the caller, "not found" would mean that the runner it wants deleted is gone.
            GitHubError::NotFound(reason) => GitHubError::Unauthorized(reason),
            error => error,
        })?;
        let InstallationToken { token, expires_at } = answer.read(&call)?;
        let now = self.now();
        let ends_at = expires_at.unwrap_or(now + TOKEN_LIFE);
        let renew_at = ends_at - ends_at.duration_since(now) / TOKEN_MARGIN_SHARE;
        Ok(Kept { secret: Secret::new(token), renew_at, ends_at })
    }

    async fn sign(&self, id: u64, key: &SecretReference) -> Result<Kept, GitHubError> {
        let pem = self.read(key).await?;
        let now = self.now();
        let claims = Claims {
            iat: (now - JWT_BACKDATED).as_second(),
            exp: (now + JWT_LIFE).as_second(),
            // Text, as RFC 7519 has it; GitHub takes a number too.
            iss: id.to_string(),
        };
        let jwt = EncodingKey::from_rsa_pem(pem.expose().as_bytes())
            .and_then(|key| encode(&Header::new(Algorithm::RS256), &claims, &key))
            .map_err(|_| GitHubError::Unauthorized(format!("{key} is no RSA private key in PEM")))?;
        let ends_at = now + JWT_LIFE;
        Ok(Kept { secret: Secret::new(jwt), renew_at: ends_at - JWT_MARGIN, ends_at })
    }

    /// Reads a secret. Around it there may be white space, such as the line end of a file.
    async fn read(&self, reference: &SecretReference) -> Result<Secret, GitHubError> {
        let secret = self
            .secrets
            .read(reference)
            .await
            .map_err(|error| GitHubError::Unavailable(error.to_string()))?;
        Ok(Secret::new(secret.expose().trim()))
    }
}

fn is_unauthorized(answer: &Result<Answer, GitHubError>) -> bool {
    matches!(answer, Err(GitHubError::Unauthorized(_)))
}
