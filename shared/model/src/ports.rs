//! The other ports. Small, in the fleet's own words; each error has the variants that callers branch on.

mod images;

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::check::CheckRun;
use crate::events::{Fact, JobCompleted, JobDescription, JobStarted, ObservedRunner};
use crate::ids::{DeliveryId, GithubRunnerId, JobId, Repository, RunId, RunnerName, TaskId};
use crate::notice::Place;
use crate::rerun::RerunRequest;
use crate::runner::Scope;
use crate::runner_release::RunnerRelease;
use crate::secret::{Secret, SecretReference, Ticket};
use crate::spec::{Capacity, Label, Spec};
use crate::{SignedDuration, Timestamp};

pub use images::{BaseImage, BuildRequest, BuildStatus, Images, ImagesError, Registry, RegistryError};

/// What a task is started from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskImage {
    /// Where to pull it.
    pub uri: String,
    /// Where to pull the image that puts agent and runner on a volume, if they are not in the first.
    pub injector: Option<String>,
}

/// What the fleet is asked to launch. Its runner's name is the idempotency token: the same name twice is one task.
#[derive(Debug, Clone)]
pub struct LaunchRequest {
    /// The runner.
    pub runner: RunnerName,
    /// What it is.
    pub spec: Spec,
    /// How its capacity is bought this time; a Spot runner that failed falls back to on demand.
    pub capacity: Capacity,
    /// What to start it from; none on one machine, where runners are processes.
    pub image: Option<TaskImage>,
    /// What it shows to `register`. The only secret that travels, good once and for minutes.
    pub ticket: Ticket,
    /// Counts from 0: which of the fleet's subnets to begin with.
    pub attempt: u32,
    /// Whether the agent and the runner are to be verbose.
    pub debug: bool,
}

/// Why a task could not be launched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FleetError {
    /// There is none of this capacity now; another subnet or kind may have some.
    #[error("no capacity: {0}")]
    NoCapacity(String),
    /// Too many requests, until a time.
    #[error("throttled until {until}: {reason}")]
    Throttled {
        /// When by the limit's own clock.
        until: Timestamp,
        /// Whose limit.
        reason: String,
    },
    /// The request can never succeed.
    #[error("impossible: {0}")]
    Impossible(String),
    /// No answer, or an error on the other side; it is unknown whether anything was done. Ask again.
    #[error("fleet unavailable: {0}")]
    Unavailable(String),
}

/// A task as the fleet lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// The runner it was launched as (`startedBy`); another fleet's tasks are not listed.
    pub runner: RunnerName,
    /// When it was created.
    pub created_at: Timestamp,
    /// Whether it is on its way down or stopped.
    pub stopping: bool,
}

/// Starts and stops tasks. Their life is told by `ECS Task State Change` events.
#[async_trait]
pub trait Fleet: Send + Sync {
    /// Starts a task, or finds the one already started under this runner's name.
    async fn launch(&self, request: &LaunchRequest) -> Result<TaskId, FleetError>;

    /// Stops a task: SIGTERM, then SIGKILL after its stop timeout. A task that is gone is no error.
    async fn stop(&self, task: &TaskId, reason: &str) -> Result<(), FleetError>;

    /// Every task of this fleet that has not stopped.
    async fn list(&self) -> Result<Vec<Task>, FleetError>;

    /// Forgets what it keeps for images other than these and has kept since before a time: task definitions. Answers
    /// how many. One call forgets some at most; a fleet that keeps nothing has nothing to forget.
    async fn forget_images_except(
        &self,
        _in_use: &BTreeSet<TaskImage>,
        _before: Timestamp,
    ) -> Result<usize, FleetError> {
        Ok(0)
    }
}

/// Why GitHub refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitHubError {
    /// A rate limit, primary or secondary.
    #[error("GitHub's rate limit is used up until {until}")]
    RateLimited {
        /// When by the limit's own clock.
        until: Timestamp,
    },
    /// The runner has a job (422 on deletion).
    #[error("the runner is busy")]
    Busy,
    /// A runner of this name exists (409 on registration).
    #[error("a runner of this name exists already")]
    NameTaken,
    /// There is no such thing, or it may not be seen.
    #[error("not found at GitHub: {0}")]
    NotFound(String),
    /// The credentials do not allow it, or self-hosted runners are disabled.
    #[error("GitHub forbids it: {0}")]
    Forbidden(String),
    /// The credentials were not accepted.
    #[error("GitHub does not accept the credentials: {0}")]
    Unauthorized(String),
    /// The request can never succeed.
    #[error("GitHub calls the request invalid: {0}")]
    Invalid(String),
    /// No answer, an unreadable one, or an error on the other side.
    #[error("GitHub unavailable: {0}")]
    Unavailable(String),
}

