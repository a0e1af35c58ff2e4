//! Times in a workflow against those of the fleet.

use fleetfoot_model::SignedDuration;
use fleetfoot_model::config::Config;

use super::finding::{Finding, Severity, finding};
use super::workflow::Job;
use crate::times::span;

/// GitHub's `timeout-minutes` of a job that says none.
const DEFAULT_MINUTES: f64 = 360.0;

/// Whether a job may run for longer than the fleet follows it.
pub(super) fn check(job: &Job, config: &Config) -> Option<Finding> {
    let most = config.timeouts.running;
    let node = job.node.get("timeout-minutes");
    let minutes = match node {
        None => DEFAULT_MINUTES,
        Some(node) => {
            let text = node.text()?;
            if text.contains("${{") {
                return None;
            }
            match text.parse::<f64>() {
                Ok(minutes) if minutes > 0.0 => minutes,
                _ => {
                    let message = format!("timeout-minutes is {text:?}; it has to be a number above 0");
                    return Some(finding(Severity::Error, "invalid-workflow", node.at, message));
                }
            }
        }
    };
    if minutes * 60.0 <= most.as_secs_f64() {
        return None;
    }
    let (at, what) = match node {
        Some(node) => (node.at, format!("it may run for {minutes} minutes")),
        None => (job.at, format!("without timeout-minutes it may run for {DEFAULT_MINUTES} minutes")),
    };
    let message =
        format!("{what}; the fleet gives it up after {}", span(SignedDuration::from_secs(most.as_secs())));
    Some(
        finding(Severity::Warning, "timeout", at, message)
            .hint(format!("timeout-minutes: {}, or raise [timeouts] running_seconds", most.as_mins())),
    )
}
