//! Whether GitHub's webhook leads here, and is signed.

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_github::Webhook as Hook;
use fleetfoot_model::config::Credentials;
use fleetfoot_model::ports::{self, GitHubError};

use super::Desk;
use crate::doctor::examine;
use crate::doctor::finding::Finding;
use crate::failure::Failure;
use crate::place::Webhook;

const HEADING: &str = "webhook";

pub(super) struct Check {
    pub(super) desk: Arc<Desk>,
    /// Where it is to lead, if that is known.
    pub(super) address: Result<Option<Webhook>, Failure>,
}

#[async_trait]
impl examine::Check for Check {
    fn heading(&self) -> &'static str {
        HEADING
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        let address = self.address.clone()?.map(|it| it.address);
        let client = &self.desk.client;
        let is_app = matches!(self.desk.config.github.credentials, Credentials::App { .. });
        let hooks = client.webhooks(address.as_deref()).await.map_err(|error| unseen(&error, is_app))?;
        Ok(judge(&hooks, address.as_deref()))
    }
}

fn unseen(error: &GitHubError, is_app: bool) -> Failure {
    let failure = Failure::new("the webhook cannot be looked at").because(error);
    let is_refused =
        matches!(error, GitHubError::NotFound(_) | GitHubError::Forbidden(_) | GitHubError::Unauthorized(_));
    match (is_refused, is_app) {
        (true, true) => failure.hint("only the App itself is told: see github"),
        (true, false) => failure.hint("the token needs the right to webhooks"),
        // Of what kept GitHub from answering the error's own remedy is told.
        (false, _) => failure,
    }
}

fn judge(hooks: &[Hook], address: Option<&str>) -> Vec<Finding> {
    let hooks: Vec<&Hook> = hooks.iter().filter(|hook| !hook.address.is_empty()).collect();
    let shown = address.unwrap_or("the address of `fleetfoot up`, with /webhook");
    if hooks.is_empty() {
        let what = "GitHub has no webhook that tells of jobs";
        let hint = format!(
            "set one to {shown}, with a secret, content type application/json and the events workflow_job and workflow_run"
        );
        return vec![Finding::error(HEADING, what).hint(hint)];
    }
    let here: Vec<_> = match address {
        Some(address) => hooks.iter().copied().filter(|hook| is_same(&hook.address, address)).collect(),
        None => hooks.clone(),
    };
    if here.is_empty() {
        let elsewhere: Vec<_> = hooks.iter().map(|hook| hook.address.as_str()).collect();
        let what =
            format!("GitHub's webhook leads to {}, and this fleet listens at {shown}", elsewhere.join(", "));
        let hint = format!("set its address at GitHub ({}) to {shown}", page(hooks[0]));
        return vec![Finding::error(HEADING, what).hint(hint)];
    }
    here.into_iter().flat_map(|hook| one(hook, address.is_some())).collect()
}

/// GitHub keeps addresses as they were typed in.
fn is_same(left: &str, right: &str) -> bool {
    left.trim_end_matches('/').eq_ignore_ascii_case(right.trim_end_matches('/'))
}

fn page(hook: &Hook) -> String {
    match &hook.hook {
        ports::Hook::App => "the App's settings, Webhook".to_owned(),
        ports::Hook::Organization(owner, id) => format!("{owner}: settings, Webhooks, {id}"),
        ports::Hook::Repository(repository, id) => format!("{repository}: settings, Webhooks, {id}"),
    }
}

