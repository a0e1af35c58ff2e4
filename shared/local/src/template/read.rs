//! Resources become wiring.

use fleetfoot_model::SignedDuration;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::document::{Document, Resource, mentions, only};
use super::grammar::{
    API, ApiProperties, BUS, EventInvokeConfig, FUNCTION, FunctionProperties, IGNORED_KINDS, INTEGRATION,
    IntegrationProperties, KINDS, MAPPING, MappingProperties, QUEUE, QueueProperties, ROUTE, RULE, Reference,
    RouteProperties, RuleProperties, STAGE, SUBSCRIPTION, StageProperties, SubscriptionProperties, TOPIC,
};
use super::{
    BusName, Function, Mapping, Queue, Redrive, Route, Rule, Schedule, Target, TemplateError, Wiring,
};

/// Lambda's default timeout (AWS Lambda developer guide, "Configure Lambda function timeout").
const DEFAULT_TIMEOUT_SECONDS: u32 = 3;
/// Lambda's default for asynchronous invocations (same guide, "Configuring error handling settings").
const DEFAULT_RETRIES: u32 = 2;
/// SQS's default visibility timeout (Amazon SQS developer guide).
const DEFAULT_VISIBILITY_SECONDS: u32 = 30;
/// SQS delays a message for 15 minutes at most (Amazon SQS developer guide, "Delay queues").
const MOST_DELAY_SECONDS: u32 = 900;

pub(super) fn wiring(document: &Document) -> Result<Wiring, TemplateError> {
    only(document.function_defaults.keys(), &names_of(FUNCTION), "Globals.Function")?;
    let mut wiring = Wiring::default();
    for resource in document.resources.values() {
        document.read(resource, &mut wiring)?;
    }
    Ok(wiring)
}

/// The properties that a type may have.
fn names_of(kind: &str) -> Vec<&'static str> {
    KINDS
        .iter()
        .filter(|it| it.name == kind)
        .flat_map(|it| it.read.iter().chain(it.ignored))
        .copied()
        .collect()
}

fn is_ignored(kind: &str) -> bool {
    IGNORED_KINDS.iter().any(|it| *it == kind || (it.ends_with("::") && kind.starts_with(it)))
}

impl Document {
    fn read(&self, resource: &Resource, wiring: &mut Wiring) -> Result<(), TemplateError> {
        if is_ignored(&resource.kind) {
            return Ok(());
        }
        if !KINDS.iter().any(|kind| kind.name == resource.kind) {
            let read: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
            return Err(resource.error(format!(
                "this type is not understood; read are {}; passed over are {}",
                read.join(", "),
                IGNORED_KINDS.join(", ")
            )));
        }
        if resource.is_conditional && !is_for_people(resource) {
            return Err(resource
                .error("Condition is not understood on what wires: it would be wired here in any case"));
        }
        match resource.kind.as_str() {
            API => api(resource)?,
            FUNCTION => {
                let package = self.package(resource)?;
                if wiring.functions.insert(package.clone(), self.function(resource)?).is_some() {
                    return Err(resource.error(format!("functions/{package} is another function's already")));
                }
            }
            INTEGRATION => {
                self.integration(resource)?;
            }
            MAPPING => wiring.mappings.push(self.mapping(resource)?),
            QUEUE => {
                wiring.queues.insert(resource.id.clone(), self.queue(resource)?);
            }
            ROUTE => wiring.routes.push(self.route(resource)?),
            RULE => self.rule(resource, wiring)?,
            STAGE => self.stage(resource)?,
            SUBSCRIPTION => wiring.subscriptions.extend(self.subscription(resource)?),
            _ => only_known(resource)?,
        }
        Ok(())
    }

    /// The resource that is meant, which is of this type.
    pub(super) fn refer(
        &self,
        from: &Resource,
        reference: &Reference,
        kind: &str,
    ) -> Result<&Resource, TemplateError> {
        let id = match reference {
            Reference::Ref(id) => id.as_str(),
            Reference::Attribute(path) => path.strip_suffix(".Arn").unwrap_or(path),
        };
        match self.resources.get(id) {
            Some(resource) if resource.kind == kind => Ok(resource),
            Some(other) => Err(from.error(format!("{id} is of type {}, expected {kind}", other.kind))),
            None => Err(from.error(format!(
                "{id} is no resource, expected one of type {kind} by !Ref or !GetAtt ID.Arn"
            ))),
        }
    }

