//! What the resources must be to each other, so that no event is lost between them.

use std::collections::BTreeSet;

use fleetfoot_model::events::DETAIL_TYPES;
use serde_json::Value;

use super::document::{Document, Resource, mentions};
use super::grammar::{
    API, FUNCTION, INTEGRATION, IntegrationProperties, PERMISSION, PermissionProperties, ROUTE, RULE,
    Reference, RouteProperties, RuleProperties, SUBSCRIPTION, SubscriptionProperties, TOPIC,
};
use super::read::properties;
use super::{BusName, Target, TemplateError, Wiring};

/// An invocation that was throttled is tried again within the visibility timeout (AWS Lambda developer guide, "Using
/// Lambda with Amazon SQS": at least six times the function's timeout).
const VISIBILITY_TIMES_TIMEOUT: i32 = 6;

pub(super) fn check(wiring: &Wiring, document: &Document) -> Result<(), TemplateError> {
    functions_have_failure_destinations(wiring)?;
    queues_fit_their_functions(wiring)?;
    rules_name_facts(wiring)?;
    every_function_is_woken(wiring)?;
    permissions(document)
}

fn targets(wiring: &Wiring) -> impl Iterator<Item = (&str, &Target)> {
    let rules = wiring.rules.iter().map(|rule| (rule.name.as_str(), &rule.targets));
    let schedules = wiring.schedules.iter().map(|schedule| (schedule.name.as_str(), &schedule.targets));
    rules.chain(schedules).flat_map(|(name, targets)| targets.iter().map(move |target| (name, target)))
}

fn functions_have_failure_destinations(wiring: &Wiring) -> Result<(), TemplateError> {
    let by_rule = targets(wiring).filter_map(|(_, target)| match target {
        Target::Function(function) => Some(function),
        Target::Queue(_) => None,
    });
    for package in by_rule.chain(&wiring.subscriptions) {
        if let Some(function) = wiring.functions.get(package).filter(|it| it.dead_letters.is_none()) {
            return Err(TemplateError::new(
                &function.logical_id,
                "is invoked asynchronously and has no EventInvokeConfig.DestinationConfig.OnFailure: its failed events would be lost",
            ));
        }
    }
    Ok(())
}

fn queues_fit_their_functions(wiring: &Wiring) -> Result<(), TemplateError> {
    for mapping in &wiring.mappings {
        let (Some(queue), Some(function)) =
            (wiring.queues.get(&mapping.queue), wiring.functions.get(&mapping.function))
        else {
            continue;
        };
        if queue.visibility < function.timeout * VISIBILITY_TIMES_TIMEOUT {
            return Err(TemplateError::new(
                &mapping.queue,
                format!(
                    "VisibilityTimeout is {} s, expected at least {VISIBILITY_TIMES_TIMEOUT} times the timeout of {}, {} s",
                    queue.visibility.as_secs(),
                    mapping.function,
                    function.timeout.as_secs()
                ),
            ));
        }
        if queue.redrive.is_none() {
            return Err(TemplateError::new(
                &mapping.queue,
                "has no RedrivePolicy: what its function cannot handle would come back for ever",
            ));
        }
    }
    for (rule, target) in targets(wiring) {
        if let Target::Queue(queue) = target
            && !wiring.mappings.iter().any(|mapping| mapping.queue == *queue)
        {
            return Err(TemplateError::new(rule, format!("no function takes from its target {queue}")));
        }
    }
    Ok(())
}

/// A rule on the fleet's own bus names its facts, and only facts that exist.
fn rules_name_facts(wiring: &Wiring) -> Result<(), TemplateError> {
    for rule in wiring.rules.iter().filter(|rule| rule.bus == BusName::Fleet) {
        let named = rule.pattern.get("detail-type").and_then(Value::as_array);
        let Some(named) = named else {
            return Err(TemplateError::new(&rule.name, "EventPattern lists no detail-type"));
        };
        for name in named {
            if !name.as_str().is_some_and(|name| DETAIL_TYPES.contains(&name)) {
                let known = DETAIL_TYPES.join(", ");
                let message =
                    format!("EventPattern.detail-type: {name} is no fact of the fleet; those are {known}");
                return Err(TemplateError::new(&rule.name, message));
            }
        }
    }
    Ok(())
}

