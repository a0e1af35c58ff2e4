//! A job whose runner failed it before it started: try again, wait, or give up.

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
