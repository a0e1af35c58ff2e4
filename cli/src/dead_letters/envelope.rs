//! What lies in the stack's dead-letter queues, in each of the forms in which it comes there.

use std::collections::BTreeMap;

use fleetfoot_model::Timestamp;
use serde_json::{Value, json};

use super::{Content, Letter};

/// A message of a queue.
#[derive(Debug, Clone, Default)]
pub(super) struct Raw {
    pub(super) id: String,
    pub(super) body: String,
    pub(super) sent_at: Timestamp,
    /// The ARN of the queue that gave it up, if one did.
    pub(super) source: Option<String>,
    /// Those that its sender added.
    pub(super) attributes: BTreeMap<String, String>,
}

/// Where a letter goes when it is put back.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Back {
    /// Into the queue with this ARN.
    Queue { arn: String, body: String },
    /// To the function of this name.
    Function { name: String, payload: Value },
    /// To `alarm`, which the topic wakes.
    Topic { payload: Value },
    /// On the fleet's bus, where all its rules see it.
    Bus,
    /// Nowhere, and why.
    Nowhere(String),
}

/// A message, and where it goes.
pub(super) fn open(queue: &str, raw: Raw) -> (Letter, Back) {
    let value: Value = serde_json::from_str(&raw.body).unwrap_or_default();
    if value.get("requestContext").is_some() && value.get("requestPayload").is_some() {
        return failed(queue, &raw, value);
    }
    if raw.attributes.contains_key("TARGET_ARN") || raw.attributes.contains_key("RULE_ARN") {
        return undelivered(queue, raw);
    }
    if value.get("TopicArn").is_some() && value.get("Message").is_some() {
        return unsent(queue, &raw, &value);
    }
    let content = Content::read(&raw.body);
    let Raw { id, body, sent_at, source, .. } = raw;
    let letter = |meant_for: Option<String>, reason: Option<&str>| Letter {
        id,
        queue: queue.to_owned(),
        meant_for,
        reason: reason.map(str::to_owned),
        attempts: None,
        since: sent_at,
        content: content.clone(),
    };
    match source {
        Some(arn) => {
            let reason = "launch failed each time that it was received; its log says why";
            (letter(Some(last(&arn)), Some(reason)), Back::Queue { arn, body })
        }
        None if matches!(content, Content::Event(_)) => (letter(None, None), Back::Bus),
        None => (letter(None, None), Back::Nowhere("nothing tells where it came from".to_owned())),
    }
}

/// The last part of an ARN that names a queue or a function.
fn last(arn: &str) -> String {
    let mut parts = arn.split(':').skip(5);
    match (parts.next(), parts.next()) {
        // arn:aws:lambda:REGION:ACCOUNT:function:NAME:QUALIFIER
        (Some("function"), Some(name)) | (Some(name), _) => name.to_owned(),
        _ => arn.to_owned(),
    }
}

/// The record of an on-failure destination (AWS Lambda developer guide, "Capturing records of Lambda asynchronous
/// invocations"). What `launch` can never read comes in this form, too.
fn failed(queue: &str, raw: &Raw, mut record: Value) -> (Letter, Back) {
    let text = |pointer: &str| record.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let function = last(&text("/requestContext/functionArn").unwrap_or_default());
    let condition = text("/requestContext/condition").unwrap_or_default();
    let reason = text("/responsePayload/errorMessage").or_else(|| text("/responsePayload/errorType"));
    let attempts = record.pointer("/requestContext/approximateInvokeCount").and_then(Value::as_u64);
    let since = text("/timestamp").and_then(|it| it.parse().ok()).unwrap_or(raw.sent_at);
    let payload = record["requestPayload"].take();
    let letter = Letter {
        id: raw.id.clone(),
        queue: queue.to_owned(),
        meant_for: Some(function.clone()),
        reason: reason.or_else(|| (!condition.is_empty()).then(|| condition.clone())),
        attempts,
        since,
        content: content(&payload),
    };
    let back = match condition.as_str() {
        "Malformed" => Back::Nowhere(format!(
            "{function} can never read it: mend the event that `dead-letters show` prints, and `fleetfoot replay` it"
        )),
        _ => Back::Function { name: function, payload },
    };
    (letter, back)
}

fn content(payload: &Value) -> Content {
    match payload.pointer("/Records/0/Sns/Message").and_then(Value::as_str) {
        Some(message) => Content::Notice(message.to_owned()),
        None => Content::read(&payload.to_string()),
    }
}

/// What a rule could not hand to its target (Amazon EventBridge user guide, "Using dead-letter queues to process
/// undelivered events": the attributes).
fn undelivered(queue: &str, raw: Raw) -> (Letter, Back) {
    let attribute = |name: &str| raw.attributes.get(name).cloned();
    let target = attribute("TARGET_ARN");
    let reason = match (attribute("ERROR_CODE"), attribute("ERROR_MESSAGE")) {
        (Some(code), Some(message)) => Some(format!("{code}: {message}")),
        (code, message) => code.or(message),
    };
    let content = Content::read(&raw.body);
    let letter = Letter {
        id: raw.id.clone(),
        queue: queue.to_owned(),
        meant_for: target.as_deref().map(last),
        reason,
        attempts: attribute("RETRY_ATTEMPTS").and_then(|it| it.parse().ok()),
        since: raw.sent_at,
        content,
    };
    let back = match target {
        Some(arn) if arn.contains(":sqs:") => Back::Queue { arn, body: raw.body },
        Some(arn) if arn.contains(":lambda:") => match serde_json::from_str(&raw.body) {
            Ok(payload) => Back::Function { name: last(&arn), payload },
            Err(_) => Back::Nowhere("it is no JSON".to_owned()),
        },
        Some(arn) => Back::Nowhere(format!("{arn} is neither a queue nor a function")),
        None => Back::Bus,
    };
    (letter, back)
}

/// What the topic could not hand to `alarm`: the notification, which Lambda would have got in a list of records.
fn unsent(queue: &str, raw: &Raw, notification: &Value) -> (Letter, Back) {
    let message = notification["Message"].as_str().unwrap_or_default().to_owned();
    let reason = raw.attributes.get("ErrorMessage").or_else(|| raw.attributes.get("ErrorCode")).cloned();
    let letter = Letter {
        id: raw.id.clone(),
        queue: queue.to_owned(),
        meant_for: Some("alarm".to_owned()),
        reason,
        attempts: None,
        since: raw.sent_at,
        content: Content::Notice(message),
    };
    let topic = notification["TopicArn"].as_str().unwrap_or_default();
    let record = json!({
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": format!("{topic}:again"),
        "Sns": notification,
    });
    (letter, Back::Topic { payload: json!({ "Records": [record] }) })
}

#[cfg(test)]
#[path = "envelope_tests.rs"]
mod tests;
