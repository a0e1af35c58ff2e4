//! What a fact tells in numbers. Only what it carries; nothing is looked up and nothing guessed.

use fleetfoot_model::Timestamp;
use fleetfoot_model::events::{Fact, FleetMeasured, QueueCause, RunnerBusy};
use fleetfoot_model::ids::Origin;
use fleetfoot_model::runner::StopReason;
use fleetfoot_model::waiting::Waiting;

use super::table::{self as metric, Metric};
use super::{Sample, count};

/// A fact's values.
pub(super) fn samples(fact: &Fact, now: Timestamp) -> Vec<Sample> {
    match fact {
        Fact::FleetMeasured(it) => fleet(it),
        // Only the webhook's own: a job that is queued again was created long before.
        Fact::JobQueued(it) if it.cause == QueueCause::Webhook => {
            let millis = now.duration_since(it.job.created_at).as_millis();
            let millis = u64::try_from(millis).unwrap_or_default();
            vec![one(metric::JOBS_QUEUED), value(metric::QUEUE_TO_WEBHOOK, count(millis))]
        }
        Fact::JobFinished(it) => {
            let waited = it.queue_to_start_millis.map(|millis| value(metric::QUEUE_TO_START, count(millis)));
            [one(metric::JOBS_FINISHED)].into_iter().chain(waited).collect()
        }
        Fact::JobDeferred(it) => vec![one_by(metric::JOBS_DEFERRED, wait(&it.waiting))],
        Fact::LaunchFailed(it) => {
            vec![one_by(metric::LAUNCHES_FAILED, if it.for_good { "for-good" } else { "again" })]
        }
        Fact::RunnerStopped(it) => {
            vec![one_by(metric::RUNNERS_STOPPED, stop(&it.reason)), value(metric::RUNNER_COST, it.cost_usd)]
        }
        Fact::RunnerBusy(it) => busy(it),
        Fact::RunnerLaunched(it) => {
            let waited = millis(metric::WEBHOOK_TO_LAUNCH, it.heard_at, it.reserved_at);
            [one(metric::LAUNCHES)].into_iter().chain(waited).collect()
        }
        Fact::RunnerStarted(it) => {
            millis(metric::LAUNCH_TO_UP, it.reserved_at, it.up_at).into_iter().collect()
        }
        Fact::JobRejected(_) => vec![one(metric::JOBS_REJECTED)],
        Fact::JobExpired(_) => vec![one(metric::JOBS_EXPIRED)],
        Fact::RunnerInterrupted(_) => vec![one(metric::RUNNERS_INTERRUPTED)],
        Fact::RunnerReaped(_) => vec![one(metric::RUNNERS_REAPED)],
        Fact::DeliveryRecovered(_) => vec![one(metric::DELIVERIES_RECOVERED)],
        Fact::ImageFailed(_) => vec![one(metric::IMAGES_FAILED)],
        Fact::BreakerOpened(_) => vec![one(metric::BREAKER_OPENED)],
        _ => Vec::new(),
    }
}

/// A warm runner is up long before its job, on purpose.
fn busy(it: &RunnerBusy) -> Vec<Sample> {
    let is_of_a_job = matches!(it.runner.origin(), Origin::Job { .. });
    let up_at = it.up_at.filter(|_| is_of_a_job);
    let taken = it.taken_from.map(|_| one(metric::RUNNERS_TAKEN));
    let start = millis(metric::UP_TO_START, up_at, it.started_at);
    let idle = millis(metric::RUNNER_IDLE, it.registered_at, it.started_at);
    let idle = idle.map(|it| Sample { value: it.value / 1000.0, ..it });
    taken.into_iter().chain(start).chain(idle).collect()
}

/// Between two moments, if both are known; not below zero, as they may be told by the clocks of two machines.
fn millis(metric: Metric, from: Option<Timestamp>, to: Option<Timestamp>) -> Option<Sample> {
    let millis = to?.duration_since(from?).as_millis();
    Some(value(metric, count(u64::try_from(millis).unwrap_or_default())))
}

/// Of a fleet without jobs and runners nothing is told: CloudWatch bills a metric for each hour in which it is told a
/// value, and an idle fleet is to cost nothing.
fn fleet(it: &FleetMeasured) -> Vec<Sample> {
    let gauges = [
        (metric::JOBS_WAITING, it.jobs_waiting),
        (metric::JOBS_LAUNCHED, it.jobs_launched),
        (metric::JOBS_RUNNING, it.jobs_running),
        (metric::RUNNERS_STARTING, it.runners_starting),
        (metric::RUNNERS_IDLE, it.runners_idle),
        (metric::RUNNERS_BUSY, it.runners_busy),
        (metric::OLDEST_WAITING, it.oldest_waiting_seconds),
    ];
    if gauges.iter().all(|(_, now)| *now == 0) {
        return Vec::new();
    }
    gauges.into_iter().map(|(metric, now)| value(metric, count(now))).collect()
}

fn value(metric: Metric, value: f64) -> Sample {
    Sample { metric, by: None, value }
}

fn one(metric: Metric) -> Sample {
    value(metric, 1.0)
}

fn one_by(metric: Metric, reason: &'static str) -> Sample {
    Sample { metric, by: Some(reason), value: 1.0 }
}

fn wait(waiting: &Waiting) -> &'static str {
    match waiting {
        Waiting::Capacity { .. } => "capacity",
        Waiting::Image { .. } => "image",
        Waiting::Throttled { .. } => "throttled",
        Waiting::Backoff { .. } => "backoff",
    }
}

fn stop(reason: &StopReason) -> &'static str {
    match reason {
        StopReason::Done => "done",
        StopReason::Failed { .. } => "failed",
        StopReason::NeverStarted { .. } => "never-started",
        StopReason::NotLaunched { .. } => "not-launched",
        StopReason::Interrupted => "interrupted",
        StopReason::MachineFailed { .. } => "machine-failed",
        StopReason::Stopped { .. } => "stopped",
        StopReason::Lost => "lost",
        StopReason::Other { .. } => "other",
    }
}