/// A registration for exactly one job.
#[derive(Debug, Clone)]
pub struct JitRunner {
    /// The runner's id at GitHub.
    pub id: GithubRunnerId,
    /// The configuration blob: single use, holds a private key, never stored and never logged.
    pub configuration: Secret,
}

/// A runner as GitHub lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRunner {
    /// Its id.
    pub id: GithubRunnerId,
    /// Its name.
    pub name: String,
    /// Whether it is connected.
    pub online: bool,
    /// Where it is registered.
    pub scope: Scope,
}

/// How a job stands at GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobReport {
    /// What it is.
    pub description: JobDescription,
    /// Its status.
    pub status: JobStatus,
}

/// A job's status at GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobStatus {
    /// Not started; `waiting`, `pending` and `requested` are told apart from it by [`JobStatus::Blocked`].
    Queued,
    /// Waits for an approval or for a concurrency group.
    Blocked,
    /// Runs.
    Running {
        /// On which runner.
        runner: String,
        /// That runner's id.
        runner_id: Option<GithubRunnerId>,
        /// Since when.
        started_at: Timestamp,
    },
    /// Ended.
    Completed {
        /// GitHub's word.
        conclusion: String,
        /// The runner that had it.
        runner: Option<String>,
        /// That runner's id.
        runner_id: Option<GithubRunnerId>,
        /// When.
        completed_at: Timestamp,
    },
}

impl JobReport {
    /// The fact that a webhook would have told, if the job has left the queue.
    pub fn fact(&self) -> Option<Fact> {
        let job = self.description.clone();
        match &self.status {
            JobStatus::Queued | JobStatus::Blocked => None,
            JobStatus::Running { runner, runner_id, started_at } => {
                let runner = ObservedRunner { name: runner.clone(), id: *runner_id };
                Some(JobStarted { job, runner, started_at: *started_at }.into())
            }
            JobStatus::Completed { conclusion, runner, runner_id, completed_at } => {
                let runner =
                    runner.as_ref().map(|name| ObservedRunner { name: name.clone(), id: *runner_id });
                let (conclusion, completed_at) = (conclusion.clone(), *completed_at);
                Some(JobCompleted { job, conclusion, runner, completed_at }.into())
            }
        }
    }
}

/// One attempt to deliver a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The attempt's id.
    pub id: DeliveryId,
    /// The delivery's GUID; the same for each attempt.
    pub guid: String,
    /// The event, such as `workflow_job`.
    pub event: String,
    /// When it was tried.
    pub delivered_at: Timestamp,
    /// Whether it was answered with 2xx.
    pub succeeded: bool,
    /// Where it can be asked for again: the App's own webhook, or one of an owner or a repository.
    pub hook: Hook,
}

/// Whose webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hook {
    /// The GitHub App's.
    App,
    /// An organization's, by its id.
    Organization(crate::ids::Owner, u64),
    /// A repository's, by its id.
    Repository(Repository, u64),
}

/// What GitHub made of a request to run jobs again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RerunAnswer {
    /// They are queued anew, under new ids.
    Requested,
    /// Their workflow run has not ended. Nothing of it can be run again before.
    NotYet,
    /// Their workflow run has been run again since.
    Superseded,
}

/// GitHub's API, as far as the fleet needs it. Calls are never repeated by the adapter.
#[async_trait]
pub trait GitHub: Send + Sync {
    /// Registers a runner for one job. The only call in the life of an ordinary job.
    async fn register(
        &self,
        scope: &Scope,
        name: &RunnerName,
        labels: &[Label],
    ) -> Result<JitRunner, GitHubError>;

    /// Removes a runner. GitHub refuses while it is busy ([`GitHubError::Busy`]), which is what protects a running job.
    /// One that is not there is removed already.
    async fn delete_runner(&self, scope: &Scope, id: GithubRunnerId) -> Result<(), GitHubError>;

