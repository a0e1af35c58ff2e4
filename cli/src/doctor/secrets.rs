//! Secrets: each can be read, and holds something. Nothing of them is shown.

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::config::Config;
use fleetfoot_model::ports::Secrets;
use fleetfoot_model::secret::SecretReference;

use super::examine;
use super::finding::Finding;
use crate::config::references;
use crate::failure::Failure;

const HEADING: &str = "secrets";

/// Every secret that the configuration refers to.
pub(super) struct Check {
    references: Vec<(&'static str, SecretReference)>,
    secrets: Arc<dyn Secrets>,
}

/// How a secret stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Readable,
    Empty,
    Unreadable(String),
}

impl Check {
    pub(super) fn new(config: &Config, secrets: Arc<dyn Secrets>) -> Self {
        let references = references(config).map(|(key, it)| (key, it.clone())).collect();
        Self { references, secrets }
    }

    async fn state(&self, reference: &SecretReference) -> State {
        match self.secrets.read(reference).await {
            Ok(secret) if secret.expose().trim().is_empty() => State::Empty,
            Ok(_) => State::Readable,
            Err(error) => State::Unreadable(error.reason),
        }
    }
}

#[async_trait]
impl examine::Check for Check {
    fn heading(&self) -> &'static str {
        HEADING
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        let mut states = Vec::new();
        for (key, reference) in &self.references {
            states.push((*key, reference.clone(), self.state(reference).await));
        }
        Ok(judge(&states))
    }
}

/// One of the webhook's secrets is enough, and neither Slack's nor that of traces is needed to run jobs.
fn judge(states: &[(&'static str, SecretReference, State)]) -> Vec<Finding> {
    let is_needed = |key: &str| {
        let of_key: Vec<_> = states.iter().filter(|(it, ..)| *it == key).collect();
        let is_for_jobs = key.starts_with("github.");
        is_for_jobs && !of_key.iter().any(|(.., state)| *state == State::Readable)
    };
    let mut findings = Vec::new();
    for (key, reference, state) in states {
        let (what, hint) = match state {
            State::Readable => continue,
            State::Empty => (format!("{key}: {reference} is empty"), set(reference)),
            State::Unreadable(reason) if is_forbidden(reason) => {
                let failure = Failure {
                    causes: vec![reason.clone()],
                    ..Failure::new(format!("{key}: {reference} cannot be read"))
                };
                let hint = "functions read it with their own roles; to look at it here, your credentials need it, too";
                findings.push(Finding::unknown(HEADING, failure.hint(hint)));
                continue;
            }
            State::Unreadable(reason) => (format!("{key}: {reference}: {reason}"), set(reference)),
        };
        let finding =
            if is_needed(key) { Finding::error(HEADING, what) } else { Finding::warning(HEADING, what) };
        findings.push(finding.hint(hint));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(HEADING, format!("all {} can be read, and none is empty", states.len())));
    }
    findings
}

fn is_forbidden(reason: &str) -> bool {
    reason.contains("AccessDenied") || reason.contains("not authorized")
}

/// How a secret is put where it is looked for.
fn set(reference: &SecretReference) -> String {
    match reference {
        SecretReference::Environment(name) => format!("set {name} where `fleetfoot up` is started"),
        SecretReference::File(path) => format!("write it into {path}, beside the configuration"),
        SecretReference::Parameter(path) => {
            format!("aws ssm put-parameter --type SecureString --overwrite --name {path} --value file://FILE")
        }
        SecretReference::SecretsManager { name, .. } => {
            format!("aws secretsmanager put-secret-value --secret-id {name} --secret-string file://FILE")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;

    fn found(states: &[(&'static str, &str, State)]) -> Vec<(Severity, String)> {
        let states: Vec<_> =
            states.iter().map(|(key, it, state)| (*key, it.parse().unwrap(), state.clone())).collect();
        judge(&states).into_iter().map(|it| (it.severity, it.what)).collect()
    }

    #[test]
    fn each_secret_counts_as_much_as_the_fleet_needs_it() {
        let key = ("github.app.key", "file:key.pem", State::Readable);
        let missing = || State::Unreadable("no such file".to_owned());
        let hook = |state| ("github.webhook_secrets", "env:SECRET", state);
        let well = found(&[key.clone(), hook(State::Readable)]);
        assert_eq!(well, [(Severity::Ok, "all 2 can be read, and none is empty".to_owned())]);
        let told = "github.webhook_secrets: env:SECRET is empty".to_owned();
        assert_eq!(found(&[key.clone(), hook(State::Empty)]), [(Severity::Error, told.clone())]);
        let rotating = found(&[key.clone(), hook(State::Readable), hook(State::Empty)]);
        assert_eq!(rotating, [(Severity::Warning, told)]);
        let slack = found(&[key.clone(), hook(State::Readable), ("notify.slack", "env:SLACK", missing())]);
        assert_eq!(slack, [(Severity::Warning, "notify.slack: env:SLACK: no such file".to_owned())]);
        let traces = found(&[key.clone(), hook(State::Readable), ("traces.header", "env:HEADER", missing())]);
        assert_eq!(traces[0].0, Severity::Warning);
        let bot = found(&[key, hook(State::Readable), ("notify.slack_token", "env:SLACK", missing())]);
        assert_eq!(bot[0].0, Severity::Warning);
        let denied = State::Unreadable("AccessDeniedException: no".to_owned());
        assert_eq!(found(&[("github.token", "ssm:/token", denied)])[0].0, Severity::Unknown);
    }
}