    fn refer_function(&self, from: &Resource, reference: &Reference) -> Result<String, TemplateError> {
        self.package(self.refer(from, reference, FUNCTION)?)
    }

    fn refer_queue(&self, from: &Resource, reference: &Reference) -> Result<String, TemplateError> {
        Ok(self.refer(from, reference, QUEUE)?.id.clone())
    }

    fn function_properties(&self, resource: &Resource) -> Result<FunctionProperties, TemplateError> {
        only_known(resource)?;
        let mut properties = self.function_defaults.clone();
        properties.extend(resource.properties.clone());
        decode(resource, properties)
    }

    /// `functions/job-state` is the package `job-state`.
    pub(super) fn package(&self, resource: &Resource) -> Result<String, TemplateError> {
        let uri = self.function_properties(resource)?.code_uri;
        let package = uri.trim_start_matches("./").trim_end_matches('/').strip_prefix("functions/");
        match package {
            Some(name) if !name.is_empty() && !name.contains('/') => Ok(name.to_owned()),
            _ => Err(resource.error(format!("CodeUri is {uri:?}, expected functions/<package>"))),
        }
    }

    fn function(&self, resource: &Resource) -> Result<Function, TemplateError> {
        let properties = self.function_properties(resource)?;
        let EventInvokeConfig { maximum_retry_attempts, destination_config, .. } =
            properties.event_invoke_config;
        let dead_letters = match destination_config {
            Some(it) if it.on_failure.kind != "SQS" => {
                return Err(
                    resource.error(format!("OnFailure is of Type {}, expected SQS", it.on_failure.kind))
                );
            }
            Some(it) => Some(self.refer_queue(resource, &it.on_failure.destination)?),
            None => None,
        };
        Ok(Function {
            logical_id: resource.id.clone(),
            timeout: seconds(properties.timeout.unwrap_or(DEFAULT_TIMEOUT_SECONDS)),
            retries: maximum_retry_attempts.unwrap_or(DEFAULT_RETRIES),
            dead_letters,
        })
    }

    fn stage(&self, resource: &Resource) -> Result<(), TemplateError> {
        let properties: StageProperties = properties(resource)?;
        self.refer(resource, &properties.api_id, API)?;
        expect(resource, "StageName", &properties.stage_name, "$default")?;
        expect(resource, "AutoDeploy", &properties.auto_deploy.to_string(), "true")
    }

    /// The function behind an integration.
    fn integration(&self, resource: &Resource) -> Result<String, TemplateError> {
        let properties: IntegrationProperties = properties(resource)?;
        self.refer(resource, &properties.api_id, API)?;
        expect(resource, "IntegrationType", &properties.integration_type, "AWS_PROXY")?;
        expect(resource, "PayloadFormatVersion", &properties.payload_format_version, "2.0")?;
        self.refer_function(resource, &properties.integration_uri)
    }

    fn route(&self, resource: &Resource) -> Result<Route, TemplateError> {
        let properties: RouteProperties = properties(resource)?;
        self.refer(resource, &properties.api_id, API)?;
        let key = &properties.route_key;
        let (method, path) = match key.split_once(' ') {
            Some((method, path)) if is_method(method) && is_path(path) => {
                (method.to_owned(), path.to_owned())
            }
            _ => {
                return Err(resource
                    .error(format!("RouteKey is {key:?}, expected METHOD /path or METHOD /path/{{name}}")));
            }
        };
        let target = properties.target.get("Fn::Sub").and_then(Value::as_str).unwrap_or_default();
        let integration = target.strip_prefix("integrations/${").and_then(|rest| rest.strip_suffix('}'));
        let Some(integration) = integration else {
            return Err(resource.error("Target is expected to be !Sub integrations/${Integration}"));
        };
        let integration = self.refer(resource, &Reference::Ref(integration.to_owned()), INTEGRATION)?;
        Ok(Route { method, path, function: self.integration(integration)? })
    }

