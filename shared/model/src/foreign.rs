//! What others send: GitHub's webhooks, ECS task states, CodeBuild states. Unknown fields and values are allowed.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::events::{JobDescription, ObservedRunner};
use crate::ids::{GithubRunnerId, InvalidId, JobId, Repository, RunId};

/// GitHub's `workflow_job` webhook, as far as it is read.
#[derive(Debug, Clone, Deserialize)]
pub struct WorkflowJobWebhook {
    /// `queued`, `waiting`, `in_progress`, `completed`, or something new.
    pub action: String,
    /// The job.
    pub workflow_job: WorkflowJob,
    /// Its repository.
    pub repository: WebhookRepository,
}

/// GitHub's description of a job, in webhooks and in the REST API alike.
#[derive(Debug, Clone, Deserialize)]
pub struct WorkflowJob {
    /// The job's id.
    pub id: u64,
    /// Its run.
    pub run_id: u64,
    /// Missing in old payloads.
    #[serde(default)]
    pub run_attempt: Option<u32>,
    /// Its workflow's name.
    #[serde(default)]
    pub workflow_name: Option<String>,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its `runs-on`.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Its page.
    #[serde(default)]
    pub html_url: Option<String>,
    /// The commit that it runs for.
    #[serde(default)]
    pub head_sha: Option<String>,
    /// `queued`, `waiting`, `in_progress`, `completed`, ...
    #[serde(default)]
    pub status: Option<String>,
    /// How it ended.
    #[serde(default)]
    pub conclusion: Option<String>,
    /// Missing in old payloads.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// For a queued job the time of its creation.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default)]
    pub completed_at: Option<Timestamp>,
    /// The runner that has it.
    #[serde(default)]
    pub runner_id: Option<u64>,
    /// Its name; empty or absent for a job that never started.
    #[serde(default)]
    pub runner_name: Option<String>,
}

impl WorkflowJob {
    /// The job in the fleet's words. `now` stands in for a time of creation that GitHub did not give.
    ///
    /// # Errors
    /// A label that cannot be one: without it this would be another job, so the job is refused as a whole.
    pub fn describe(
        &self,
        repository: Repository,
        public: bool,
        now: Timestamp,
    ) -> Result<JobDescription, InvalidId> {
        Ok(JobDescription {
            id: JobId(self.id),
            run_id: RunId(self.run_id),
            run_attempt: self.run_attempt.unwrap_or(1),
            repository,
            public,
            workflow: self.workflow_name.clone().unwrap_or_default(),
            name: self.name.clone().unwrap_or_default(),
            labels: self.labels.iter().map(|label| label.parse()).collect::<Result<_, _>>()?,
            html_url: self.html_url.clone().unwrap_or_default(),
            // Nothing but a check run needs it: a job is served whatever stands there.
            head_sha: self.head_sha.as_deref().and_then(|sha| sha.parse().ok()),
            created_at: self.created_at.or(self.started_at).unwrap_or(now),
        })
    }

    /// The runner that GitHub names. A job that never started has none, or one with an empty name and id 0.
    pub fn observed_runner(&self) -> Option<ObservedRunner> {
        let name = self.runner_name.clone().filter(|name| !name.is_empty())?;
        Some(ObservedRunner { name, id: self.runner_id.filter(|id| *id != 0).map(GithubRunnerId) })
    }
}

/// The repository of a webhook.
#[derive(Debug, Clone, Deserialize)]
pub struct WebhookRepository {
    /// `owner/name`.
    pub full_name: String,
    /// False for public repositories.
    #[serde(default)]
    pub private: Option<bool>,
}

impl WebhookRepository {
    /// Whether GitHub says that anyone can see it.
    pub fn is_public(&self) -> bool {
        self.private == Some(false)
    }
}

/// GitHub's `workflow_run` webhook, as far as it is read.
#[derive(Debug, Clone, Deserialize)]
pub struct WorkflowRunWebhook {
    /// `requested`, `in_progress`, `completed`.
    pub action: String,
    /// The run.
    pub workflow_run: WebhookRun,
    /// Where it runs.
    pub repository: WebhookRepository,
}

/// The run of a `workflow_run` webhook.
#[derive(Debug, Clone, Deserialize)]
pub struct WebhookRun {
    /// Its id.
    pub id: u64,
    /// What triggered it.
    #[serde(default)]
    pub event: Option<String>,
    /// Where its code comes from; null if that repository is gone.
    #[serde(default)]
    pub head_repository: Option<HeadRepository>,
}

