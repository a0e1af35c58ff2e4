//! Metrics in CloudWatch's embedded metric format: JSON documents, a line each in a function's log.
//!
//! A metric costs by the hours in which it is told, so what counts events is told only when there are any.

mod facts;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use fleetfoot_model::Timestamp;
use fleetfoot_model::events::Fact;
use serde_json::{Map, Value, json};

pub use table::*;

/// The namespace of all metrics.
pub const NAMESPACE: &str = "Fleetfoot";

/// How many values a metric may have in a document (embedded metric format, "Target members").
const MOST_VALUES: usize = 100;

/// One value.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sample {
    metric: Metric,
    /// The value of the metric's second dimension.
    by: Option<&'static str>,
    value: f64,
}

/// What came of an invocation, as far as its facts do not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Events that come again.
    pub failed: u64,
    /// Events that cannot be read.
    pub malformed: u64,
    /// Facts that could not be published.
    pub unsent_facts: u64,
    /// Notices that could not be published.
    pub unsent_notices: u64,
}

/// What facts tell, as documents to print, a line each. None without the name of a stack.
pub fn of(stack: &str, facts: &[Fact], now: Timestamp) -> Vec<Value> {
    let samples = facts.iter().flat_map(|fact| facts::samples(fact, now));
    documents(stack, samples, now)
}

/// What an invocation of a function tells, as documents to print. None if all went well.
pub fn of_outcome(stack: &str, function: &'static str, outcome: &Outcome, now: Timestamp) -> Vec<Value> {
    let told = [
        (EVENTS_FAILED, outcome.failed),
        (EVENTS_MALFORMED, outcome.malformed),
        (FACTS_UNSENT, outcome.unsent_facts),
        (NOTICES_UNSENT, outcome.unsent_notices),
    ];
    let samples = told.into_iter().filter(|(_, count)| *count > 0);
    documents(stack, samples.map(|(metric, n)| Sample { metric, by: Some(function), value: count(n) }), now)
}

/// What GitHub said is left of its requests, as documents to print. None if it was not asked anything.
pub fn of_budget(stack: &str, left: Option<u64>, now: Timestamp) -> Vec<Value> {
    let sample = |left| Sample { metric: GITHUB_REQUESTS_LEFT, by: None, value: count(left) };
    documents(stack, left.map(sample).into_iter(), now)
}

/// One document for each value of a second dimension, as a document has one value for each of its dimensions.
fn documents(stack: &str, samples: impl Iterator<Item = Sample>, now: Timestamp) -> Vec<Value> {
    type Values = BTreeMap<&'static str, (Metric, Vec<f64>)>;
    let mut groups: BTreeMap<Option<(&str, &str)>, Values> = BTreeMap::new();
    for Sample { metric, by, value } in samples.filter(|_| !stack.is_empty()) {
        let second = metric.by.map(|(dimension, _)| dimension).zip(by);
        let values = groups.entry(second).or_default().entry(metric.name).or_insert((metric, Vec::new()));
        match values.1.last_mut() {
            Some(sum) if metric.unit.adds_up() => *sum += value,
            _ => values.1.push(value),
        }
    }
    let mut documents = Vec::new();
    for (second, mut values) in groups {
        while !values.is_empty() {
            documents.push(document(stack, second, &values, now));
            values.retain(|_, (_, values)| {
                values.drain(..values.len().min(MOST_VALUES));
                !values.is_empty()
            });
        }
    }
    documents
}

fn document(
    stack: &str,
    second: Option<(&str, &str)>,
    metrics: &BTreeMap<&'static str, (Metric, Vec<f64>)>,
    now: Timestamp,
) -> Value {
    let mut members = Map::new();
    let mut dimensions = vec![vec!["Stack"]];
    members.insert("Stack".to_owned(), stack.into());
    if let Some((dimension, value)) = second {
        dimensions.push(vec!["Stack", dimension]);
        members.insert(dimension.to_owned(), value.into());
    }
    let mut definitions = Vec::new();
    for (metric, values) in metrics.values() {
        definitions.push(json!({ "Name": metric.name, "Unit": metric.unit.name() }));
        let target = match values.as_slice() {
            [value] => number(*value),
            values => values.iter().take(MOST_VALUES).map(|value| number(*value)).collect(),
        };
        members.insert(metric.name.to_owned(), target);
    }
    let directive = json!({ "Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": definitions });
    let metadata = json!({ "Timestamp": now.as_millisecond(), "CloudWatchMetrics": [directive] });
    members.insert("_aws".to_owned(), metadata);
    Value::Object(members)
}

/// A whole number is written as one.
fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "nothing here counts to 2^53")]
    if value.fract() == 0.0 { json!(value as i64) } else { json!(value) }
}

/// Counts and milliseconds stay far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "nothing here counts to 2^53")]
fn count(n: u64) -> f64 {
    n as f64
}
