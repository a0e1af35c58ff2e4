//! Functions, what feeds them from queues, and the rules that wake them.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_eventbridge::Client as Events;
use aws_sdk_eventbridge::types::RuleState;
use fleetfoot_model::ids::FleetName;
use serde::Deserialize;

use super::Desk;
use crate::aws::failure::failure;
use crate::aws::stack::{FUNCTIONS as FUNCTION_NAMES, output};
use crate::doctor::examine;
use crate::doctor::finding::Finding;
use crate::failure::Failure;
use crate::wiring;

const FUNCTIONS: &str = "functions";
const SOURCES: &str = "queue-sources";
const RULES: &str = "rules";

pub(super) struct Functions(pub(super) Arc<Desk>);

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(clippy::struct_field_names, reason = "as AWS calls them")]
struct Function {
    function_name: String,
    state: Option<String>,
    state_reason: Option<String>,
    last_update_status: Option<String>,
    last_update_status_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Sources {
    event_source_mappings: Vec<Source>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Source {
    #[serde(rename = "UUID")]
    id: String,
    event_source_arn: String,
    state: String,
    last_processing_result: Option<String>,
}

#[async_trait]
impl examine::Check for Functions {
    fn heading(&self) -> &'static str {
        FUNCTIONS
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        let mut functions: Vec<Function> = Vec::new();
        let mut gone = Vec::new();
        for key in FUNCTION_NAMES {
            let name = self.0.stack.output(key)?;
            let path = format!("/2015-03-31/functions/{name}/configuration");
            match self.0.caller.lambda("GetFunctionConfiguration", &path).await {
                Ok(answer) => functions.push(answer.value),
                Err(failure) if failure.says("ResourceNotFound") => {
                    let what = format!("the function {name} is gone");
                    gone.push(Finding::error(FUNCTIONS, what).hint("deploy again"));
                }
                Err(failure) => return Err(failure),
            }
        }
        let mut findings = if gone.is_empty() { states(&functions) } else { gone };
        findings.extend(match self.sources().await {
            Ok(sources) => judge_sources(&sources),
            Err(failure) => vec![Finding::unknown(SOURCES, failure)],
        });
        Ok(findings)
    }
}

impl Functions {
    async fn sources(&self) -> Result<Vec<Source>, Failure> {
        let name = self.0.stack.output(output::LAUNCH_FUNCTION)?;
        let path = format!("/2015-03-31/event-source-mappings/?FunctionName={name}");
        let found: Sources = self.0.caller.lambda("ListEventSourceMappings", &path).await?.value;
        Ok(found.event_source_mappings)
    }
}

fn states(functions: &[Function]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = functions.iter().filter_map(state).collect();
    if findings.is_empty() {
        findings.push(Finding::ok(FUNCTIONS, format!("all {} are active", functions.len())));
    }
    findings
}

/// What is not well about a function.
fn state(function: &Function) -> Option<Finding> {
    let name = &function.function_name;
    let because = |reason: &Option<String>| reason.as_ref().map(|it| format!(": {it}")).unwrap_or_default();
    let deploy = "deploy again; its page at Lambda tells more";
    match (function.state.as_deref(), function.last_update_status.as_deref()) {
        (Some("Failed"), _) => {
            let what = format!("{name} cannot run{}", because(&function.state_reason));
            Some(Finding::error(FUNCTIONS, what).hint(deploy))
        }
        (_, Some("Failed")) => {
            let what =
                format!("the last update of {name} failed{}", because(&function.last_update_status_reason));
            Some(Finding::error(FUNCTIONS, what).hint(deploy))
        }
        (Some("Pending"), _) | (_, Some("InProgress")) => Some(
            Finding::warning(FUNCTIONS, format!("{name} is being changed")).hint("look again in a minute"),
        ),
        // One that was not called for weeks is made active by the next call; cleanup is called each minute.
        (Some("Inactive"), _) => {
            let what = format!("{name} was not called for weeks");
            Some(Finding::warning(FUNCTIONS, what).hint("see rules, and webhook for ingest"))
        }
        _ => None,
    }
}

/// `launch` is fed from two queues.
fn judge_sources(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let queue = source.event_source_arn.rsplit(':').next().unwrap_or_default();
        if !matches!(source.state.as_str(), "Enabled" | "Enabling" | "Updating") {
            let what = format!("launch is not fed from {queue}: {}", source.state);
            let hint = format!("aws lambda update-event-source-mapping --enabled --uuid {}", source.id);
            findings.push(Finding::error(SOURCES, what).hint(hint));
        } else if let Some(problem) =
            source.last_processing_result.as_deref().filter(|it| it.starts_with("PROBLEM"))
        {
            let what = format!("launch cannot be fed from {queue}: {problem}");
            findings
                .push(Finding::error(SOURCES, what).hint("its role, or the queue's policy: deploy again"));
        }
    }
    if sources.len() < 2 && findings.is_empty() {
        let what = format!("launch is fed from {} queues, and the template has two", sources.len());
        findings.push(Finding::error(SOURCES, what).hint("deploy again"));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(SOURCES, format!("launch is fed from its {} queues", sources.len())));
    }
    findings
}