/// The repository a run's code comes from.
#[derive(Debug, Clone, Deserialize)]
pub struct HeadRepository {
    /// `owner/name`.
    pub full_name: String,
}

/// The detail-type of [`TaskStateChange`], on the default bus.
pub const TASK_STATE_CHANGE: &str = "ECS Task State Change";
/// The detail-type of [`BuildStateChange`], on the default bus.
pub const BUILD_STATE_CHANGE: &str = "CodeBuild Build State Change";

/// The detail of `ECS Task State Change` (Amazon ECS developer guide, "task state change events").
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskStateChange {
    /// The task.
    pub task_arn: String,
    /// Who started it: our runner's name.
    #[serde(default)]
    pub started_by: Option<String>,
    /// `PROVISIONING` ... `RUNNING` ... `STOPPED`.
    pub last_status: String,
    /// `RUNNING` or `STOPPED`.
    #[serde(default)]
    pub desired_status: Option<String>,
    /// Grows with every change; events come unordered.
    pub version: u64,
    /// `EssentialContainerExited`, `SpotInterruption`, ... or something new.
    #[serde(default)]
    pub stop_code: Option<String>,
    /// In words.
    #[serde(default)]
    pub stopped_reason: Option<String>,
    /// Its containers.
    #[serde(default)]
    pub containers: Vec<Container>,
    /// `FARGATE` or `FARGATE_SPOT`.
    #[serde(default)]
    pub capacity_provider_name: Option<String>,
    /// In which availability zone.
    #[serde(default)]
    pub availability_zone: Option<String>,
    /// Its network interface, among others.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    /// When it was accepted.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// When the image pull began; billing starts here.
    #[serde(default)]
    pub pull_started_at: Option<Timestamp>,
    /// When the image was there.
    #[serde(default)]
    pub pull_stopped_at: Option<Timestamp>,
    /// When it ran.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When it stopped.
    #[serde(default)]
    pub stopped_at: Option<Timestamp>,
}

impl TaskStateChange {
    /// The subnet that its network interface is in.
    pub fn subnet(&self) -> Option<&str> {
        let details = self.attachments.iter().flat_map(|attachment| &attachment.details);
        details.filter(|detail| detail.name == "subnetId").find_map(|detail| detail.value.as_deref())
    }
}

/// What is attached to a task.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Attachment {
    /// What it is made of.
    pub details: Vec<AttachmentDetail>,
}

/// A detail of what is attached to a task.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AttachmentDetail {
    /// Such as `subnetId`.
    pub name: String,
    /// Its value.
    pub value: Option<String>,
}

/// One container of a task.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Its exit code, if it ended by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Why it ended, such as an error of the image pull.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The detail of `CodeBuild Build State Change` (AWS CodeBuild user guide, "build notifications input format").
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BuildStateChange {
    /// `IN_PROGRESS`, `SUCCEEDED`, `FAILED`, `STOPPED`, `FAULT`, `TIMED_OUT`.
    pub build_status: String,
    /// The build's ARN.
    pub build_id: String,
    /// Whose build it is.
    pub project_name: String,
    /// The rest.
    #[serde(default)]
    pub additional_information: BuildInformation,
}

/// The part of a build event that tells what was built and how it went.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct BuildInformation {
    /// Its environment.
    pub environment: BuildEnvironment,
    /// Where its log is.
    pub logs: BuildLogs,
    /// What it went through.
    pub phases: Vec<BuildPhase>,
}

/// The environment of a build.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct BuildEnvironment {
    /// Plain variables; `IMAGE_KEY` names the image.
    pub environment_variables: Vec<BuildVariable>,
}

/// A variable of a build.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct BuildVariable {
    /// Its name.
    pub name: String,
    /// Its value.
    #[serde(default)]
    pub value: String,
}

/// Where a build's log is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct BuildLogs {
    /// A page for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deep_link: Option<String>,
}

/// A phase of a build.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct BuildPhase {
    /// Such as `BUILD`.
    pub phase_type: String,
    /// Such as `FAILED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase_status: Option<String>,
    /// Messages, such as `COMMAND_EXECUTION_ERROR: ...`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phase_context: Vec<String>,
}
