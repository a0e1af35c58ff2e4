//! What CloudFormation and IAM say of roles.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client;
use serde::Deserialize;

use super::TASKS;
use crate::aws::call::{Caller, Service};
use crate::aws::failure::failure;
use crate::failure::Failure;

/// The names of a stack's roles, by what the template calls them.
pub(super) async fn of_stack(sdk: &SdkConfig, stack: &str) -> Result<BTreeMap<String, String>, Failure> {
    let client = Client::new(sdk);
    let (mut found, mut next) = (BTreeMap::new(), None);
    loop {
        let asked = client.list_stack_resources().stack_name(stack).set_next_token(next).send().await;
        let what = "the stack's roles cannot be listed";
        let answer = asked.map_err(|error| failure(what, "cloudformation:ListStackResources", &error))?;
        let resources = answer.stack_resource_summaries.unwrap_or_default().into_iter();
        let roles = resources.filter(|it| it.resource_type.as_deref() == Some("AWS::IAM::Role"));
        found.extend(roles.filter_map(|it| Some((it.logical_resource_id?, it.physical_resource_id?))));
        next = answer.next_token;
        if next.is_none() {
            return Ok(found);
        }
    }
}

/// A role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Role {
    pub(super) arn: String,
    /// Who may assume it: a policy, with percent signs.
    pub(super) assume_role_policy_document: String,
}

/// A role by its name; `None` if there is none.
pub(super) async fn role(caller: &Caller, name: &str) -> Result<Option<Role>, Failure> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Answer {
        get_role_result: Found,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Found {
        role: Role,
    }
    let parameters = [("RoleName".to_owned(), name.to_owned())];
    match caller.query::<Answer>(Service::Iam, "GetRole", &parameters).await {
        Ok(answer) => Ok(Some(answer.value.get_role_result.role)),
        Err(failure) if failure.says("NoSuchEntity") => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Whether a role may give tasks of ECS another one, by all policies that IAM knows of it.
pub(super) async fn may_pass(caller: &Caller, role: &str, passed: &str) -> Result<bool, Failure> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Answer {
        simulate_principal_policy_result: Found,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Found {
        evaluation_results: Vec<Evaluation>,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Evaluation {
        eval_decision: String,
    }
    let parameters = [
        ("PolicySourceArn", role),
        ("ActionNames.member.1", "iam:PassRole"),
        ("ResourceArns.member.1", passed),
        ("ContextEntries.member.1.ContextKeyName", "iam:PassedToService"),
        ("ContextEntries.member.1.ContextKeyType", "string"),
        ("ContextEntries.member.1.ContextKeyValues.member.1", TASKS),
    ];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let answer = caller.query::<Answer>(Service::Iam, "SimulatePrincipalPolicy", &parameters).await?;
    let evaluations = answer.value.simulate_principal_policy_result.evaluation_results;
    if evaluations.is_empty() {
        return Err(Failure::new("IAM does not say whether launch may pass on roles"));
    }
    Ok(evaluations.iter().all(|it| it.eval_decision == "allowed"))
}
