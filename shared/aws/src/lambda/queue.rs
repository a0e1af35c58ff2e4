//! Batches of a queue. What fails comes back alone; what can never be read goes to the dead-letter queue with its reason.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use fleetfoot_model::events::Fact;
use fleetfoot_model::function::{EventFunction, FunctionError};
use fleetfoot_model::ports::Clock;
use fleetfoot_shell::Emission;
use lambda_runtime::Diagnostic;
use serde_json::{Value, json};

use super::events::{answer, refused};
use super::host::Host;
use super::invocation::{Invocation, decode, decode_event, diagnostic};

/// A message is begun only if so much of the invocation's time is left.
const LEAST_TIME: Duration = Duration::from_secs(5);

pub(super) async fn invoke<F: EventFunction>(
    host: &Host<F>,
    mut invocation: Invocation,
) -> Result<Value, Diagnostic> {
    let payload = std::mem::take(&mut invocation.payload);
    handle(host, payload, &invocation).await.map_err(|error| diagnostic(&error))
}

async fn handle<F: EventFunction>(
    host: &Host<F>,
    payload: Value,
    invocation: &Invocation,
) -> Result<Value, FunctionError> {
    let batch: SqsEvent = decode(payload)?;
    let function = host.function().await.map_err(|error| FunctionError::again(&error))?;
    let mut outcome = Outcome::default();
    // One after the other: at the same time they would only refuse each other's writes of the fleet's counter.
    for message in batch.records {
        let id = message.message_id.unwrap_or_default();
        let body = message.body.unwrap_or_default();
        let limit = invocation.time_left(host.clock.now());
        if limit < LEAST_TIME {
            tracing::warn!(function.name = host.name, message.id = id, "no time was left for it");
            outcome.failed.push(id);
            continue;
        }
        match take(host, &*function, &body, limit).await {
            Ok((facts, emission)) => outcome.add(&id, facts, emission),
            Err(error) => {
                host.note_failure(&error);
                if !is_buried(host, &id, &body, &error).await {
                    outcome.failed.push(id);
                }
            }
        }
    }
    Ok(outcome.publish(host).await)
}

async fn take<F: EventFunction>(
    host: &Host<F>,
    function: &F,
    body: &str,
    limit: Duration,
) -> Result<(Vec<Fact>, Emission), FunctionError> {
    let payload = serde_json::from_str(body);
    let payload = payload.map_err(|error| FunctionError::Malformed(format!("no JSON: {error}")))?;
    let event = decode_event(payload)?;
    let now = host.clock.now();
    let facts = answer(host, function, &event, now, limit).await?;
    let emission = Emission::of(&facts, event.causation_id(), now);
    Ok((facts, emission))
}

/// Whether a message need not come back: one that can never be read is put aside.
async fn is_buried<F>(host: &Host<F>, id: &str, body: &str, error: &FunctionError) -> bool {
    if !matches!(error, FunctionError::Malformed(_)) {
        return false;
    }
    refused(host.name, id, error);
    match bury(host, body, error).await {
        Ok(()) => true,
        Err(error) => {
            tracing::error!(function.name = host.name, message.id = id, error, "it comes back");
            false
        }
    }
}

/// Puts a message that can never be read where a person finds it, with the reason, in the form of an on-failure
/// destination's record (AWS Lambda developer guide, "Capturing records of Lambda asynchronous invocations").
async fn bury<F>(host: &Host<F>, body: &str, error: &FunctionError) -> Result<(), String> {
    let payload = serde_json::from_str(body).unwrap_or_else(|_| Value::from(body));
    let diagnostic = diagnostic(error);
    let record = json!({
        "version": "1.0",
        "timestamp": host.clock.now(),
        "requestContext": { "functionArn": host.name, "condition": "Malformed", "approximateInvokeCount": 1 },
        "requestPayload": payload,
        "responsePayload": { "errorType": diagnostic.error_type, "errorMessage": diagnostic.error_message },
    });
    host.bury(record.to_string()).await
}

/// What came of a batch.
#[derive(Default)]
struct Outcome {
    emission: Emission,
    /// The message that each fact is from, by the fact's id.
    origins: BTreeMap<String, String>,
    facts: Vec<Fact>,
    /// The messages that come back.
    failed: Vec<String>,
}

impl Outcome {
    fn add(&mut self, message: &str, facts: Vec<Fact>, emission: Emission) {
        let origins = emission.facts.iter().map(|fact| (fact.id.clone(), message.to_owned()));
        self.origins.extend(origins);
        self.emission.extend(emission);
        self.facts.extend(facts);
    }

    /// Publishes everything at once. A message comes back if a fact that it led to could not be published.
    async fn publish<F>(mut self, host: &Host<F>) -> Value {
        match host.try_publish(&self.emission).await {
            Ok(()) => {}
            Err(unsent) => {
                let lost = unsent.facts.keys().filter_map(|fact| self.origins.get(fact));
                self.failed.extend(lost.cloned());
                self.failed.sort_unstable();
                self.failed.dedup();
            }
        }
        host.measure(&self.facts);
        let mut response = SqsBatchResponse::default();
        for message in self.failed {
            response.add_failure(message);
        }
        json!(response)
    }
}
