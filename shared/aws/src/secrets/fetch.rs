//! Asks AWS for a secret. No text here may hold one: an answer that cannot be used is described, never shown.

use std::time::Duration;

use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssm::operation::get_parameter::GetParameterError;
use fleetfoot_model::secret::{Secret, SecretReference};
use serde_json::Value;

use crate::classify::{Fault, Verdict, classify};

/// How long AWS may take, with what the client tries again; a function has other things to do with its time.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Why there is no secret.
pub(super) enum Failure {
    /// AWS did not answer, or not now.
    Unavailable(String),
    /// AWS answered that there is none to be had.
    Refused(String),
}

/// Where secrets are.
pub(super) struct Source {
    pub(super) ssm: aws_sdk_ssm::Client,
    pub(super) secrets_manager: aws_sdk_secretsmanager::Client,
}

impl Source {
    pub(super) async fn fetch(&self, reference: &SecretReference) -> Result<Secret, Failure> {
        let asked = tokio::time::timeout(TIMEOUT, self.ask(reference)).await;
        let text = asked.unwrap_or_else(|_| {
            Err(Failure::Unavailable(format!("AWS did not answer within {TIMEOUT:?}")))
        })?;
        // `echo` and editors end a text with a newline that is not part of the secret.
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(Failure::Refused("it is empty".to_owned()));
        }
        Ok(Secret::new(text))
    }

    async fn ask(&self, reference: &SecretReference) -> Result<String, Failure> {
        match reference {
            SecretReference::Parameter(path) => self.parameter(path).await,
            SecretReference::SecretsManager { name, key } => {
                let text = self.secret(name).await?;
                key.as_deref().map_or(Ok(text.clone()), |key| field(&text, key))
            }
            SecretReference::Environment(_) | SecretReference::File(_) => Err(Failure::Refused(
                "a function on AWS has neither secrets in its environment nor files of yours; \
                 use ssm:/path or secretsmanager:name#key"
                    .to_owned(),
            )),
        }
    }

    async fn parameter(&self, path: &str) -> Result<String, Failure> {
        let answer = self.ssm.get_parameter().name(path).with_decryption(true).send().await;
        let answer = answer.map_err(|error| {
            let missing = error.as_service_error().is_some_and(GetParameterError::is_parameter_not_found);
            let hint = format!(
                "there is no such parameter in this account and region; \
                 `aws ssm put-parameter --type SecureString --name {path}` writes it"
            );
            failure(&error, missing.then_some(hint))
        })?;
        let value = answer.parameter.and_then(|parameter| parameter.value);
        value.ok_or_else(|| Failure::Refused("the parameter has no value".to_owned()))
    }

    async fn secret(&self, name: &str) -> Result<String, Failure> {
        let answer = self.secrets_manager.get_secret_value().secret_id(name).send().await;
        let answer = answer.map_err(|error| {
            let missing =
                error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception);
            let hint = format!(
                "there is no such secret in this account and region, or it has no value yet; \
                 `aws secretsmanager create-secret --name {name}` makes it"
            );
            failure(&error, missing.then_some(hint))
        })?;
        let text = "it is binary; store it as text (--secret-string)";
        answer.secret_string.ok_or_else(|| Failure::Refused(text.to_owned()))
    }
}

/// One field of a secret that is a JSON object. Other fields' names are not told: whoever mixed up names and values
/// would find the values in a log.
fn field(text: &str, key: &str) -> Result<String, Failure> {
    let refused = |why: String| Err(Failure::Refused(why));
    let Ok(Value::Object(fields)) = serde_json::from_str(text) else {
        return refused(format!(
            "it is no JSON object, so it has no key {key:?}; leave out #{key}, or store one"
        ));
    };
    match fields.get(key) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => refused(format!("its key {key:?} is not a string")),
        None => refused(format!("its JSON object has no key {key:?}, but {} others", fields.len())),
    }
}

fn failure<E, R>(error: &SdkError<E, R>, missing: Option<String>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    if let Some(hint) = missing {
        return Failure::Refused(hint);
    }
    let Fault { verdict, text, code } = classify(error);
    if verdict != Verdict::Never {
        return Failure::Unavailable(text);
    }
    if code.is_some_and(|code| code.starts_with("AccessDenied")) {
        return Failure::Refused(format!(
            "{text}; a function may read only secrets whose names begin as the deploy guide says, \
             and their key has to be the account's own"
        ));
    }
    Failure::Refused(text)
}
