//! Roles: those of the stack, whom they trust, which of them `launch` may give to tasks, and those of classes.

mod ask;
mod classes;
mod policy;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::config::Config;

use self::ask::Role;
use self::policy::trusts;
use super::Desk;
use crate::doctor::examine;
use crate::doctor::finding::Finding;
use crate::failure::Failure;

const HEADING: &str = "roles";
const DEPLOY: &str = "deploy again; CloudFormation's drift detection tells what else was changed by hand";

const LAMBDA: &str = "lambda.amazonaws.com";
const TASKS: &str = "ecs-tasks.amazonaws.com";
/// What images are built by.
const BUILDS: &str = "codebuild.amazonaws.com";

const LAUNCH: &str = "LaunchRole";
/// What each task is given: the role that ECS pulls and logs with, and that of jobs.
const OF_TASKS: [&str; 2] = ["ExecutionRole", "TaskRole"];
/// The roles of `template.yaml`, and the service that has to take each on.
const ROLES: [(&str, &str); 12] = [
    ("IngestRole", LAMBDA),
    (LAUNCH, LAMBDA),
    ("RegisterRole", LAMBDA),
    ("JobStateRole", LAMBDA),
    ("TaskStateRole", LAMBDA),
    ("ImageBuildRole", LAMBDA),
    ("CleanupRole", LAMBDA),
    ("PoolRole", LAMBDA),
    ("AlarmRole", LAMBDA),
    (OF_TASKS[0], TASKS),
    (OF_TASKS[1], TASKS),
    ("ImageProjectRole", BUILDS),
];

pub(super) struct Check {
    pub(super) desk: Arc<Desk>,
    pub(super) config: Option<Arc<Config>>,
}

/// The stack's roles, as IAM knows them; `None` for one that is gone.
type Found = BTreeMap<&'static str, Option<Role>>;

#[async_trait]
impl examine::Check for Check {
    fn heading(&self) -> &'static str {
        HEADING
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        let Desk { stack, caller, .. } = &*self.desk;
        let mut findings = match self.of_stack().await {
            Ok(found) => {
                let mut findings = judge(stack.name(), &found);
                findings.extend(self.passed(&found).await);
                findings
            }
            Err(failure) => vec![Finding::unknown(HEADING, failure)],
        };
        let allowed = stack.parameter("ClassRoleArns").unwrap_or_default();
        let mut of_classes = 0;
        if let Some(config) = &self.config {
            findings.extend(classes::examine(config, allowed, caller).await);
            of_classes = classes::count(config);
        }
        if findings.is_empty() {
            let what = format!(
                "the {} roles of the stack and {of_classes} of classes exist, each trusts its service, and launch may \
                 give tasks theirs",
                ROLES.len()
            );
            findings.push(Finding::ok(HEADING, what));
        }
        Ok(findings)
    }
}

impl Check {
    async fn of_stack(&self) -> Result<Found, Failure> {
        let Desk { sdk, stack, caller, .. } = &*self.desk;
        let names = ask::of_stack(sdk, stack.name()).await?;
        let mut found = Found::new();
        for (logical, _) in ROLES {
            let role = match names.get(logical) {
                Some(name) => ask::role(caller, name).await?,
                None => None,
            };
            found.insert(logical, role);
        }
        Ok(found)
    }

    /// What `launch` may not give to tasks, and has to.
    async fn passed(&self, found: &Found) -> Vec<Finding> {
        let arn = |logical: &str| found.get(logical).and_then(|role| Some(role.as_ref()?.arn.clone()));
        let Some(launch) = arn(LAUNCH) else { return Vec::new() };
        let allowed = self.desk.stack.parameter("ClassRoleArns").unwrap_or_default();
        let of_classes = allowed.split(',').filter(|it| !it.is_empty()).map(str::to_owned);
        let mut findings = Vec::new();
        for passed in OF_TASKS.into_iter().filter_map(arn).chain(of_classes) {
            match ask::may_pass(&self.desk.caller, &launch, &passed).await {
                Ok(true) => {}
                Ok(false) => {
                    let what = format!("launch may not give tasks the role {passed}: RunTask is refused");
                    let hint =
                        "deploy again; or a policy of the organization or a boundary forbids iam:PassRole";
                    findings.push(Finding::error(HEADING, what).hint(hint));
                }
                // What cannot be asked once cannot be asked again.
                Err(failure) => return vec![Finding::unknown(HEADING, failure)],
            }
        }
        findings
    }
}

fn judge(stack: &str, found: &Found) -> Vec<Finding> {
    let mut findings = Vec::new();
    let gone: Vec<_> = ROLES
        .iter()
        .map(|(logical, _)| *logical)
        .filter(|it| !matches!(found.get(it), Some(Some(_))))
        .collect();
    if !gone.is_empty() {
        let what = format!("the stack {stack} lacks the roles {}", gone.join(", "));
        findings.push(Finding::error(HEADING, what).hint(DEPLOY));
    }
    for (logical, service) in ROLES {
        let Some(Some(role)) = found.get(logical) else { continue };
        if !trusts(&role.assume_role_policy_document, service) {
            let what = format!("the role {} does not trust {service}: what needs it does not work", role.arn);
            findings.push(Finding::error(HEADING, what).hint(DEPLOY));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(service: &str) -> Role {
        let statement = serde_json::json!({
            "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole",
        });
        let policy = serde_json::json!({ "Statement": [statement] }).to_string();
        Role { arn: "arn:aws:iam::1:role/one".to_owned(), assume_role_policy_document: policy }
    }

    #[test]
    fn each_role_is_there_and_trusts_its_service() {
        let well: Found =
            ROLES.into_iter().map(|(logical, service)| (logical, Some(role(service)))).collect();
        assert_eq!(judge("ff", &well), []);
        let mut found = well.clone();
        found.insert("TaskRole", None);
        found.remove("PoolRole");
        found.insert("ImageProjectRole", Some(role(LAMBDA)));
        let told: Vec<_> = judge("ff", &found).into_iter().map(|it| it.what).collect();
        assert_eq!(
            told,
            [
                "the stack ff lacks the roles PoolRole, TaskRole",
                "the role arn:aws:iam::1:role/one does not trust codebuild.amazonaws.com: what needs it does not work",
            ]
        );
    }

    #[test]
    fn the_roles_are_those_of_the_template() {
        let template = crate::wiring::TEMPLATE;
        for (logical, service) in ROLES {
            let begin = format!("\n  {logical}:\n    Type: AWS::IAM::Role\n");
            let (_, rest) = template.split_once(&begin).unwrap_or_else(|| panic!("no {logical}"));
            let (_, trusted) =
                rest.split_once("Service: ").unwrap_or_else(|| panic!("{logical} trusts nobody"));
            assert!(trusted.starts_with(service), "{logical}");
        }
        assert_eq!(template.matches("    Type: AWS::IAM::Role\n").count(), ROLES.len());
    }
}