fn every_function_is_woken(wiring: &Wiring) -> Result<(), TemplateError> {
    let mut woken: BTreeSet<&str> = wiring.routes.iter().map(|route| route.function.as_str()).collect();
    woken.extend(wiring.mappings.iter().map(|mapping| mapping.function.as_str()));
    woken.extend(wiring.subscriptions.iter().map(String::as_str));
    woken.extend(targets(wiring).filter_map(|(_, target)| match target {
        Target::Function(function) => Some(function.as_str()),
        Target::Queue(_) => None,
    }));
    match wiring.functions.iter().find(|(package, _)| !woken.contains(package.as_str())) {
        Some((_, function)) => Err(TemplateError::new(&function.logical_id, "nothing wakes this function")),
        None => Ok(()),
    }
}

/// A function with which it may be invoked, by whom, and on behalf of which resources.
struct Permission {
    function: String,
    principal: String,
    sources: Vec<String>,
}

/// What is wired but not permitted fails at AWS only, and silently.
fn permissions(document: &Document) -> Result<(), TemplateError> {
    let mut granted = Vec::new();
    for resource in document.resources.values().filter(|resource| resource.kind == PERMISSION) {
        let properties: PermissionProperties = properties(resource)?;
        let function = document.refer(resource, &properties.function_name, FUNCTION)?.id.clone();
        if properties.action != "lambda:InvokeFunction" {
            return Err(
                resource.error(format!("Action is {}, expected lambda:InvokeFunction", properties.action))
            );
        }
        let sources = mentions(&properties.source_arn);
        granted.push(Permission { function, principal: properties.principal, sources });
    }
    for resource in document.resources.values() {
        for (function, principal, source) in wanted(document, resource)? {
            let is_granted = granted.iter().any(|it| {
                it.function == function && it.principal == principal && it.sources.contains(&source)
            });
            if !is_granted {
                return Err(resource.error(format!(
                    "an AWS::Lambda::Permission is missing: {principal} on behalf of {source} to invoke {function}"
                )));
            }
        }
    }
    Ok(())
}

/// Which permissions a resource needs: function, principal, source.
fn wanted(
    document: &Document,
    resource: &Resource,
) -> Result<Vec<(String, &'static str, String)>, TemplateError> {
    Ok(match resource.kind.as_str() {
        RULE => {
            let properties: RuleProperties = properties(resource)?;
            let functions =
                properties.targets.iter().filter_map(|it| document.refer(resource, &it.arn, FUNCTION).ok());
            functions.map(|it| (it.id.clone(), "events.amazonaws.com", resource.id.clone())).collect()
        }
        SUBSCRIPTION => {
            let properties: SubscriptionProperties = properties(resource)?;
            if properties.protocol != "lambda" {
                return Ok(Vec::new());
            }
            let topic = document.refer(resource, &properties.topic_arn, TOPIC)?;
            mentions(&properties.endpoint)
                .into_iter()
                .map(|function| (function, "sns.amazonaws.com", topic.id.clone()))
                .collect()
        }
        ROUTE => {
            let route: RouteProperties = properties(resource)?;
            let api = document.refer(resource, &route.api_id, API)?;
            let mut wanted = Vec::new();
            for id in mentions(&route.target) {
                let integration = document.refer(resource, &Reference::Ref(id), INTEGRATION)?;
                let uri = properties::<IntegrationProperties>(integration)?.integration_uri;
                let function = document.refer(integration, &uri, FUNCTION)?;
                wanted.push((function.id.clone(), "apigateway.amazonaws.com", api.id.clone()));
            }
            wanted
        }
        _ => Vec::new(),
    })
}
