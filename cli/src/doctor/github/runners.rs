//! Whether the fleet may have runners where it is to have them, and whose jobs they get.

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_github::RunnerGroup;
use fleetfoot_model::config::Config;
use fleetfoot_model::ports::GitHubError;
use fleetfoot_model::runner::Scope;

use super::{Desk, pages};
use crate::doctor::examine;
use crate::doctor::finding::Finding;
use crate::failure::Failure;

const HEADING: &str = "runners";
const GROUP: &str = "runner-group";

pub(super) struct Check(pub(super) Arc<Desk>);

#[async_trait]
impl examine::Check for Check {
    fn heading(&self) -> &'static str {
        HEADING
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        let client = self.0.signed_in().await?;
        let mut findings = Vec::new();
        for scope in self.0.config.github.target.scopes() {
            let answer = client.may_list_runners(&scope).await;
            findings.push(place(&scope, answer.err()));
        }
        let answer = client.runner_group().await;
        findings.extend(group(&self.0.config, answer));
        Ok(findings)
    }
}

fn name(scope: &Scope) -> String {
    match scope {
        Scope::Organization(owner) => owner.to_string(),
        Scope::Repository(repository) => repository.to_string(),
    }
}

fn place(scope: &Scope, refusal: Option<GitHubError>) -> Finding {
    let here = name(scope);
    let Some(error) = refusal else {
        return Finding::ok(HEADING, format!("self-hosted runners of {here} can be listed"));
    };
    let failure = Failure::new(format!("self-hosted runners of {here} cannot be listed")).because(&error);
    match error {
        GitHubError::Forbidden(_) => Finding::broken(
            HEADING,
            failure.hint(
                "the App or token lacks the permission (see permissions), or self-hosted runners are disabled there \
                 (its settings, Actions, General, Runners)",
            ),
        ),
        GitHubError::NotFound(_) | GitHubError::Invalid(_) => Finding::broken(
            HEADING,
            failure.hint("its name under [github], or the App is not installed there or the token may not see it"),
        ),
        _ => Finding::unknown(HEADING, failure),
    }
}

fn group(config: &Config, answer: Result<Option<RunnerGroup>, GitHubError>) -> Option<Finding> {
    let id = config.github.runner_group_id;
    let group = match answer {
        Ok(group) => group?,
        Err(GitHubError::NotFound(_)) => {
            let what = format!("there is no runner group {id}: no runner can register");
            return Some(
                Finding::error(GROUP, what).hint("runner_group_id under [github]; 1 is the default group"),
            );
        }
        Err(error) => {
            let failure = Failure::new(format!("the runner group {id} cannot be looked at")).because(&error);
            return Some(Finding::unknown(GROUP, failure));
        }
    };
    let name = &group.name;
    let mut hint = format!(
        "{}/organizations/ORGANIZATION/settings/actions/runner-groups/{id}",
        pages(&config.github.url)
    );
    if let Some(Scope::Organization(owner)) = config.github.target.scopes().first() {
        hint = hint.replace("ORGANIZATION", owner.as_str());
    }
    let what = if config.repositories.public && !group.allows_public_repositories {
        format!("the fleet serves public repositories, and the runner group {name} does not allow them")
    } else if group.restricted_to_workflows {
        format!("the runner group {name} takes jobs of chosen workflows only: others wait for ever")
    } else if group.visibility == "selected" {
        format!("the runner group {name} takes jobs of chosen repositories only: others wait for ever")
    } else {
        return Some(Finding::ok(
            GROUP,
            format!("runners register in the group {name}, which takes all repositories' jobs"),
        ));
    };
    Some(Finding::warning(GROUP, what).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;
    use crate::doctor::testing::config;

    fn group_of(visibility: &str) -> RunnerGroup {
        RunnerGroup {
            name: "Default".to_owned(),
            visibility: visibility.to_owned(),
            allows_public_repositories: false,
            restricted_to_workflows: false,
        }
    }

    #[test]
    fn a_group_that_leaves_jobs_out_is_warned_of() {
        let told = |text: &str, group_is: RunnerGroup| {
            let found = group(&config(text), Ok(Some(group_is))).unwrap();
            (found.severity, found.what, found.hint)
        };
        assert_eq!(told("", group_of("all")).0, Severity::Ok);
        let (severity, _, hint) = told("", group_of("selected"));
        assert_eq!(severity, Severity::Warning);
        assert_eq!(hint.unwrap(), "https://github.com/organizations/acme/settings/actions/runner-groups/1");
        let public = told("[repositories]\nallow = [\"acme/*\"]\npublic = true\n", group_of("all"));
        assert!(public.1.contains("public repositories"), "{public:?}");
        let gone = group(&config(""), Err(GitHubError::NotFound("404".to_owned()))).unwrap();
        assert_eq!(gone.severity, Severity::Error);
        let forbidden = group(&config(""), Err(GitHubError::Forbidden("403".to_owned()))).unwrap();
        assert_eq!(forbidden.severity, Severity::Unknown, "it may be right");
        assert!(group(&config(""), Ok(None)).is_none(), "repositories have none");
    }

    #[test]
    fn a_refusal_is_a_fault_and_silence_is_not() {
        let scope = Scope::Organization("acme".parse().unwrap());
        for (refusal, severity) in [
            (None, Severity::Ok),
            (Some(GitHubError::Forbidden("403".to_owned())), Severity::Error),
            (Some(GitHubError::NotFound("404".to_owned())), Severity::Error),
            (Some(GitHubError::Unavailable("502".to_owned())), Severity::Unknown),
        ] {
            assert_eq!(place(&scope, refusal).severity, severity);
        }
    }
}
