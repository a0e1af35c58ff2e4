//! A job whose runner failed it before it started, or was taken by another job: try again, wait, or give up.

use crate::Timestamp;
use crate::config::Config;
use crate::events::{Fact, QueueCause};
use crate::job::{Job, Waiting};

/// Takes the runner away from a queued job and counts the failure. The first is followed by another try at once (on
/// demand, in another subnet), later ones after ever longer waits; after the last allowed one the job is rejected.
pub fn after_failure(job: &mut Job, reason: &str, config: &Config, now: Timestamp) -> Fact {
    job.failures += 1;
    let attempts = config.limits.launch_attempts;
    if job.failures >= attempts {
        let reason = format!(
            "{attempts} runners were launched for it and none could run it; the last one {reason}. \
             Mend the cause and run the job again"
        );
        let fact = job.rejected(&reason);
        job.reject(&reason, now);
        job.show_failure(config, now);
        return fact;
    }
    let wait = config.timeouts.backoff_after(job.failures);
    if wait.is_zero() {
        job.unassign(None, now, &format!("its runner {reason}"));
        return job.queued_again(QueueCause::RunnerStopped);
    }
    let waiting = Waiting::Backoff { until: now + wait, reason: reason.to_owned() };
    job.defer(waiting, now)
}

/// What a job waits for whose runners other jobs took as often as a job may fail. It is not given up, since nothing is wrong
/// with it and it still waits at GitHub; but each further runner comes after a longer wait, at the end of which `cleanup`
/// asks GitHub how it stands.
pub fn after_takeovers(job: &Job, config: &Config, now: Timestamp) -> Option<Waiting> {
    let beyond = job.replacements.checked_sub(config.limits.launch_attempts)?;
    let until = now + config.timeouts.backoff_after(beyond + 2);
    let reason = format!("{} of its runners were taken by other jobs", job.replacements);
    Some(Waiting::Backoff { until, reason })
}
