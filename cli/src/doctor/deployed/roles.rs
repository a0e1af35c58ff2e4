//! The roles that classes give to their jobs.

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::config::Config;
use serde::Deserialize;

use super::Desk;
use crate::aws::call::Service;
use crate::doctor::examine;
use crate::doctor::finding::Finding;
use crate::failure::Failure;

const HEADING: &str = "roles";

pub(super) struct Check {
    pub(super) desk: Arc<Desk>,
    pub(super) config: Arc<Config>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Answer {
    get_role_result: Found,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Found {
    role: Role,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Role {
    /// A policy, with percent signs (RFC 3986).
    assume_role_policy_document: String,
}

#[async_trait]
impl examine::Check for Check {
    fn heading(&self) -> &'static str {
        HEADING
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        let allowed: Vec<&str> =
            self.desk.stack.parameter("ClassRoleArns").unwrap_or_default().split(',').collect();
        let mut findings = Vec::new();
        for (class, arn) in
            self.config.classes.iter().filter_map(|(name, it)| Some((name, it.role.as_ref()?)))
        {
            let arn = arn.to_string();
            if !allowed.contains(&arn.as_str()) {
                let what = format!(
                    "class {class} gives its jobs {arn}, which the deployment does not allow: they are not launched"
                );
                findings.push(
                    Finding::error(HEADING, what)
                        .hint("deploy with it in ClassRoleArns, or remove role from the class"),
                );
                continue;
            }
            findings.extend(self.trusted(class.as_str(), &arn).await);
        }
        if findings.is_empty() {
            let count = self.config.classes.values().filter(|class| class.role.is_some()).count();
            let what = match count {
                0 => "no class gives its jobs a role".to_owned(),
                _ => format!("the roles of {count} classes exist, and the deployment allows them"),
            };
            findings.push(Finding::ok(HEADING, what));
        }
        Ok(findings)
    }
}

impl Check {
    async fn trusted(&self, class: &str, arn: &str) -> Option<Finding> {
        let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
        let parameters = [("RoleName".to_owned(), name)];
        let asked = self.desk.caller.query::<Answer>(Service::Iam, "GetRole", &parameters).await;
        judge(class, arn, asked.map(|it| it.value.get_role_result.role.assume_role_policy_document))
    }
}

fn judge(class: &str, arn: &str, asked: Result<String, Failure>) -> Option<Finding> {
    match asked {
        Err(failure) if failure.says("NoSuchEntity") => {
            let what = format!("the role {arn} of class {class} does not exist: its jobs are not launched");
            Some(Finding::error(HEADING, what).hint("make it, or name another"))
        }
        Err(failure) => Some(Finding::unknown(HEADING, failure)),
        Ok(policy) if !policy.contains("ecs-tasks.amazonaws.com") => {
            let what = format!(
                "the role {arn} of class {class} does not trust ecs-tasks.amazonaws.com: no task can have it"
            );
            Some(Finding::error(HEADING, what).hint("let that service assume it (docs/deploy.md)"))
        }
        Ok(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;

    #[test]
    fn a_role_exists_and_trusts_tasks() {
        let failed = |code: &str| {
            Err(Failure { causes: vec![format!("iam:GetRole: {code}: no")], ..Failure::new("not answered") })
        };
        let severity = |asked| judge("large", "arn:aws:iam::1:role/jobs", asked).map(|it| it.severity);
        let policy = "%7B%22Principal%22%3A%7B%22Service%22%3A%22ecs-tasks.amazonaws.com%22%7D%7D";
        assert_eq!(severity(Ok(policy.to_owned())), None);
        assert_eq!(severity(Ok(policy.replace("ecs-tasks", "ec2"))), Some(Severity::Error));
        assert_eq!(severity(failed("NoSuchEntity")), Some(Severity::Error));
        assert_eq!(severity(failed("AccessDenied")), Some(Severity::Unknown));
    }
}
