//! Spans as OTLP's JSON (OTLP specification, "JSON Protobuf Encoding": ids are hexadecimal, 64-bit numbers are strings,
//! enums are numbers).

use std::collections::BTreeMap;

use fleetfoot_model::Timestamp;
use serde_json::{Value as Json, json};

use super::span::{Span, Value};

/// Where spans are from, beside their functions.
#[derive(Debug, Clone, Default)]
pub struct Resource {
    /// The stack's name, or the fleet's on one machine.
    pub namespace: String,
    /// The AWS region; empty on one machine.
    pub region: String,
}

/// One `ExportTraceServiceRequest`. Each function is a service.
pub fn document(resource: &Resource, spans: &[Span]) -> Json {
    let mut by_function: BTreeMap<&str, Vec<Json>> = BTreeMap::new();
    for it in spans {
        by_function.entry(&it.function).or_default().push(span(it));
    }
    let resources = by_function.into_iter().map(|(function, spans)| {
        let mut attributes = vec![
            attribute("service.name", &Value::text(format!("fleetfoot-{function}"))),
            attribute("service.namespace", &Value::text(&resource.namespace)),
            attribute("service.version", &Value::text(env!("CARGO_PKG_VERSION"))),
        ];
        if !resource.region.is_empty() {
            attributes.push(attribute("cloud.provider", &Value::text("aws")));
            attributes.push(attribute("cloud.region", &Value::text(&resource.region)));
            attributes.push(attribute("faas.name", &Value::text(function)));
        }
        let scope = json!({ "name": "fleetfoot", "version": env!("CARGO_PKG_VERSION") });
        json!({
            "resource": { "attributes": attributes },
            "scopeSpans": [{ "scope": scope, "spans": spans }],
        })
    });
    json!({ "resourceSpans": resources.collect::<Vec<_>>() })
}

fn span(span: &Span) -> Json {
    let attributes: Vec<Json> = span.attributes.iter().map(|(key, value)| attribute(key, value)).collect();
    let mut json = json!({
        "traceId": span.trace.to_string(),
        "spanId": span.id.to_string(),
        "name": span.name,
        "kind": span.kind as i32,
        "startTimeUnixNano": nanos(span.began),
        "endTimeUnixNano": nanos(span.ended),
        "attributes": attributes,
        "status": if span.failed { json!({ "code": 2 }) } else { json!({}) },
    });
    if let Some(parent) = span.parent {
        json["parentSpanId"] = parent.to_string().into();
    }
    json
}

fn attribute(key: &str, value: &Value) -> Json {
    let value = match value {
        Value::Text(text) => json!({ "stringValue": text }),
        Value::Texts(texts) => {
            let values: Vec<Json> = texts.iter().map(|text| json!({ "stringValue": text })).collect();
            json!({ "arrayValue": { "values": values } })
        }
        Value::Number(number) => json!({ "intValue": number.to_string() }),
    };
    json!({ "key": key, "value": value })
}

fn nanos(time: Timestamp) -> String {
    time.as_nanosecond().max(0).to_string()
}
