//! From a webhook's body to facts. Hostile until parsed.

use fleetfoot_model::Timestamp;
use fleetfoot_model::config::Config;
use fleetfoot_model::events::{
    Fact, JobCompleted, JobQueued, JobStarted, JobWaiting, QueueCause, RunRequested,
};
use fleetfoot_model::foreign::{WorkflowJob, WorkflowJobWebhook, WorkflowRunWebhook};
use fleetfoot_model::ids::{InvalidId, Repository, RunId};
use fleetfoot_model::labels;
use serde::de::DeserializeOwned;

/// What a webhook comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Facts to publish.
    Facts(Vec<Fact>),
    /// GitHub's greeting.
    Ping,
    /// Nothing of ours, and why.
    Ignored(&'static str),
}

/// Why a body cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// No JSON at all.
    #[error("the body is not JSON: {0}. Set the webhook's content type to application/json")]
    NotJson(String),
    /// JSON of another shape. Names the path.
    #[error("the body is not a {event} webhook: {path}: {message}")]
    Shape {
        /// Which webhook was announced.
        event: &'static str,
        /// Where.
        path: String,
        /// What is wrong there.
        message: String,
    },
    /// A name or label that GitHub would not have sent.
    #[error("the body is not a webhook of GitHub's: {0}")]
    Value(#[from] InvalidId),
}

/// Reads a webhook whose signature was verified.
pub fn read(event: &str, body: &[u8], config: &Config, now: Timestamp) -> Result<Verdict, Unreadable> {
    match event {
        "workflow_job" => job(parse("workflow_job", body)?, config, now),
        "workflow_run" => run(parse("workflow_run", body)?),
        other => {
            serde_json::from_slice::<serde::de::IgnoredAny>(body)
                .map_err(|error| Unreadable::NotJson(error.to_string()))?;
            Ok(if other == "ping" {
                Verdict::Ping
            } else {
                Verdict::Ignored("another event than workflow_job and workflow_run")
            })
        }
    }
}

/// Nearly every body is well-formed: the path to a mistake is followed only where there is one.
fn parse<T: DeserializeOwned>(event: &'static str, body: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(body).or_else(|_| parse_with_path(event, body))
}

fn parse_with_path<T: DeserializeOwned>(event: &'static str, body: &[u8]) -> Result<T, Unreadable> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        if error.is_data() {
            Unreadable::Shape { event, path, message: error.to_string() }
        } else {
            Unreadable::NotJson(error.to_string())
        }
    })?;
    deserializer.end().map_err(|error| Unreadable::NotJson(error.to_string()))?;
    Ok(value)
}

fn job(webhook: WorkflowJobWebhook, config: &Config, now: Timestamp) -> Result<Verdict, Unreadable> {
    let WorkflowJobWebhook { action, workflow_job, repository } = webhook;
    let action = action.as_str();
    if !matches!(action, "queued" | "waiting" | "in_progress" | "completed") {
        return Ok(Verdict::Ignored("an unknown action"));
    }
    let job = workflow_job.describe(repository.full_name.parse()?, repository.is_public(), now)?;
    if !labels::is_addressed(&job.labels, &config.labels) {
        return Ok(Verdict::Ignored("the job does not carry the fleet's required labels"));
    }
    let runner = workflow_job.observed_runner();
    let WorkflowJob { started_at, completed_at, conclusion, .. } = workflow_job;
    let fact = match (action, runner) {
        ("queued", _) => JobQueued { job, cause: QueueCause::Webhook }.into(),
        ("waiting", _) => JobWaiting { job }.into(),
        ("in_progress", Some(runner)) => {
            JobStarted { job, runner, started_at: started_at.unwrap_or(now) }.into()
        }
        ("in_progress", None) => return Ok(Verdict::Ignored("in_progress without a runner")),
        (_, runner) => {
            let conclusion = conclusion.unwrap_or_else(|| "unknown".to_owned());
            JobCompleted { job, conclusion, runner, completed_at: completed_at.unwrap_or(now) }.into()
        }
    };
    Ok(Verdict::Facts(vec![fact]))
}

fn run(webhook: WorkflowRunWebhook) -> Result<Verdict, Unreadable> {
    if webhook.action != "requested" {
        return Ok(Verdict::Ignored("a workflow_run is only of interest when it is requested"));
    }
    let repository: Repository = webhook.repository.full_name.parse()?;
    let head_repository =
        webhook.workflow_run.head_repository.map(|head| head.full_name.parse()).transpose()?;
    if head_repository.as_ref() == Some(&repository) && !webhook.repository.is_public() {
        return Ok(Verdict::Ignored("a run of a private repository's own code needs no look at its origin"));
    }
    let fact = RunRequested {
        run_id: RunId(webhook.workflow_run.id),
        repository,
        head_repository,
        event: webhook.workflow_run.event.unwrap_or_default(),
    };
    Ok(Verdict::Facts(vec![fact.into()]))
}
