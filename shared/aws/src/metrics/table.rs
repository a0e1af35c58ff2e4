//! Every metric, in one table.

/// In what a metric is counted (CloudWatch API reference, `MetricDatum`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// What CloudWatch has no unit for: US dollars.
    None,
}

impl Unit {
    /// CloudWatch's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Seconds => "Seconds",
            Self::Milliseconds => "Milliseconds",
            Self::None => "None",
        }
    }

    /// Whether several values of one document add up. Times do not; each is listed.
    pub(super) fn adds_up(self) -> bool {
        matches!(self, Self::Count | Self::None)
    }
}

/// A metric of the namespace `Fleetfoot`. All have the dimension `Stack`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// In what it is counted.
    pub unit: Unit,
    /// A second dimension in which it is told as well, and what values that has.
    pub by: Option<(&'static str, &'static [&'static str])>,
    /// What it says.
    pub meaning: &'static str,
}

macro_rules! metrics {
    ($($(#[by($dimension:literal, $values:expr)])? $id:ident = $name:literal, $unit:ident, $meaning:literal;)*) => {
        $(
            #[doc = $meaning]
            pub const $id: Metric = Metric {
                name: $name,
                unit: Unit::$unit,
                by: metrics!(@by $($dimension, $values)?),
                meaning: $meaning,
            };
        )*

        /// Every metric.
        pub const METRICS: &[Metric] = &[$($id),*];
    };
    (@by) => { None };
    (@by $dimension:literal, $values:expr) => { Some(($dimension, $values)) };
}

/// Values of `Reason` of [`JOBS_DEFERRED`].
pub const WAITS: &[&str] = &["backoff", "capacity", "image", "throttled"];
/// Values of `Reason` of [`LAUNCHES_FAILED`].
pub const LAUNCH_FAILURES: &[&str] = &["again", "for-good"];
/// Values of `Reason` of [`RUNNERS_STOPPED`].
pub const STOPS: &[&str] = &[
    "done",
    "failed",
    "interrupted",
    "lost",
    "machine-failed",
    "never-started",
    "not-launched",
    "other",
    "stopped",
];
/// Values of `Function`.
pub const FUNCTIONS: &[&str] =
    &["alarm", "cleanup", "image-build", "ingest", "job-state", "launch", "pool", "register", "task-state"];

metrics! {
    JOBS_WAITING = "JobsWaiting", Count, "Queued jobs without a runner, counted each minute.";
    JOBS_LAUNCHED = "JobsLaunched", Count, "Queued jobs with a runner on its way or idle, counted each minute.";
    JOBS_RUNNING = "JobsRunning", Count, "Jobs that run, counted each minute.";
    RUNNERS_STARTING = "RunnersStarting", Count, "Runners that are reserved or starting, counted each minute.";
    RUNNERS_IDLE = "RunnersIdle", Count, "Registered runners without a job, counted each minute.";
    RUNNERS_BUSY = "RunnersBusy", Count, "Runners with a job, counted each minute.";
    OLDEST_WAITING = "OldestWaiting", Seconds, "Age of the oldest waiting job, looked at each minute.";

    JOBS_QUEUED = "JobsQueued", Count, "Jobs that GitHub said are queued.";
    JOBS_FINISHED = "JobsFinished", Count, "Jobs of ours that ended.";
    JOBS_REJECTED = "JobsRejected", Count, "Jobs that will get no runner.";
    JOBS_EXPIRED = "JobsExpired", Count, "Jobs that were given up after their time.";
    #[by("Reason", WAITS)]
    JOBS_DEFERRED = "JobsDeferred", Count, "Times that a job was told to wait, also by what for.";
    QUEUE_TO_WEBHOOK = "QueueToWebhook", Milliseconds, "From a job's creation at GitHub, which tells whole seconds, to its webhook; long when a lost one was recovered.";
    QUEUE_TO_START = "QueueToStart", Milliseconds, "From a job's creation at GitHub to its start; told when it ends.";

    WEBHOOK_TO_LAUNCH = "WebhookToLaunch", Milliseconds, "From when a job was heard of to its RunTask; long if it had to wait.";
    LAUNCH_TO_UP = "LaunchToUp", Milliseconds, "From RunTask until the task runs.";
    UP_TO_START = "UpToStart", Milliseconds, "From when its task runs until GitHub gives a runner its job; pools left out.";
    RUNNER_IDLE = "RunnerIdle", Seconds, "For how long a runner was registered until it had a job; pools included.";

    LAUNCHES = "Launches", Count, "Tasks that were accepted.";
    #[by("Reason", LAUNCH_FAILURES)]
    LAUNCHES_FAILED = "LaunchesFailed", Count, "Tasks that could not be launched, also by whether trying again is pointless.";
    RUNNERS_TAKEN = "RunnersTaken", Count, "Runners that got another job than the one they were meant for.";
    RUNNERS_INTERRUPTED = "RunnersInterrupted", Count, "Runners that Spot was about to take away.";
    RUNNERS_REAPED = "RunnersReaped", Count, "Tasks and registrations that nobody needed and cleanup removed.";
    #[by("Reason", STOPS)]
    RUNNERS_STOPPED = "RunnersStopped", Count, "Tasks that ended, also by why.";
    RUNNER_COST = "RunnerCost", None, "List price in US dollars of tasks that ended.";

    GITHUB_REQUESTS_LEFT = "GitHubRequestsLeft", Count, "Requests that GitHub still allows the fleet in this hour, as it last said.";
    DELIVERIES_RECOVERED = "DeliveriesRecovered", Count, "Webhooks that had not arrived and were asked for again.";
    IMAGES_FAILED = "ImagesFailed", Count, "Image builds that failed.";
    BREAKER_OPENED = "BreakerOpened", Count, "Times that replacing runners was paused.";

    #[by("Function", FUNCTIONS)]
    EVENTS_FAILED = "EventsFailed", Count, "Events that a function did not handle and that come again, also by function.";
    #[by("Function", FUNCTIONS)]
    EVENTS_MALFORMED = "EventsMalformed", Count, "Events that cannot be read, also by function.";
    #[by("Function", FUNCTIONS)]
    FACTS_UNSENT = "FactsUnsent", Count, "Facts that could not be published, also by function.";
    #[by("Function", FUNCTIONS)]
    NOTICES_UNSENT = "NoticesUnsent", Count, "Notices that nobody could be told, also by function.";
}