fn one(hook: &Hook, leads_here: bool) -> Vec<Finding> {
    let page = page(hook);
    let mut findings = Vec::new();
    let mut fault = |what: &str, hint: &str| {
        findings.push(Finding::error(HEADING, what).hint(format!("{hint} ({page})")));
    };
    if !hook.has_secret {
        fault(
            "GitHub's webhook has no secret: the fleet refuses what it sends with 401",
            "set the secret that webhook_secrets under [github] names",
        );
    }
    if hook.content_type != "json" {
        fault(
            "GitHub's webhook sends forms: the fleet refuses them with 400",
            "set its content type to application/json",
        );
    }
    if hook.active == Some(false) {
        fault("GitHub's webhook is not active", "make it active");
    }
    for event in ["workflow_job", "workflow_run"] {
        let events = hook.events.as_ref();
        if events.is_some_and(|events| !events.iter().any(|it| it == event || it == "*")) {
            fault(&format!("GitHub's webhook does not tell of {event}"), "choose that event");
        }
    }
    if !path_of(&hook.address).ends_with("/webhook") {
        fault(
            &format!("GitHub's webhook leads to {}, which is not the path /webhook", hook.address),
            "add the path",
        );
    }
    if !hook.verifies_tls {
        let what = "GitHub's webhook does not verify certificates";
        findings.push(Finding::warning(HEADING, what).hint(format!("enable SSL verification ({page})")));
    }
    if findings.is_empty() {
        let whether = if leads_here {
            "this fleet"
        } else {
            "it is signed; whether that is this fleet cannot be told from here"
        };
        findings.push(Finding::ok(HEADING, format!("GitHub's webhook leads to {}: {whether}", hook.address)));
    }
    findings
}

fn path_of(address: &str) -> &str {
    address.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;

    const HERE: &str = "https://api.example/webhook";

    fn hook(change: impl FnOnce(&mut Hook)) -> Hook {
        let mut hook = Hook {
            hook: ports::Hook::App,
            address: HERE.to_owned(),
            content_type: "json".to_owned(),
            has_secret: true,
            verifies_tls: true,
            active: None,
            events: None,
        };
        change(&mut hook);
        hook
    }

    #[test]
    fn each_way_in_which_a_webhook_can_be_wrong_is_told() {
        let only_jobs = vec!["workflow_job".to_owned()];
        for (hook, severity, what) in [
            (hook(|_| {}), Severity::Ok, "GitHub's webhook leads to https://api.example/webhook: this fleet"),
            (hook(|it| it.address.push('/')), Severity::Ok, "this fleet"),
            (
                hook(|it| it.address = String::new()),
                Severity::Error,
                "GitHub has no webhook that tells of jobs",
            ),
            (
                hook(|it| it.address = "https://old.example/webhook".to_owned()),
                Severity::Error,
                "leads to https://old.example/webhook, and this fleet listens at https://api.example/webhook",
            ),
            (hook(|it| it.has_secret = false), Severity::Error, "has no secret"),
            (hook(|it| it.content_type = "form".to_owned()), Severity::Error, "sends forms"),
            (hook(|it| it.active = Some(false)), Severity::Error, "is not active"),
            (hook(|it| it.events = Some(only_jobs)), Severity::Error, "does not tell of workflow_run"),
            (hook(|it| it.verifies_tls = false), Severity::Warning, "does not verify certificates"),
        ] {
            let found = judge(&[hook], Some(HERE));
            assert_eq!((found.len(), found[0].severity), (1, severity), "{found:?}");
            assert!(found[0].what.contains(what), "{found:?}");
            assert_eq!(found[0].hint.is_none(), severity == Severity::Ok);
        }
    }

    #[test]
    fn a_right_is_asked_for_only_where_one_is_missing() {
        let hint = |error| unseen(&error, false).hint.unwrap();
        assert!(hint(GitHubError::Forbidden("403".to_owned())).contains("the right to webhooks"));
        let unreached = hint(GitHubError::Unavailable("connection refused".to_owned()));
        assert!(!unreached.contains("right"), "{unreached}");
    }

    #[test]
    fn on_one_machine_the_address_is_not_known_and_its_path_is() {
        let elsewhere = hook(|it| it.address = "https://tunnel.example/webhook?x=1".to_owned());
        assert_eq!(judge(&[elsewhere], None)[0].severity, Severity::Ok);
        let root = hook(|it| it.address = "https://tunnel.example/".to_owned());
        assert_eq!(judge(&[root], None)[0].severity, Severity::Error);
    }
}
