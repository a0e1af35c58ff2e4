//! What AWS itself does with the events of its services: hand them to the targets of the rules that they match.
//!
//! The emulator refuses sources that begin with `aws.` from anyone but itself, and tells nothing of tasks and builds.

use serde_json::Value;

use super::aws::Aws;

/// The rules of the default bus that have a pattern.
pub(crate) struct Bridge {
    rules: Vec<Rule>,
}

struct Rule {
    name: String,
    pattern: String,
    /// ARNs of functions.
    targets: Vec<String>,
}

impl Bridge {
    /// Reads the rules.
    pub(crate) async fn new(aws: &Aws) -> Self {
        let listed = aws.events.list_rules().send().await.expect("rules can be listed");
        let mut rules = Vec::new();
        for rule in listed.rules() {
            let (Some(name), Some(pattern)) = (rule.name(), rule.event_pattern()) else { continue };
            let targets = aws.events.list_targets_by_rule().rule(name).send().await;
            let targets = targets.expect("targets can be listed").targets.unwrap_or_default();
            let targets = targets.into_iter().map(|target| target.arn).collect();
            rules.push(Rule { name: name.to_owned(), pattern: pattern.to_owned(), targets });
        }
        assert!(!rules.is_empty(), "no rule on the default bus");
        Self { rules }
    }

    /// Hands one event to whoever it is for; answers the rules that it matched.
    pub(crate) async fn deliver(&self, aws: &Aws, event: &Value) -> Vec<&str> {
        let mut matched = Vec::new();
        for rule in &self.rules {
            let tested =
                aws.events.test_event_pattern().event_pattern(&rule.pattern).event(event.to_string());
            if tested.send().await.expect("a pattern can be tested").result() {
                for target in &rule.targets {
                    aws.wake(target, event).await;
                }
                matched.push(rule.name.as_str());
            }
        }
        matched
    }
}
