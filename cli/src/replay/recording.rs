//! What a recorded file holds.

use std::path::Path;

use fleetfoot_model::envelope::{Envelope, SOURCE};
use fleetfoot_model::ids::JobId;
use serde_json::Value;

use crate::failure::{Failure, OrFail};

/// A file that can be replayed.
#[derive(Debug)]
pub(super) enum Recording {
    /// An event, for the bus.
    Event(Box<Envelope>),
    /// The body of a webhook.
    Webhook {
        /// The header `X-GitHub-Event`.
        event: String,
        /// As it was recorded: the signature is over these very bytes.
        body: Vec<u8>,
    },
}

/// Reads a file. `event` is the webhook's event, if the caller knows it.
pub(super) fn read(path: &Path, event: Option<&str>) -> Result<Recording, Failure> {
    let body = std::fs::read(path).or_fail("the file cannot be read")?;
    let value: Value = serde_json::from_slice(&body).map_err(|error| {
        Failure::new("the file is not JSON")
            .because(&error)
            .hint("an event envelope or the body of a webhook is allowed, each in a file of its own")
    })?;
    if value.get("detail-type").is_some() {
        return envelope(value).map(|envelope| Recording::Event(Box::new(envelope)));
    }
    match event.or_else(|| event_of_name(path)).or_else(|| event_of_shape(&value)) {
        Some(event) => Ok(Recording::Webhook { event: event.to_owned(), body }),
        None => Err(Failure::new(
            "the file is neither an event envelope nor a webhook that is known by its name or shape",
        )
        .hint("an envelope has a detail-type; what a webhook is, --event workflow_job tells")),
    }
}

fn envelope(value: Value) -> Result<Envelope, Failure> {
    let envelope: Envelope = serde_json::from_value(value).map_err(|error| {
        Failure::new("the file is no event envelope")
            .because(&error)
            .hint("each event, of the fleet and of others, has a sample under events/")
    })?;
    // Others' events are judged by the functions they wake; those of the fleet are known here.
    if envelope.source == SOURCE {
        envelope.fact().map_err(|error| {
            Failure::new("the event is none of the fleet's")
                .because(&error)
                .hint("each event of the fleet has a sample under events/ and a schema under events/schema/")
        })?;
    }
    Ok(envelope)
}

/// Recorded payloads are commonly called after their event, such as `workflow-job-queued-1.json`.
fn event_of_name(path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_str()?.replace('_', "-");
    [("workflow-job-", "workflow_job"), ("workflow-run-", "workflow_run"), ("ping-", "ping")]
        .into_iter()
        .find_map(|(prefix, event)| name.starts_with(prefix).then_some(event))
}

fn event_of_shape(value: &Value) -> Option<&'static str> {
    [("workflow_job", "workflow_job"), ("workflow_run", "workflow_run"), ("zen", "ping")]
        .into_iter()
        .find_map(|(key, event)| value.get(key).map(|_| event))
}

impl Recording {
    /// The job that it is about, if it is about one.
    pub(super) fn job(&self) -> Option<JobId> {
        let id = match self {
            Self::Event(envelope) => envelope.detail.pointer("/job/id")?.as_u64(),
            Self::Webhook { body, .. } => {
                let body: Value = serde_json::from_slice(body).ok()?;
                body.pointer("/workflow_job/id")?.as_u64()
            }
        };
        id.map(JobId)
    }
}