    fn rule(&self, resource: &Resource, wiring: &mut Wiring) -> Result<(), TemplateError> {
        let properties: RuleProperties = properties(resource)?;
        let bus = match &properties.event_bus_name {
            Some(reference) => self.refer(resource, reference, BUS).map(|_| BusName::Fleet)?,
            None => BusName::Default,
        };
        let mut targets = Vec::new();
        for target in &properties.targets {
            self.refer(resource, &target.dead_letter_config.arn, QUEUE)?;
            targets.push(self.target(resource, &target.arn)?);
        }
        let name = resource.id.clone();
        match (properties.event_pattern, properties.schedule_expression) {
            (Some(pattern), None) => {
                let pattern = self.literal(resource, pattern)?;
                wiring.rules.push(Rule { name, bus, pattern, targets });
            }
            (None, Some(rate)) if bus == BusName::Default => {
                let every = every(&rate).ok_or_else(|| {
                    resource.error(format!("ScheduleExpression is {rate:?}, expected rate(1 minute), rate(5 minutes), rate(1 hour), rate(1 day), ..."))
                })?;
                wiring.schedules.push(Schedule { name, every, targets });
            }
            _ => {
                return Err(
                    resource.error("expected either EventPattern, or ScheduleExpression on the default bus")
                );
            }
        }
        Ok(())
    }

    fn target(&self, from: &Resource, reference: &Reference) -> Result<Target, TemplateError> {
        match self.refer_function(from, reference) {
            Ok(function) => Ok(Target::Function(function)),
            Err(_) => self.refer_queue(from, reference).map(Target::Queue),
        }
    }

    /// A pattern in which parameters are replaced by their values.
    fn literal(&self, resource: &Resource, value: Value) -> Result<Value, TemplateError> {
        let in_pattern = |message| resource.error(format!("EventPattern: {message}"));
        match value {
            Value::Array(items) => items.into_iter().map(|item| self.literal(resource, item)).collect(),
            Value::Object(map) => {
                let single = map.iter().next().filter(|_| map.len() == 1);
                match single.map(|(key, value)| (key.as_str(), value)) {
                    Some(("Ref", Value::String(name))) => {
                        Ok(Value::from(self.parameter(name).map_err(in_pattern)?))
                    }
                    Some(("Fn::Sub", Value::String(text))) => {
                        Ok(Value::from(self.substitute(text).map_err(in_pattern)?))
                    }
                    Some((key, _)) if key.starts_with("Fn::") => Err(in_pattern(format!(
                        "{key} is not understood; allowed: !Ref and !Sub of parameters"
                    ))),
                    _ => map
                        .into_iter()
                        .map(|(key, value)| Ok((key, self.literal(resource, value)?)))
                        .collect::<Result<Map<_, _>, _>>()
                        .map(Value::Object),
                }
            }
            other => Ok(other),
        }
    }

    fn queue(&self, resource: &Resource) -> Result<Queue, TemplateError> {
        let properties: QueueProperties = properties(resource)?;
        let redrive = match properties.redrive_policy {
            Some(policy) if policy.max_receive_count == 0 => {
                return Err(resource.error("RedrivePolicy.maxReceiveCount is at least 1"));
            }
            Some(policy) => Some(Redrive {
                dead_letters: self.refer_queue(resource, &policy.dead_letter_target_arn)?,
                after: policy.max_receive_count,
            }),
            None => None,
        };
        let visibility = seconds(properties.visibility_timeout.unwrap_or(DEFAULT_VISIBILITY_SECONDS));
        let delay = properties.delay_seconds.unwrap_or(0);
        if delay > MOST_DELAY_SECONDS {
            let text = format!("DelaySeconds is {delay}, expected 0 to {MOST_DELAY_SECONDS}");
            return Err(resource.error(text));
        }
        Ok(Queue { delay: seconds(delay), visibility, redrive })
    }

