//! How GitHub's jobs and runners are described in events.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::ids::{CommitSha, GithubRunnerId, JobId, Repository, RunId};
use crate::spec::Label;

/// What a webhook tells of a job, carried in every event that is about GitHub's side of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobDescription {
    /// The job.
    pub id: JobId,
    /// Its workflow run.
    pub run_id: RunId,
    /// Counts from 1; a re-run has new job ids.
    pub run_attempt: u32,
    /// Where it belongs.
    pub repository: Repository,
    /// Whether that repository is public.
    pub public: bool,
    /// The workflow's name; empty if GitHub did not say.
    #[serde(default)]
    pub workflow: String,
    /// The job's name.
    pub name: String,
    /// Its `runs-on`.
    pub labels: Vec<Label>,
    /// Its page at GitHub.
    #[serde(default)]
    pub html_url: String,
    /// The commit that it runs for; absent if GitHub did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_sha: Option<CommitSha>,
    /// When GitHub created it.
    pub created_at: Timestamp,
}

/// The runner that GitHub says runs a job; it need not be one of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservedRunner {
    /// Its name.
    pub name: String,
    /// Its id at GitHub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<GithubRunnerId>,
}

/// Why a job is (again) in search of a runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QueueCause {
    /// GitHub said that it is queued.
    Webhook,
    /// Its runner was taken by another job.
    RunnerTaken,
    /// Its runner stopped before it ran anything.
    RunnerStopped,
    /// What it waited for has come, or its time to try again.
    Retry,
    /// It waited for an API's limit, and its turn has come.
    Turn,
    /// `cleanup` found it waiting without a word.
    Recovered,
}
