//! The facts of the fleet. A fact is past tense, small, and carries no secret.
//!
//! One name everywhere: the type `JobQueued` is the detail-type `"JobQueued"` and the sample `events/job-queued.json`.
//! Changes are additive; old samples parse for ever.

#[macro_use]
mod facts;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
pub use crate::description::{JobDescription, ObservedRunner, QueueCause};
use crate::digest::Digest;
use crate::ids::{
    BaseKey, BuildId, GithubRunnerId, ImageKey, JobId, PoolName, Repository, RunId, RunnerName, TaskId,
};
use crate::image::ImageReference;
use crate::runner::StopReason;
use crate::spec::{Arch, Spec};
use crate::waiting::{Waited, Waiting};

facts! {
    /// A job looks for a runner.
    JobQueued {
        /// The job.
        job: JobDescription,
        /// Why now.
        cause: QueueCause,
    }
    /// A job waits for an approval at GitHub; it will be queued when it is given.
    JobWaiting {
        /// The job.
        job: JobDescription,
    }
    /// GitHub gave a job to a runner.
    JobStarted {
        /// The job.
        job: JobDescription,
        /// The runner that has it.
        runner: ObservedRunner,
        /// When.
        started_at: Timestamp,
    }
    /// A job ended at GitHub, whether or not it ever ran.
    JobCompleted {
        /// The job.
        job: JobDescription,
        /// GitHub's word: `success`, `failure`, `cancelled`, `skipped`, `timed_out`, ...
        conclusion: String,
        /// The runner that had it, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")] runner: Option<ObservedRunner>,
        /// When.
        completed_at: Timestamp,
    }
    /// A workflow run was requested. Tells where its code comes from, which a job's webhook does not.
    RunRequested {
        /// The run.
        run_id: RunId,
        /// Where it runs.
        repository: Repository,
        /// Where its code comes from; absent if that repository is gone.
        #[serde(default, skip_serializing_if = "Option::is_none")] head_repository: Option<Repository>,
        /// What triggered it, such as `push` or `pull_request`.
        event: String,
    }
    /// A queued job was given a runner that was there already.
    JobMatched {
        /// The job.
        job: JobId,
        /// The runner, warm or left over by another job.
        runner: RunnerName,
    }
    /// A task was accepted for a runner.
    RunnerLaunched {
        /// The runner.
        runner: RunnerName,
        /// Its task.
        task: TaskId,
        /// The job it was launched for; none for a pool's.
        #[serde(default, skip_serializing_if = "Option::is_none")] job: Option<JobId>,
        /// What it is.
        spec: Spec,
        /// When its job was heard of.
        #[serde(default, skip_serializing_if = "Option::is_none")] heard_at: Option<Timestamp>,
        /// When its capacity was taken and its task asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")] reserved_at: Option<Timestamp>,
        /// What its job waited for last, if it waited. Not told again.
        #[serde(default, skip_serializing_if = "Option::is_none")] waited: Option<Waited>,
    }
    /// A job waits.
    JobDeferred {
        /// The job.
        job: JobId,
        /// Where it belongs.
        repository: Repository,
        /// On what.
        waiting: Waiting,
    }
    /// An API's limit is used up: no task is asked for until a time, and those that wait are served in turns after it.
    LaunchesPaused {
        /// Which turn comes next. Each gives the next its number.
        turn: u64,
        /// No task is asked for before, by the limit's own clock.
        until: Timestamp,
        /// Whose limit.
        reason: String,
    }
    /// A job will get no runner. A person hears of it.
    JobRejected {
        /// The job.
        job: JobId,
        /// Where it belongs.
        repository: Repository,
        /// The job's name.
        name: String,
        /// Its page at GitHub.
        html_url: String,
        /// What was found, what is allowed, what to do.
        reason: String,
    }
    /// A job needs an image that is not there.
    ImageRequested {
        /// The base.
        key: BaseKey,
        /// The base as a label names it.
        image: ImageReference,
        /// For which processors.
        arch: Arch,
        /// Who asked first; none if it was a pool.
        #[serde(default, skip_serializing_if = "Option::is_none")] repository: Option<Repository>,
    }
    /// A task could not be launched.
    LaunchFailed {
        /// The runner that is not to be.
        runner: RunnerName,
        /// The job that waits for it; none for a pool's.
        #[serde(default, skip_serializing_if = "Option::is_none")] job: Option<JobId>,
        /// What the fleet answered.
        reason: String,
        /// Whether trying again is pointless. Then a person hears of it.
        for_good: bool,
    }
    /// A task is up and its runner is registered at GitHub.
    RunnerRegistered {
        /// The runner.
        runner: RunnerName,
        /// Its id at GitHub.
        github_id: GithubRunnerId,
        /// The job it is meant for; GitHub may give it another.
        #[serde(default, skip_serializing_if = "Option::is_none")] job: Option<JobId>,
        /// When its task ran first, if that is known already.
        #[serde(default, skip_serializing_if = "Option::is_none")] up_at: Option<Timestamp>,
        /// When it registered.
        #[serde(default, skip_serializing_if = "Option::is_none")] registered_at: Option<Timestamp>,
    }
    /// A task came up and was sent home: there was no work for it any more.
    RunnerDismissed {
        /// The runner.
        runner: RunnerName,
        /// Why.
        reason: String,
    }
    /// A runner has a job.
    RunnerBusy {
        /// The runner.
        runner: RunnerName,
        /// The job that GitHub gave it.
        job: JobId,
        /// The job it was meant for, if it is another.
        #[serde(default, skip_serializing_if = "Option::is_none")] taken_from: Option<JobId>,
        /// When its task ran first.
        #[serde(default, skip_serializing_if = "Option::is_none")] up_at: Option<Timestamp>,
        /// When it registered.
        #[serde(default, skip_serializing_if = "Option::is_none")] registered_at: Option<Timestamp>,
        /// When its job started, by GitHub's clock.
        #[serde(default, skip_serializing_if = "Option::is_none")] started_at: Option<Timestamp>,
    }
    /// A runner without work was removed from GitHub, and then its task stopped.
    RunnerReleased {
        /// The runner.
        runner: RunnerName,
        /// Why.
        reason: String,
    }
    /// A job of ours ended.
    JobFinished {
        /// The job.
        job: JobId,
        /// Where it belongs.
        repository: Repository,
        /// GitHub's word.
        conclusion: String,
        /// The runner that had it.
        #[serde(default, skip_serializing_if = "Option::is_none")] runner: Option<String>,
        /// From queued to started, in milliseconds, if it started.
        #[serde(default, skip_serializing_if = "Option::is_none")] queue_to_start_millis: Option<u64>,
        /// When GitHub created it.
        #[serde(default, skip_serializing_if = "Option::is_none")] created_at: Option<Timestamp>,
        /// When it started, if it did.
        #[serde(default, skip_serializing_if = "Option::is_none")] started_at: Option<Timestamp>,
        /// When it ended.
        #[serde(default, skip_serializing_if = "Option::is_none")] completed_at: Option<Timestamp>,
    }
    /// A runner's task runs.
    RunnerStarted {
        /// The runner.
        runner: RunnerName,
        /// Its task.
        task: TaskId,
        /// The job it is meant for.
        #[serde(default, skip_serializing_if = "Option::is_none")] job: Option<JobId>,
        /// When its task was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")] reserved_at: Option<Timestamp>,
        /// When its task ran first.
        #[serde(default, skip_serializing_if = "Option::is_none")] up_at: Option<Timestamp>,
    }
    /// A runner's task is about to be taken away (Spot); it has two minutes.
    RunnerInterrupted {
        /// The runner.
        runner: RunnerName,
        /// The job it has, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")] job: Option<JobId>,
    }
    /// A runner's task stopped and its capacity is free.
    RunnerStopped {
        /// The runner.
        runner: RunnerName,
        /// The job it had or was meant for.
        #[serde(default, skip_serializing_if = "Option::is_none")] job: Option<JobId>,
        /// Why it stopped.
        reason: StopReason,
        /// List price of its time, in USD.
        cost_usd: f64,
    }
    /// An image build runs.
    ImageBuildStarted {
        /// The image to be.
        key: ImageKey,
        /// The base as the label names it that first asked.
        image: ImageReference,
        /// The build.
        build: BuildId,
    }
    /// A base is served; the jobs that wait for it can be launched.
    ImageReady {
        /// The base.
        key: BaseKey,
        /// The base as a label names it.
        image: ImageReference,
        /// What is pulled to start a runner.
        uri: String,
    }
    /// A base cannot be served; the jobs that wait for it are rejected. A person hears of it.
    ImageFailed {
        /// The base.
        key: BaseKey,
        /// The base as a label names it.
        image: ImageReference,
        /// What its registry said, or the phase of the build and its message.
        reason: String,
        /// Where to read more.
        #[serde(default, skip_serializing_if = "Option::is_none")] log_url: Option<String>,
    }
    /// `cleanup` removed something that nobody needed.
    RunnerReaped {
        /// The runner's name; it may be unknown to the ledger.
        runner: String,
        /// What was found and what was done.
        reason: String,
    }
    /// A job that is ours was given up after its time. A person hears of it.
    JobExpired {
        /// The job.
        job: JobId,
        /// Where it belongs.
        repository: Repository,
        /// The job's name.
        name: String,
        /// Its page at GitHub.
        html_url: String,
        /// How long it had been what.
        reason: String,
    }
    /// GitHub took the request to run a job again whose runner had lost its machine. It is queued under a new id.
    JobRerunRequested {
        /// The job that failed.
        job: JobId,
        /// Where it belongs.
        repository: Repository,
        /// The job's name.
        name: String,
        /// Its page at GitHub.
        html_url: String,
        /// Which attempt of its workflow run failed, from 1.
        run_attempt: u32,
        /// What became of its machine.
        reason: String,
    }
    /// A job whose runner had lost its machine could not be run again. A person hears of it.
    JobRerunRefused {
        /// The job that failed.
        job: JobId,
        /// Where it belongs.
        repository: Repository,
        /// The job's name.
        name: String,
        /// Its page at GitHub.
        html_url: String,
        /// What was refused, by whom, and what to do.
        reason: String,
    }
    /// GitHub forbids the check runs that commits are to show. Told once until it takes one. A person hears of it.
    CheckRunsRefused {
        /// Whose commit it was.
        repository: Repository,
        /// What GitHub said, and what to do.
        reason: String,
        /// It is not asked again before.
        until: Timestamp,
    }
    /// A webhook that had not arrived was asked for again.
    DeliveryRecovered {
        /// GitHub's GUID of the delivery; it stays the same when delivered again.
        guid: String,
        /// The webhook's event.
        event: String,
        /// When GitHub first tried.
        delivered_at: Timestamp,
    }
    /// The fleet at one moment, counted from the ledger.
    FleetMeasured {
        /// Queued jobs without a runner.
        jobs_waiting: u64,
        /// Queued jobs with a runner on its way or idle.
        jobs_launched: u64,
        /// Jobs that run.
        jobs_running: u64,
        /// Runners that are reserved or starting.
        runners_starting: u64,
        /// Registered runners without a job.
        runners_idle: u64,
        /// Runners with a job.
        runners_busy: u64,
        /// Age of the oldest waiting job, in seconds.
        oldest_waiting_seconds: u64,
    }
    /// A pool is short of a warm runner.
    RunnerWanted {
        /// The pool.
        pool: PoolName,
        /// The n-th runner of the pool; the same number twice is the same runner.
        sequence: u64,
    }
    /// GitHub soon stops serving, or serves no more, the release of its runner that images are made with. Told once a
    /// day. A person hears of it.
    RunnerReleaseAging {
        /// The pinned release, such as `2.330.0`.
        version: String,
        /// The newest release.
        newest: String,
        /// Until when GitHub sends jobs to the pinned one.
        served_until: Timestamp,
    }
    /// So much of the budget of a month or a day is spent. Told once for each percentage of `[budget] alert_percent`. A
    /// person hears of it.
    BudgetReached {
        /// The month or the day of UTC: `YYYY-MM` or `YYYY-MM-DD`.
        period: String,
        /// The highest percentage that is reached.
        percent: u32,
        /// The budget, in USD.
        budget_usd: f64,
        /// What runners cost so far, in USD, by list price.
        spent_usd: f64,
    }
    /// A day is over, and this is what became of it: the daily digest. A person hears of it.
    DayReported {
        /// The day in numbers.
        digest: Digest,
    }
    /// So many runners had to be replaced that replacing is paused. A person hears of it.
    BreakerOpened {
        /// How many replacements are allowed in ten minutes.
        limit: u64,
        /// When replacing goes on.
        until: Timestamp,
    }
}
