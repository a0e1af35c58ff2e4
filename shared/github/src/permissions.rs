//! What a fleet needs of GitHub: what its App may do, and what webhooks tell it of. `fleetfoot setup` asks for this,
//! `fleetfoot doctor` looks whether it is there.

use std::fmt;

use fleetfoot_model::config::{Config, Target};

use crate::registration::Permissions;

/// What webhooks tell a fleet of. Without the first it hears of no job.
pub const WEBHOOK_EVENTS: [&str; 2] = ["workflow_job", "workflow_run"];

/// What a fleet's owner wants of it, and what an App has to be allowed for that beside what every fleet needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Whether failed jobs are to be run again.
    pub reruns: bool,
    /// Whether commits are to show jobs that get no runner.
    pub check_runs: bool,
}

impl From<&Config> for Wishes {
    fn from(config: &Config) -> Self {
        Self { reruns: config.recovery.rerun_interrupted, check_runs: config.notify.check_runs }
    }
}

/// A permission. Shown as `actions: read`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// As GitHub's API calls it.
    pub name: &'static str,
    /// `read` or `write`.
    pub level: &'static str,
    /// As GitHub's pages call it.
    pub title: &'static str,
}

impl Permission {
    /// Whether it is among what was given, at this level or above.
    pub fn is_in(&self, given: &Permissions) -> bool {
        match given.get(self.name).map(String::as_str) {
            Some("write" | "admin") => true,
            level => level == Some(self.level),
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.level)
    }
}

/// What an App has to be allowed for a fleet, and nothing else (GitHub docs, "Permissions required for GitHub Apps").
pub fn needed_permissions(target: &Target, wishes: Wishes) -> Vec<Permission> {
    let permission = |name, level, title| Permission { name, level, title };
    let runners = match target {
        Target::Organization(_) => {
            permission("organization_self_hosted_runners", "write", "Organization: Self-hosted runners")
        }
        Target::Repositories(_) => permission("administration", "write", "Repository: Administration"),
    };
    let actions = if wishes.reruns { "write" } else { "read" };
    let mut needed = vec![runners, permission("actions", actions, "Repository: Actions")];
    if wishes.check_runs {
        needed.push(permission("checks", "write", "Repository: Checks"));
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_at_a_higher_level_is_given() {
        let needed = needed_permissions(&Target::Organization("acme".parse().unwrap()), Wishes::default());
        let missing = |given: &[(&str, &str)]| {
            let given: Permissions =
                given.iter().map(|(name, level)| ((*name).to_owned(), (*level).to_owned())).collect();
            let missing = needed.iter().filter(|it| !it.is_in(&given));
            missing.map(ToString::to_string).collect::<Vec<_>>()
        };
        assert!(missing(&[("actions", "write"), ("organization_self_hosted_runners", "write")]).is_empty());
        assert_eq!(
            missing(&[("organization_self_hosted_runners", "read"), ("administration", "write")]),
            ["organization_self_hosted_runners: write", "actions: read"]
        );
    }
}
