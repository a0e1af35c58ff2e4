//! Who is woken by an event: the rules of `template.yaml`.

use std::collections::BTreeMap;

use fleetfoot_local::template::{BusName, Target, Wiring};
use quamina::Quamina;
use serde_json::{Value, json};

use crate::Failure;

/// The template that is deployed.
pub(crate) const TEMPLATE: &str = include_str!("../../template.yaml");

/// The rules of both buses.
pub(crate) struct Routing {
    wiring: Wiring,
    default: Quamina<usize>,
    fleet: Quamina<usize>,
}

/// A function that is woken, and by what.
pub(crate) struct Waking {
    pub(crate) function: String,
    pub(crate) payload: Value,
    /// Whether a queue stands between.
    pub(crate) queued: bool,
}

impl Routing {
    pub(crate) fn read() -> Result<Self, Failure> {
        let wiring = Wiring::read(TEMPLATE, &BTreeMap::new())?;
        let mut routing = Self { wiring, default: Quamina::new(), fleet: Quamina::new() };
        for (index, rule) in routing.wiring.rules.iter().enumerate() {
            let automaton = match rule.bus {
                BusName::Default => &mut routing.default,
                BusName::Fleet => &mut routing.fleet,
            };
            let added = automaton.add_pattern(index, &rule.pattern.to_string());
            added.map_err(|error| format!("{}: {error}", rule.name))?;
        }
        Ok(routing)
    }

    /// Who an event wakes, each once for every rule that matches.
    pub(crate) fn wakings(&self, bus: BusName, event: &Value) -> Result<Vec<Waking>, Failure> {
        let automaton = match bus {
            BusName::Default => &self.default,
            BusName::Fleet => &self.fleet,
        };
        let matching = automaton.matches_for_event(event.to_string().as_bytes());
        let mut matching = matching.map_err(|error| error.to_string())?;
        matching.sort_unstable();
        let targets = matching.into_iter().flat_map(|rule| &self.wiring.rules[rule].targets);
        targets.map(|target| self.waking(target, event)).collect()
    }

    fn waking(&self, target: &Target, event: &Value) -> Result<Waking, Failure> {
        match target {
            Target::Function(function) => {
                Ok(Waking { function: function.clone(), payload: event.clone(), queued: false })
            }
            Target::Queue(queue) => {
                let mapping = self.wiring.mappings.iter().find(|mapping| mapping.queue == *queue);
                let mapping = mapping.ok_or_else(|| format!("nobody takes from {queue}"))?;
                Ok(Waking { function: mapping.function.clone(), payload: batch_of(event), queued: true })
            }
        }
    }
}

/// An event as the queue hands it over, alone.
fn batch_of(event: &Value) -> Value {
    json!({
        "Records": [{
            "messageId": event["id"],
            "receiptHandle": "handle",
            "body": event.to_string(),
            "attributes": {},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:launch",
            "awsRegion": "us-east-1",
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queued_job_goes_to_launch_through_the_queue() {
        let routing = Routing::read().unwrap();
        let event = json!({ "id": "1", "source": "fleetfoot", "detail-type": "JobQueued", "detail": {} });
        let wakings = routing.wakings(BusName::Fleet, &event).unwrap();
        let woken: Vec<_> = wakings.iter().map(|waking| (waking.function.as_str(), waking.queued)).collect();
        assert_eq!(woken, [("launch", true)]);
        assert_eq!(wakings[0].payload["Records"][0]["body"], event.to_string());
    }
}
