//! Queues: dead letters, and how long events wait for `launch`.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName as Attribute;

use super::Desk;
use crate::aws::failure::failure;
use crate::aws::stack::{DEAD_LETTERS, output};
use crate::doctor::examine;
use crate::doctor::finding::Finding;
use crate::failure::Failure;

const HEADING: &str = "dead-letters";
const BACKLOG: &str = "launch-queue";

/// `launch` takes ten events at once, within a second or so.
const LONG: u64 = 500;

pub(super) struct Check(pub(super) Arc<Desk>);

#[async_trait]
impl examine::Check for Check {
    fn heading(&self) -> &'static str {
        HEADING
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        let stack = &self.0.stack;
        let client = Client::new(&self.0.sdk);
        let mut letters = Vec::new();
        for (key, name) in DEAD_LETTERS {
            letters.push((name, waiting(&client, stack.output(key)?).await?));
        }
        let mut findings = vec![judge(stack.name(), &letters)];
        findings.push(backlog(waiting(&client, stack.output(output::LAUNCH_QUEUE)?).await?));
        Ok(findings)
    }
}

async fn waiting(client: &Client, queue: &str) -> Result<u64, Failure> {
    let attribute = Attribute::ApproximateNumberOfMessages;
    let asked =
        client.get_queue_attributes().queue_url(queue).attribute_names(attribute.clone()).send().await;
    let answer = asked
        .map_err(|error| failure(format!("{queue} cannot be looked at"), "sqs:GetQueueAttributes", &error))?;
    let count = answer.attributes.unwrap_or_default().remove(&attribute);
    Ok(count.and_then(|it| it.parse().ok()).unwrap_or(0))
}

fn judge(stack: &str, letters: &[(&str, u64)]) -> Finding {
    let full: Vec<String> = letters
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{count} in {name}"))
        .collect();
    if full.is_empty() {
        return Finding::ok(HEADING, "there are none");
    }
    let what = format!("events that nobody could handle: {}", full.join(", "));
    Finding::warning(HEADING, what)
        .hint(format!("`fleetfoot dead-letters list --stack {stack}` tells which and why"))
}

fn backlog(count: u64) -> Finding {
    let what = format!("{count} events wait for launch");
    if count > LONG {
        return Finding::warning(BACKLOG, what)
            .hint("a burst drains by itself; if it does not, see functions and queue-sources");
    }
    Finding::ok(BACKLOG, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;

    #[test]
    fn letters_and_a_long_queue_are_told() {
        assert_eq!(judge("ff", &[("FailedEvents", 0)]).severity, Severity::Ok);
        let found = judge("ff", &[("FailedEvents", 2), ("UnlaunchedEvents", 1)]);
        assert_eq!(found.what, "events that nobody could handle: 2 in FailedEvents, 1 in UnlaunchedEvents");
        assert_eq!((backlog(500).severity, backlog(501).severity), (Severity::Ok, Severity::Warning));
    }
}
