//! What must be in order before the first webhook: a secret that is missing then would lose it.

use std::sync::Arc;

use fleetfoot_model::config::{Config, Credentials};
use fleetfoot_model::ports::{SecretError, Secrets, Slack};
use fleetfoot_model::secret::{Secret, SecretReference};
use fleetfoot_shell::slack;

use crate::failure::{Failure, OrFail};
use crate::output;

/// Reads every secret once. The webhook's and GitHub's must be there; without Slack's the fleet runs, and says so.
pub(super) async fn secrets(
    config: &Config,
    secrets: &Arc<dyn Secrets>,
) -> Result<Option<Arc<dyn Slack>>, Failure> {
    webhook(config, &**secrets).await?;
    let credentials = match &config.github.credentials {
        Credentials::App { key, .. } => key,
        Credentials::Token(token) => token,
    };
    read(&**secrets, credentials)
        .await
        .or_fail("the fleet cannot sign in at GitHub")
        .map_err(|failure| failure.hint("app.key or token under [github] says where the credentials are"))?;
    let Some(config) = &config.notify.slack else { return Ok(None) };
    if let Err(reason) = slack::check(config, Arc::clone(secrets)).await {
        let advice = "`fleetfoot notify test` tells when it is mended";
        output::note(&format!("warning: nobody is told in Slack for now: {reason}; {advice}"));
    }
    Ok(Some(slack::connect(config, Arc::clone(secrets))))
}

async fn webhook(config: &Config, secrets: &dyn Secrets) -> Result<(), Failure> {
    let mut failures = Vec::new();
    for reference in &config.github.webhook_secrets {
        if let Err(error) = read(secrets, reference).await {
            failures.push(error.to_string());
        }
    }
    if failures.len() == config.github.webhook_secrets.len() {
        let failure = Failure { causes: failures, ..Failure::new("no webhook could be verified") };
        return Err(
            failure.hint("set the secret that webhook_secrets under [github] names, and the same at GitHub")
        );
    }
    for failure in failures {
        output::note(&format!("warning: {failure}"));
    }
    Ok(())
}

async fn read(secrets: &dyn Secrets, reference: &SecretReference) -> Result<Secret, SecretError> {
    let secret = secrets.read(reference).await?;
    if secret.expose().is_empty() {
        return Err(SecretError { reference: reference.to_string(), reason: "it is empty".to_owned() });
    }
    Ok(secret)
}
