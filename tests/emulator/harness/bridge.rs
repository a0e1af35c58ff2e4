//! What AWS does between an event and a function, where the emulator does less.
//!
//! AWS hands the events of its own services to the rules of the default bus; the emulator's tasks and builds tell
//! nothing, and it refuses sources that begin with `aws.` from everyone else. And AWS invokes the function behind a rule
//! asynchronously: tried again twice if it fails, then sent to its failure destination; the emulator calls it once.

use std::sync::Arc;

use aws_sdk_eventbridge::types::{Rule, Target};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

use super::aws::Aws;

/// A rule and the functions that it wakes.
struct Wake {
    rule: String,
    pattern: String,
    functions: Vec<String>,
}

/// Hands the events of services to whoever the default bus's rules name, for as long as there are any.
pub(crate) async fn carry_service_events(aws: Aws, mut events: UnboundedReceiver<Value>) {
    let mut wakes = Vec::new();
    for rule in rules(&aws, "default").await {
        let functions = targets(&aws, "default", &rule).await.into_iter().map(|target| target.arn);
        let (name, pattern) = (rule.name.unwrap_or_default(), rule.event_pattern.unwrap_or_default());
        wakes.push(Wake { rule: name, pattern, functions: functions.collect() });
    }
    assert!(!wakes.is_empty(), "no rule of the default bus has a pattern");
    let wakes: Arc<[Wake]> = wakes.into();
    while let Some(event) = events.recv().await {
        // All at once: AWS keeps no order either.
        tokio::spawn(deliver(aws.clone(), Arc::clone(&wakes), event));
    }
}

async fn deliver(aws: Aws, wakes: Arc<[Wake]>, event: Value) {
    for wake in wakes.iter() {
        let test = aws.events.test_event_pattern().event_pattern(&wake.pattern).event(event.to_string());
        let tested = test.send().await.unwrap_or_else(|error| panic!("{}: {error:?}", wake.rule));
        if tested.result() {
            for function in &wake.functions {
                aws.wake(function, &event).await;
            }
        }
    }
}

/// Puts a queue of the suite's own in the place of each function that a rule of the fleet's bus names, and wakes the
/// function with what comes out of it.
pub(crate) async fn carry_facts(aws: &Aws, bus: &str) {
    let mut tapped = 0;
    for rule in rules(aws, bus).await {
        for target in targets(aws, bus, &rule).await {
            if target.arn.contains(":function:") {
                tap(aws, bus, &rule, target).await;
                tapped += 1;
            }
        }
    }
    assert!(tapped > 0, "no rule of the fleet's bus wakes a function");
}

async fn tap(aws: &Aws, bus: &str, rule: &Rule, target: Target) {
    let name = format!("tap-{}-{}", rule.name().unwrap_or_default(), target.id);
    let queue = aws.queues.create_queue().queue_name(name).send().await.expect("a queue can be made");
    let queue = queue.queue_url.expect("a queue has an address");
    let function = target.arn.clone();
    let mut target = target;
    target.arn = aws.arn_of_queue(&queue).await;
    let put = aws.events.put_targets().event_bus_name(bus).set_rule(rule.name.clone()).targets(target);
    put.send().await.expect("a target can be replaced");
    let aws = aws.clone();
    tokio::spawn(async move {
        loop {
            for event in aws.await_messages(&queue).await {
                let event = serde_json::from_str(&event).expect("a rule hands on JSON");
                aws.wake(&function, &event).await;
            }
        }
    });
}

/// The rules of a bus that have a pattern.
async fn rules(aws: &Aws, bus: &str) -> Vec<Rule> {
    let listed = aws.events.list_rules().event_bus_name(bus).send().await.expect("rules can be listed");
    listed.rules.unwrap_or_default().into_iter().filter(|rule| rule.event_pattern.is_some()).collect()
}

async fn targets(aws: &Aws, bus: &str, rule: &Rule) -> Vec<Target> {
    let listed = aws.events.list_targets_by_rule().event_bus_name(bus).set_rule(rule.name.clone());
    listed.send().await.expect("targets can be listed").targets.unwrap_or_default()
}