    fn mapping(&self, resource: &Resource) -> Result<Mapping, TemplateError> {
        let properties: MappingProperties = properties(resource)?;
        let types = properties.function_response_types;
        if types != ["ReportBatchItemFailures"] {
            return Err(resource.error(format!(
                "FunctionResponseTypes is {types:?}, expected [ReportBatchItemFailures]: without it one failed item returns or loses its whole batch"
            )));
        }
        // The bounds of an SQS event source without a batching window (AWS Lambda developer guide).
        if !(1..=10).contains(&properties.batch_size) {
            return Err(resource.error(format!("BatchSize is {}, expected 1 to 10", properties.batch_size)));
        }
        let concurrency = properties.scaling_config.maximum_concurrency;
        if !(2..=1000).contains(&concurrency) {
            return Err(resource.error(format!("MaximumConcurrency is {concurrency}, expected 2 to 1000")));
        }
        Ok(Mapping {
            queue: self.refer_queue(resource, &properties.event_source_arn)?,
            function: self.refer_function(resource, &properties.function_name)?,
            batch: properties.batch_size,
            concurrency,
        })
    }

    /// The subscribed function; none if it is not a function that is subscribed.
    fn subscription(&self, resource: &Resource) -> Result<Option<String>, TemplateError> {
        let properties: SubscriptionProperties = properties(resource)?;
        self.refer(resource, &properties.topic_arn, TOPIC)?;
        if let Some(redrive) = &properties.redrive_policy {
            self.refer(resource, &redrive.dead_letter_target_arn, QUEUE)?;
        }
        match properties.protocol.as_str() {
            "lambda" => {
                let Some(id) = mentions(&properties.endpoint).into_iter().next() else {
                    return Err(resource.error("Endpoint is expected to be !GetAtt Function.Arn"));
                };
                self.refer_function(resource, &Reference::Ref(id)).map(Some)
            }
            _ if is_for_people(resource) => Ok(None),
            other => Err(resource.error(format!("Protocol is {other}, expected lambda, email or https"))),
        }
    }
}

/// Whether it tells somebody outside of this machine, so that it wires nothing here.
fn is_for_people(resource: &Resource) -> bool {
    let protocol = resource.properties.get("Protocol").and_then(Value::as_str);
    resource.kind == SUBSCRIPTION && matches!(protocol, Some("email" | "https"))
}

fn only_known(resource: &Resource) -> Result<(), TemplateError> {
    let place = resource.error("").place;
    only(resource.properties.keys(), &names_of(&resource.kind), &place)
}

fn api(resource: &Resource) -> Result<(), TemplateError> {
    let ApiProperties { protocol_type } = properties(resource)?;
    expect(resource, "ProtocolType", &protocol_type, "HTTP")
}

/// The properties of a resource, none of them unknown.
pub(super) fn properties<T: DeserializeOwned>(resource: &Resource) -> Result<T, TemplateError> {
    only_known(resource)?;
    decode(resource, resource.properties.clone())
}

fn decode<T: DeserializeOwned>(
    resource: &Resource,
    properties: Map<String, Value>,
) -> Result<T, TemplateError> {
    serde_path_to_error::deserialize(Value::Object(properties)).map_err(|error| {
        let path = error.path().to_string();
        let at = if path == "." { String::new() } else { format!("{path}: ") };
        resource.error(format!("{at}{}", error.inner()))
    })
}

fn expect(resource: &Resource, property: &str, found: &str, expected: &str) -> Result<(), TemplateError> {
    if found == expected {
        return Ok(());
    }
    Err(resource.error(format!("{property} is {found}, expected {expected}")))
}

fn is_method(method: &str) -> bool {
    matches!(method, "GET" | "POST" | "PUT" | "PATCH" | "DELETE")
}

/// Literal parts, and parameters that are a whole part each; no `{proxy+}`.
fn is_path(path: &str) -> bool {
    let word = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    let part =
        |text: &str| word(text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text));
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(part))
}

/// `rate(1 minute)`, `rate(5 minutes)`. `EventBridge` wants the singular for one and the plural for more.
fn every(expression: &str) -> Option<SignedDuration> {
    let rate = expression.strip_prefix("rate(")?.strip_suffix(')')?;
    let (number, unit) = rate.split_once(' ')?;
    let number: i64 = number.parse().ok().filter(|number| (1..=10_000).contains(number))?;
    let minutes = match (unit, number) {
        ("minute", 1) | ("minutes", 2..) => 1,
        ("hour", 1) | ("hours", 2..) => 60,
        ("day", 1) | ("days", 2..) => 1440,
        _ => return None,
    };
    Some(SignedDuration::from_mins(number * minutes))
}

fn seconds(seconds: u32) -> SignedDuration {
    SignedDuration::from_secs(seconds.into())
}
