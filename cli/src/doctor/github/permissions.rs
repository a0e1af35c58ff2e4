//! What the App is allowed, what its installation has accepted, and what it is installed on.

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_github::{App, Installation, Permission, WEBHOOK_EVENTS, needed_permissions};
use fleetfoot_model::config::{Config, Credentials, Target};
use fleetfoot_model::ports::GitHubError;

use super::{Desk, pages};
use crate::doctor::examine;
use crate::doctor::finding::Finding;
use crate::failure::{Failure, OrFail};

const PERMISSIONS: &str = "permissions";
const EVENTS: &str = "events";
const INSTALLATION: &str = "installation";

pub(super) struct Check(pub(super) Arc<Desk>);

#[async_trait]
impl examine::Check for Check {
    fn heading(&self) -> &'static str {
        PERMISSIONS
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        let Desk { client, config, .. } = &*self.0;
        let Credentials::App { installation: id, .. } = config.github.credentials else {
            // What a token may do is found out by trying: see the findings on runners.
            return Ok(Vec::new());
        };
        let app = client.app().await.or_fail("the App cannot be looked at")?;
        let installation = match client.installation(id).await {
            Err(GitHubError::NotFound(_)) => return Ok(vec![missing(config, &app, id)]),
            answer => answer.or_fail("the App's installation cannot be looked at")?,
        };
        let visible = match (&config.github.target, installation.repository_selection.as_str()) {
            (Target::Repositories(_), "selected") if installation.suspended_at.is_none() => {
                let visible = client.installed_repositories().await;
                Some(visible.or_fail("the repositories of the App's installation cannot be listed")?)
            }
            _ => None,
        };
        Ok(judge(config, &app, &installation, visible.as_deref()))
    }
}

fn missing(config: &Config, app: &App, id: u64) -> Finding {
    let what = format!("the App {} has no installation {id}", app.slug);
    Finding::error(INSTALLATION, what).hint(format!(
        "install it at {}/apps/{}/installations/new; the number at the end of the installation's address belongs under \
         [github.app] installation",
        pages(&config.github.url),
        app.slug
    ))
}

fn judge(
    config: &Config,
    app: &App,
    installation: &Installation,
    visible: Option<&[String]>,
) -> Vec<Finding> {
    let mut findings = permissions(config, app, installation);
    findings.extend(events(config, app, installation));
    findings.extend(installed(config, installation, visible));
    findings
}

/// The page of the App on which `tab` is.
fn settings(config: &Config, app: &App, tab: &str) -> String {
    let pages = pages(&config.github.url);
    let owner = &app.owner;
    let of =
        if owner.kind == "Organization" { format!("/organizations/{}", owner.login) } else { String::new() };
    format!("{pages}{of}/settings/apps/{}/{tab}", app.slug)
}

fn permissions(config: &Config, app: &App, installation: &Installation) -> Vec<Finding> {
    let mut findings = Vec::new();
    let needed = needed_permissions(&config.github.target, config.into());
    for permission in &needed {
        let Permission { level, title, .. } = permission;
        if !permission.is_in(&app.permissions) {
            let what = format!("the App {} lacks the permission {title}: {level}", app.slug);
            let hint = format!(
                "grant it at {}, then accept it at {}",
                settings(config, app, "permissions"),
                installation.html_url
            );
            findings.push(Finding::error(PERMISSIONS, what).hint(hint));
        } else if !permission.is_in(&installation.permissions) {
            let account = &installation.account.login;
            let what = format!("{account} has not accepted the App's permission {title}: {level}");
            let hint = format!("an owner of {account} accepts it at {}", installation.html_url);
            findings.push(Finding::error(PERMISSIONS, what).hint(hint));
        }
    }
    if findings.is_empty() {
        let names: Vec<_> = needed.iter().map(ToString::to_string).collect();
        findings.push(Finding::ok(PERMISSIONS, format!("the App {} has {}", app.slug, names.join(", "))));
    }
    findings
}

fn events(config: &Config, app: &App, installation: &Installation) -> Vec<Finding> {
    let has = |events: &[String], event: &str| events.iter().any(|it| it == event);
    let mut findings = Vec::new();
    for event in WEBHOOK_EVENTS {
        let hint = if !has(&app.events, event) {
            format!("choose it under \"Subscribe to events\" at {}", settings(config, app, "permissions"))
        } else if !has(&installation.events, event) {
            format!("the installation does not have it yet: accept what is new at {}", installation.html_url)
        } else {
            continue;
        };
        let finding = if event == WEBHOOK_EVENTS[0] {
            Finding::error(EVENTS, format!("the App's webhook does not tell of {event}: no job is heard of"))
        } else {
            let what = format!(
                "the App's webhook does not tell of {event}: GitHub is asked instead where code comes from"
            );
            Finding::warning(EVENTS, what)
        };
        findings.push(finding.hint(hint));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(EVENTS, "the App's webhook tells of workflow_job and workflow_run"));
    }
    findings
}

fn installed(config: &Config, installation: &Installation, visible: Option<&[String]>) -> Vec<Finding> {
    let account = &installation.account.login;
    if let Some(since) = installation.suspended_at {
        let what = format!("the App's installation on {account} is suspended since {since}");
        let hint = format!("an owner of {account} ends that at {}", installation.html_url);
        return vec![Finding::error(INSTALLATION, what).hint(hint)];
    }
    match &config.github.target {
        Target::Organization(owner) if !owner.as_str().eq_ignore_ascii_case(account) => {
            let what = format!("the App is installed on {account}, and the fleet serves {owner}");
            let hint = "organization under [github], or another installation under [github.app]";
            vec![Finding::error(INSTALLATION, what).hint(hint)]
        }
        Target::Organization(_) => {
            let which = match installation.repository_selection.as_str() {
                "selected" => "selected repositories, and hears of no others",
                _ => "all repositories",
            };
            vec![Finding::ok(INSTALLATION, format!("the App is installed on {account}: {which}"))]
        }
        Target::Repositories(wanted) => {
            let is_there = |name: &str| match visible {
                Some(visible) => visible.contains(&name.to_lowercase()),
                None => name.split('/').next().is_some_and(|owner| owner.eq_ignore_ascii_case(account)),
            };
            let hint = format!(
                "choose it at {}, or take it out of repositories under [github]",
                installation.html_url
            );
            let missing = wanted.iter().filter(|it| !is_there(&it.to_string()));
            let findings: Vec<_> = missing
                .map(|it| {
                    Finding::error(INSTALLATION, format!("the App is not installed on {it}")).hint(&hint)
                })
                .collect();
            if findings.is_empty() {
                let what = format!("the App is installed on all {} repositories", wanted.len());
                return vec![Finding::ok(INSTALLATION, what)];
            }
            findings
        }
    }
}

#[cfg(test)]
#[path = "permissions_tests.rs"]
mod tests;