pub(super) struct Rules(pub(super) Arc<Desk>);

#[async_trait]
impl examine::Check for Rules {
    fn heading(&self) -> &'static str {
        RULES
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        let stack = &self.0.stack;
        let fleet: FleetName = stack.output(output::FLEET)?.parse().map_err(|_| {
            Failure::new("the fleet's name is none").hint("deploy the stack again with another FleetName")
        })?;
        let wiring = wiring::wiring(&fleet)?;
        let rules = wiring.rules.iter().map(|rule| rule.name.as_str());
        let wanted: Vec<&str> = rules.chain(wiring.schedules.iter().map(|it| it.name.as_str())).collect();
        let events = Events::new(&self.0.sdk);
        let mut found = Vec::new();
        for bus in [stack.output(output::BUS)?, "default"] {
            found.extend(list(&events, bus, &format!("{}-", stack.name())).await?);
        }
        Ok(judge_rules(stack.name(), &wanted, &found))
    }
}

async fn list(events: &Events, bus: &str, prefix: &str) -> Result<Vec<(String, bool)>, Failure> {
    let mut found = Vec::new();
    let mut next = None;
    loop {
        let asked = events.list_rules().event_bus_name(bus).name_prefix(prefix).set_next_token(next);
        let answer = asked.send().await;
        let answer =
            answer.map_err(|error| failure("the rules cannot be listed", "events:ListRules", &error))?;
        let rules = answer.rules.unwrap_or_default().into_iter();
        found.extend(rules.filter_map(|it| Some((it.name?, it.state != Some(RuleState::Disabled)))));
        next = answer.next_token;
        if next.is_none() {
            return Ok(found);
        }
    }
}

/// `CloudFormation` calls a rule `STACK-LogicalId-SUFFIX`.
fn judge_rules(stack: &str, wanted: &[&str], found: &[(String, bool)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for logical in wanted {
        let prefix = format!("{stack}-{logical}-");
        match found.iter().find(|(name, _)| name.starts_with(&prefix)) {
            None => {
                let what = format!("the rule {logical} is missing: nothing is woken by it");
                findings.push(
                    Finding::error(RULES, what).hint("deploy again; was the stack made of another version?"),
                );
            }
            Some((name, false)) => {
                let what = format!("the rule {logical} is disabled: nothing is woken by it");
                findings.push(Finding::error(RULES, what).hint(format!("aws events enable-rule --name {name}, with --event-bus-name unless it is on the default bus")));
            }
            Some((_, true)) => {}
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(RULES, format!("all {} are there and enabled", wanted.len())));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;

    fn function(state: &str, update: &str) -> Function {
        let (state, last_update_status) = (Some(state.to_owned()), Some(update.to_owned()));
        Function { function_name: "pool".to_owned(), state, last_update_status, ..Function::default() }
    }

    #[test]
    fn a_function_is_well_when_it_is_active_and_its_update_went_through() {
        for (state, update, severity) in [
            ("Active", "Successful", Severity::Ok),
            ("Failed", "Successful", Severity::Error),
            ("Active", "Failed", Severity::Error),
            ("Pending", "InProgress", Severity::Warning),
            ("Inactive", "Successful", Severity::Warning),
        ] {
            assert_eq!(states(&[function(state, update)])[0].severity, severity, "{state} {update}");
        }
    }

    #[test]
    fn a_queue_that_feeds_nobody_is_told() {
        let source = |state: &str| Source {
            state: state.to_owned(),
            event_source_arn: "arn:aws:sqs:x:1:queue".to_owned(),
            ..Source::default()
        };
        let severity = |sources: &[Source]| judge_sources(sources)[0].severity;
        assert_eq!(severity(&[source("Enabled"), source("Enabled")]), Severity::Ok);
        assert_eq!(severity(&[source("Enabled"), source("Disabled")]), Severity::Error);
        assert_eq!(severity(&[source("Enabled")]), Severity::Error);
        let problem = Source {
            last_processing_result: Some("PROBLEM: Function call failed".to_owned()),
            ..source("Enabled")
        };
        assert_eq!(severity(&[source("Enabled"), problem]), Severity::Error);
    }

    #[test]
    fn a_rule_that_is_off_or_gone_is_told() {
        let rule = |name: &str, is_on| (format!("ff-{name}-1X"), is_on);
        let severity = |found: &[(String, bool)]| judge_rules("ff", &["Jobs", "Cleanup"], found)[0].severity;
        assert_eq!(severity(&[rule("Jobs", true), rule("Cleanup", true)]), Severity::Ok);
        assert_eq!(severity(&[rule("Jobs", true), rule("Cleanup", false)]), Severity::Error);
        assert_eq!(severity(&[rule("JobsAndMore", true), rule("Cleanup", true)]), Severity::Error);
    }
}