    /// Finds a runner by its name.
    async fn find_runner(&self, scope: &Scope, name: &str) -> Result<Option<ListedRunner>, GitHubError>;

    /// Every runner at a scope.
    async fn list_runners(&self, scope: &Scope) -> Result<Vec<ListedRunner>, GitHubError>;

    /// How a job stands. Only asked when something is odd.
    ///
    /// GitHub's answer does not say whether the repository is public, so the description's `public` means nothing here;
    /// the job's row knows it from the webhook.
    async fn job(&self, repository: &Repository, job: JobId) -> Result<JobReport, GitHubError>;

    /// The queued jobs of a repository.
    async fn queued_jobs(&self, repository: &Repository) -> Result<Vec<JobReport>, GitHubError>;

    /// Where a run's code comes from; `None` if that repository is gone.
    async fn head_repository(
        &self,
        repository: &Repository,
        run: RunId,
    ) -> Result<Option<Repository>, GitHubError>;

    /// The attempted deliveries since a time, newest first, at most the adapter's page limit.
    async fn deliveries(&self, since: Timestamp) -> Result<Vec<Delivery>, GitHubError>;

    /// Asks for a delivery again. It arrives as a webhook with the same GUID.
    async fn redeliver(&self, delivery: &Delivery) -> Result<(), GitHubError>;

    /// The published releases of GitHub's runner, newest ones at least. Public: asked without credentials. A GitHub
    /// Enterprise Server has none ([`GitHubError::NotFound`]).
    async fn runner_releases(&self) -> Result<Vec<RunnerRelease>, GitHubError>;

    /// Asks for jobs once more (POST, needs the permission to write Actions). Asking twice runs them once: the run is
    /// looked at first, and one that is past the attempt is left alone.
    async fn rerun(&self, request: &RerunRequest) -> Result<RerunAnswer, GitHubError>;

    /// Shows on a commit what became of a job: creates a check run that failed, or has those of the same workflow run and
    /// name succeed. Needs an App with the permission to write Checks ([`GitHubError::Forbidden`] without). One or two
    /// requests; more only where several check runs are to succeed.
    async fn show(&self, check: &CheckRun) -> Result<(), GitHubError>;
}

/// Why Slack did not take a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlackError {
    /// Too many messages; it is to be asked again after a time.
    #[error("Slack takes no more messages for {} s", after.as_secs())]
    Throttled {
        /// Slack's `Retry-After`.
        after: SignedDuration,
    },
    /// The message that is to be changed is not there any more, or cannot be changed any more.
    #[error("the message is gone: {0}")]
    Gone(String),
    /// This message can never be posted, others can: its blocks are wrong. Slack's word for it.
    #[error("Slack refuses the message: {0}")]
    Invalid(String),
    /// Nothing can be posted until somebody mends something: a token, a webhook, a channel. Slack's word for it.
    #[error("Slack refuses: {0}")]
    Refused(String),
    /// No answer, or one that means nothing; whether anything was done is unknown.
    #[error("unavailable: {0}")]
    Unavailable(String),
}

/// A channel of Slack's. Messages are payloads of Block Kit.
#[async_trait]
pub trait Slack: Send + Sync {
    /// Posts a message. Answers where it is; none if it cannot be changed, as with an incoming webhook.
    async fn post(&self, message: &serde_json::Value) -> Result<Option<Place>, SlackError>;

    /// Changes a message that was posted.
    async fn change(&self, place: &Place, message: &serde_json::Value) -> Result<(), SlackError>;

    /// Whether messages can be changed.
    fn can_change(&self) -> bool;
}

/// Why a secret could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("secret {reference} cannot be read: {reason}")]
pub struct SecretError {
    /// Which one.
    pub reference: String,
    /// Why, without the secret.
    pub reason: String,
}

/// Reads secrets. A failure is never remembered.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The secret behind a reference.
    async fn read(&self, reference: &SecretReference) -> Result<Secret, SecretError>;
}

/// Draws tickets: the system's randomness, or a seeded one under virtual time.
pub trait Tickets: Send + Sync {
    /// A fresh ticket.
    fn draw(&self) -> Ticket;
}

/// Tells the time: the system's clock, or a virtual one.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}
