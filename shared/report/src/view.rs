//! What `--json` answers. Names are camelCase, times RFC 3339 in UTC, and what is not known is `null`. Changes are
//! additive.

use fleetfoot_model::events::JobDescription;
use fleetfoot_model::ids::{GithubRunnerId, JobId, PoolName, RunnerName, TaskId};
use fleetfoot_model::job::{Job, JobState, Waiting};
use fleetfoot_model::price::usd;
use fleetfoot_model::runner::{Registration, Runner, RunnerState, StopReason};
use fleetfoot_model::spec::{Label, Spec};
use fleetfoot_model::timeline::{Step, Timeline};
use fleetfoot_model::{SignedDuration, Timestamp};
use serde::Serialize;

/// A job.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobView<'a> {
    /// `id`, `runId`, `runAttempt`, `repository`, `public`, `workflow`, `name`, `labels`, `htmlUrl`, `createdAt`.
    #[serde(flatten)]
    description: &'a JobDescription,
    /// `queued`, `running`, `finished`, `rejected` or `expired`.
    state: &'static str,
    /// Why it was rejected or given up.
    reason: Option<&'a str>,
    /// On what it waits: `for` is `capacity`, `image`, `throttled` or `backoff`.
    waiting: Option<&'a Waiting>,
    /// The runner that is meant for it, has it or had it.
    runner: Option<&'a str>,
    /// GitHub's word: `success`, `failure`, `cancelled`, ...
    conclusion: Option<&'a str>,
    /// What its labels mean.
    spec: Option<&'a Spec>,
    started_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    changed_at: Timestamp,
    /// How many runners were launched for it, how many of them failed, how often one was taken by another job.
    launches: u32,
    failures: u32,
    replacements: u32,
}

impl<'a> From<&'a Job> for JobView<'a> {
    fn from(job: &'a Job) -> Self {
        let conclusion = match &job.state {
            JobState::Finished { conclusion, .. } => Some(conclusion.as_str()),
            _ => None,
        };
        Self {
            description: &job.description,
            state: state_name(&job.state),
            reason: reason(&job.state),
            waiting: job.waiting(),
            runner: runner_of(&job.state),
            conclusion,
            spec: job.spec.as_ref(),
            started_at: job.started_at,
            ended_at: job.ended_at(),
            changed_at: job.changed_at,
            launches: job.launches,
            failures: job.failures,
            replacements: job.replacements,
        }
    }
}

/// One word for where a job is.
pub fn state_name(state: &JobState) -> &'static str {
    match state {
        JobState::Queued { .. } => "queued",
        JobState::Running { .. } => "running",
        JobState::Finished { .. } => "finished",
        JobState::Rejected { .. } => "rejected",
        JobState::Expired { .. } => "expired",
    }
}

/// Why it was rejected or given up.
pub fn reason(state: &JobState) -> Option<&str> {
    match state {
        JobState::Rejected { reason, .. } | JobState::Expired { reason, .. } => Some(reason),
        _ => None,
    }
}

/// The runner that is meant for a job, has it or had it.
pub fn runner_of(state: &JobState) -> Option<&str> {
    match state {
        JobState::Queued { runner, .. } => runner.as_ref().map(RunnerName::as_str),
        JobState::Running { runner, .. } => Some(runner),
        JobState::Finished { runner, .. } => runner.as_deref(),
        JobState::Rejected { .. } | JobState::Expired { .. } => None,
    }
}

/// A runner. Its tickets are nobody's business.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunnerView<'a> {
    name: &'a RunnerName,
    /// `reserved`, `launched`, `registered`, `busy` or `stopped`.
    state: &'static str,
    /// The job it is meant for, has or had.
    job: Option<JobId>,
    pool: Option<&'a PoolName>,
    /// Where it registers: `organization acme` or `repository acme/app`.
    scope: String,
    spec: &'a Spec,
    labels: &'a [Label],
    task: Option<&'a TaskId>,
    /// What GitHub may know of it: `none`, `pending`, `uncertain`, `present` or `gone`.
    registration: &'static str,
    github_id: Option<GithubRunnerId>,
    /// Why it is being let go.
    dismissed: Option<&'a str>,
    /// Why it stopped: `because` is `done`, `failed`, `neverStarted`, `notLaunched`, `interrupted`, `stopped`, `lost`
    /// or `other`.
    stop_reason: Option<&'a StopReason>,
    reserved_at: Timestamp,
    register_by: Timestamp,
    started_at: Option<Timestamp>,
    stopped_at: Option<Timestamp>,
    changed_at: Timestamp,
    /// List price of its time, once it stopped.
    cost_usd: Option<f64>,
}

impl<'a> From<&'a Runner> for RunnerView<'a> {
    fn from(runner: &'a Runner) -> Self {
        Self {
            name: &runner.name,
            state: runner.state.name(),
            job: runner.job,
            pool: runner.pool.as_ref(),
            scope: runner.scope.to_string(),
            spec: &runner.spec,
            labels: &runner.labels,
            task: runner.task.as_ref(),
            registration: registration_name(runner.registration),
            github_id: runner.github_id,
            dismissed: runner.dismissed.as_deref(),
            stop_reason: stop_reason(runner),
            reserved_at: runner.reserved_at,
            register_by: runner.register_by,
            started_at: runner.started_at,
            stopped_at: runner.stopped_at,
            changed_at: runner.changed_at,
            cost_usd: cost_usd(runner),
        }
    }
}

/// Why it stopped.
pub fn stop_reason(runner: &Runner) -> Option<&StopReason> {
    match &runner.state {
        RunnerState::Stopped(reason) => Some(reason),
        _ => None,
    }
}

/// List price of its time, once it stopped.
pub fn cost_usd(runner: &Runner) -> Option<f64> {
    runner.cost_micro_usd.map(usd)
}

/// One word for what GitHub may know of a runner.
pub fn registration_name(registration: Registration) -> &'static str {
    match registration {
        Registration::None => "none",
        Registration::Pending { .. } => "pending",
        Registration::Uncertain => "uncertain",
        Registration::Present => "present",
        Registration::Gone => "gone",
    }
}

/// A step of a timeline.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepView<'a> {
    at: Timestamp,
    what: &'a str,
    /// Since the step before it; negative where the fleet learned of something late.
    since_previous_millis: Option<i64>,
}

/// The steps of a timeline.
pub fn steps(timeline: &Timeline) -> Vec<StepView<'_>> {
    with_spans(timeline)
        .map(|(step, since)| StepView {
            at: step.at,
            what: &step.what,
            since_previous_millis: since.map(|since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
        })
        .collect()
}

/// Steps with the time since the one before.
pub fn with_spans(timeline: &Timeline) -> impl Iterator<Item = (&Step, Option<SignedDuration>)> {
    let steps = timeline.steps();
    steps.iter().enumerate().map(move |(n, step)| {
        let before = n.checked_sub(1).and_then(|n| steps.get(n));
        (step, before.map(|before| step.at.duration_since(before.at)))
    })
}

/// A runner and what happened to it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunnerDetails<'a> {
    #[serde(flatten)]
    runner: RunnerView<'a>,
    timeline: Vec<StepView<'a>>,
}

impl<'a> From<&'a Runner> for RunnerDetails<'a> {
    fn from(runner: &'a Runner) -> Self {
        Self { runner: runner.into(), timeline: steps(&runner.timeline) }
    }
}
