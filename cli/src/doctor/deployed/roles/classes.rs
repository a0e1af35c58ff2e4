//! The roles that classes give to their jobs.

use fleetfoot_model::config::Config;

use super::ask::{self, Role};
use super::policy::trusts;
use super::{HEADING, TASKS};
use crate::aws::call::Caller;
use crate::doctor::finding::Finding;
use crate::failure::Failure;

/// What is not well with them; `allowed` are those that the deployment lets `launch` pass on.
pub(super) async fn examine(config: &Config, allowed: &str, caller: &Caller) -> Vec<Finding> {
    let allowed: Vec<&str> = allowed.split(',').collect();
    let mut findings = Vec::new();
    for (class, arn) in config.classes.iter().filter_map(|(name, it)| Some((name, it.role.as_ref()?))) {
        let arn = arn.to_string();
        if !allowed.contains(&arn.as_str()) {
            let what = format!(
                "class {class} gives its jobs {arn}, which the deployment does not allow: they are not launched"
            );
            let hint = "deploy with it in ClassRoleArns, or remove role from the class";
            findings.push(Finding::error(HEADING, what).hint(hint));
            continue;
        }
        let name = arn.rsplit('/').next().unwrap_or_default();
        findings.extend(judge(class.as_str(), &arn, ask::role(caller, name).await));
    }
    findings
}

/// How many there are.
pub(super) fn count(config: &Config) -> usize {
    config.classes.values().filter(|class| class.role.is_some()).count()
}

fn judge(class: &str, arn: &str, asked: Result<Option<Role>, Failure>) -> Option<Finding> {
    match asked {
        Err(failure) => Some(Finding::unknown(HEADING, failure)),
        Ok(None) => {
            let what = format!("the role {arn} of class {class} does not exist: its jobs are not launched");
            Some(Finding::error(HEADING, what).hint("make it, or name another"))
        }
        Ok(Some(role)) if !trusts(&role.assume_role_policy_document, TASKS) => {
            let what = format!("the role {arn} of class {class} does not trust {TASKS}: no task can have it");
            Some(Finding::error(HEADING, what).hint("let that service assume it (docs/deploy.md)"))
        }
        Ok(Some(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;

    #[test]
    fn a_role_exists_and_trusts_tasks() {
        let severity = |asked| judge("large", "arn:aws:iam::1:role/jobs", asked).map(|it| it.severity);
        let role = |service: &str| {
            let policy = format!(
                "{{\"Statement\":[{{\"Effect\":\"Allow\",\"Principal\":{{\"Service\":\"{service}\"}},\"Action\":\"sts:AssumeRole\"}}]}}"
            );
            Ok(Some(Role { assume_role_policy_document: policy, ..Role::default() }))
        };
        assert_eq!(severity(role(TASKS)), None);
        assert_eq!(severity(role("ec2.amazonaws.com")), Some(Severity::Error));
        assert_eq!(severity(Ok(None)), Some(Severity::Error));
        assert_eq!(severity(Err(Failure::new("AccessDenied"))), Some(Severity::Unknown));
    }
}
