//! What GitHub tells of a job, as far as it differs from job to job.

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::{CommitSha, GithubRunnerId, JobId, RunId};
use fleetfoot_model::spec::Label;
use serde::Serialize;

use super::{Kind, Moment};
use crate::github::job::{Job, seconds};

/// The part `workflow_job` of a webhook, without its links and steps.
#[derive(Debug, Serialize)]
pub(super) struct JobBody<'a> {
    id: JobId,
    run_id: RunId,
    run_attempt: u32,
    workflow_name: &'a str,
    name: &'a str,
    labels: &'a [Label],
    status: &'static str,
    conclusion: Option<&'a str>,
    created_at: Timestamp,
    started_at: Timestamp,
    completed_at: Option<Timestamp>,
    html_url: String,
    head_sha: CommitSha,
    runner_id: Option<GithubRunnerId>,
    runner_name: Option<&'a str>,
    runner_group_id: Option<u64>,
    runner_group_name: Option<&'static str>,
}

impl<'a> JobBody<'a> {
    pub(super) fn of(job: &'a Job, moment: &'a Moment) -> Self {
        let ordered_at = job.history.ordered_at;
        let (runner_id, runner_name, runner_group_id, runner_group_name) = match &moment.runner {
            Some((id, name)) => (Some(*id), Some(name.as_str()), Some(1), Some("Default")),
            // A job that ended without ever having had a runner carries zeros and empty names.
            None if moment.kind == Kind::JobCompleted => {
                (Some(GithubRunnerId(0)), Some(""), Some(0), Some(""))
            }
            None => (None, None, None, None),
        };
        Self {
            id: job.id,
            run_id: job.run,
            run_attempt: job.attempt,
            workflow_name: &job.order.workflow,
            name: &job.order.name,
            labels: &job.order.labels,
            status: moment.kind.action(),
            conclusion: moment.conclusion.as_deref(),
            created_at: seconds(ordered_at),
            // A job that has not started carries the time of its creation here.
            started_at: seconds(moment.started_at.unwrap_or(ordered_at)),
            completed_at: moment.completed_at.map(seconds),
            html_url: job.html_url(),
            head_sha: job.head_sha(),
            runner_id,
            runner_name,
            runner_group_id,
            runner_group_name,
        }
    }
}
