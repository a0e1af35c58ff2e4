//! Turns a signed GitHub webhook into events, and says how the fleet is at `GET /health`. Nothing else.

pub mod signature;
pub mod webhook;

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::Timestamp;
use fleetfoot_model::config::Config;
use fleetfoot_model::events::Fact;
use fleetfoot_model::function::HttpFunction;
use fleetfoot_model::http::{Request, Response};
use fleetfoot_model::ports::{SecretError, Secrets};
use fleetfoot_model::secret::Secret;
use serde_json::json;

use crate::webhook::Verdict;

/// The function `ingest`.
pub struct Ingest {
    /// The fleet's configuration.
    pub config: Arc<Config>,
    /// Where the webhook's secrets are.
    pub secrets: Arc<dyn Secrets>,
}

#[async_trait]
impl HttpFunction for Ingest {
    async fn handle(&self, request: &Request, now: Timestamp) -> (Response, Vec<Fact>) {
        match request.path.as_str() {
            "/health" => (self.health().await, Vec::new()),
            _ => self.webhook(request, now).await,
        }
    }
}

impl Ingest {
    async fn webhook(&self, request: &Request, now: Timestamp) -> (Response, Vec<Fact>) {
        let refuse = |status, message: &str| (Response::message(status, message), Vec::new());
        let cap = self.config.limits.webhook_bytes;
        if request.body.len() > cap {
            return refuse(413, &format!("the body has {} bytes, {cap} are allowed", request.body.len()));
        }
        let Some(signature) = request.header("x-hub-signature-256") else {
            return refuse(401, "the header X-Hub-Signature-256 is missing: set a secret on the webhook");
        };
        let secrets = match self.secrets().await {
            Ok(secrets) => secrets,
            // GitHub lists the delivery as failed and `cleanup` asks for it again: 2xx here would lose it.
            Err(error) => return refuse(503, &error.to_string()),
        };
        if !secrets.iter().any(|secret| signature::verify(secret, &request.body, signature)) {
            return refuse(
                401,
                "the signature does not fit the body: compare the webhook's secret with the fleet's",
            );
        }
        let event = request.header("x-github-event").unwrap_or_default();
        match webhook::read(event, &request.body, &self.config, now) {
            Ok(Verdict::Facts(facts)) => {
                let names: Vec<&str> = facts.iter().map(Fact::detail_type).collect();
                (Response::json(202, json!({ "accepted": true, "facts": names })), facts)
            }
            Ok(Verdict::Ping) => refuse(200, "pong"),
            Ok(Verdict::Ignored(reason)) => {
                (Response::json(202, json!({ "accepted": false, "ignored": reason })), Vec::new())
            }
            Err(error) => refuse(400, &error.to_string()),
        }
    }

    /// Current and previous secret. One that cannot be read is passed over as long as another can.
    async fn secrets(&self) -> Result<Vec<Secret>, SecretError> {
        let mut found = Vec::new();
        let mut failure = None;
        for reference in &self.config.github.webhook_secrets {
            match self.secrets.read(reference).await {
                Ok(secret) if secret.expose().is_empty() => {
                    failure = Some(SecretError {
                        reference: reference.to_string(),
                        reason: "it is empty".to_owned(),
                    });
                }
                Ok(secret) => found.push(secret),
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(found),
        }
    }

    async fn health(&self) -> Response {
        let version = env!("CARGO_PKG_VERSION");
        match self.secrets().await {
            Ok(_) => Response::json(
                200,
                json!({ "status": "ok", "version": version, "configuration": "ok", "secrets": "ok" }),
            ),
            Err(error) => Response::json(
                503,
                json!({ "status": "failing", "version": version, "configuration": "ok", "secrets": error.to_string() }),
            ),
        }
    }
}
