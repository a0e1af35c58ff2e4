//! What the stories begin with.

use fleetfoot_model::foreign::{WorkflowJobWebhook, WorkflowRunWebhook};
use fleetfoot_model::ids::{Owner, Repository};
use fleetfoot_model::runner::Scope;
use fleetfoot_model::secret::Secret;
use fleetfoot_model::spec::Label;
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_stand_in::github::{Faults, JobOrder, OutgoingWebhook, SessionId, Settings, StandInGitHub};

pub(crate) const SECRET: &str = "It's a Secret to Everybody";

pub(crate) fn start() -> Timestamp {
    "2026-11-02T09:00:00Z".parse().unwrap()
}

pub(crate) fn after(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

pub(crate) fn labels(names: &[&str]) -> Vec<Label> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

pub(crate) fn app() -> Repository {
    "acme/app".parse().unwrap()
}

pub(crate) fn acme() -> Scope {
    Scope::Organization("acme".parse::<Owner>().unwrap())
}

pub(crate) fn order() -> JobOrder {
    JobOrder::new(app(), labels(&["self-hosted", "class:small"]))
}

pub(crate) fn settings(faults: Faults) -> Settings {
    Settings { faults, ..Settings::new(1, Secret::new(SECRET)) }
}

pub(crate) fn github() -> StandInGitHub {
    StandInGitHub::new(settings(Faults::NONE))
}

/// Registers a runner and connects it.
pub(crate) fn connect(github: &mut StandInGitHub, now: Timestamp, name: &str, names: &[&str]) -> SessionId {
    let runner = github.register(now, &acme(), name, &labels(names)).unwrap();
    github.connect(now, &runner.configuration).unwrap()
}

/// Sends everything that is due until a time, and answers 202. Reads as `action job [runner]`.
pub(crate) fn webhooks(github: &mut StandInGitHub, until: Timestamp) -> Vec<String> {
    let mut told = Vec::new();
    while let Some(at) = github.next_due().filter(|at| *at <= until) {
        for webhook in github.due(at) {
            told.push(read(&webhook));
            github.delivered(at, webhook.delivery_id, 202);
        }
        if github.has_messages() {
            break;
        }
    }
    told
}

pub(crate) fn read(webhook: &OutgoingWebhook) -> String {
    if webhook.event == "workflow_run" {
        let run: WorkflowRunWebhook = serde_json::from_slice(&webhook.body).unwrap();
        return format!("run {}", run.action);
    }
    let told: WorkflowJobWebhook = serde_json::from_slice(&webhook.body).unwrap();
    let conclusion = told.workflow_job.conclusion.map(|it| format!(" {it}")).unwrap_or_default();
    let runner = told.workflow_job.runner_name.filter(|it| !it.is_empty());
    let runner = runner.map(|it| format!(" on {it}")).unwrap_or_default();
    format!("{}{conclusion}{runner}", told.action)
}
