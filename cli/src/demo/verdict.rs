//! Whether every job ended as it should and nothing is left.

use fleetfoot_model::job::JobState;
use serde_json::{Value, json};

use super::cast::Part;
use super::stage::{Act, Played};
use crate::failure::Failure;
use crate::remedy::REPORT;
use crate::text::safe;

/// The end of the demo, in figures.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    jobs: usize,
    finished: usize,
    rejected: usize,
    cancelled: usize,
    unexpected: Vec<String>,
    runners_left: usize,
    registrations_left: usize,
    github_calls_per_job: f64,
    jit_requests: u64,
    /// Sorted, in milliseconds.
    queue_to_start: Vec<u64>,
    seconds: f64,
}

impl Verdict {
    #[expect(clippy::cast_precision_loss, reason = "a demo makes fewer than 2^52 calls")]
    pub(crate) fn of(played: &Played) -> Self {
        let mut verdict = Self {
            jobs: played.acts.len(),
            runners_left: played.runners_left,
            registrations_left: played.registrations_left,
            github_calls_per_job: round(played.github_calls as f64 / played.acts.len() as f64),
            jit_requests: played.jit_requests,
            seconds: round(played.took.as_secs_f64()),
            ..Self::default()
        };
        for act in &played.acts {
            verdict.judge(act);
        }
        if played.ran_twice > 0 {
            verdict.unexpected.push(format!("{} jobs ran twice", played.ran_twice));
        }
        verdict.queue_to_start.sort_unstable();
        verdict
    }

    fn judge(&mut self, act: &Act) {
        let state = act.in_fleet.as_ref().map(|job| &job.state);
        let conclusion = act.at_github.conclusion.as_deref();
        self.queue_to_start.extend(queue_to_start(act));
        match (act.role.part, state, conclusion) {
            (Part::Runs, Some(JobState::Finished { .. }) | None, Some("success")) => self.finished += 1,
            (Part::IsRefused, Some(JobState::Rejected { .. }), _) => self.rejected += 1,
            (Part::IsCancelled, Some(JobState::Finished { .. }) | None, Some("cancelled")) => {
                self.cancelled += 1;
            }
            (part, state, conclusion) => {
                let name = safe(&act.role.order.name);
                let at_github = conclusion.unwrap_or("not ended");
                self.unexpected.push(format!(
                    "job {} ({name}, {part:?}): {at_github} at GitHub, here {state:?}",
                    act.id
                ));
            }
        }
    }

    fn is_good(&self) -> bool {
        self.unexpected.is_empty() && self.runners_left == 0 && self.registrations_left == 0
    }

    /// The last line of `--json`.
    pub(crate) fn json(&self) -> Value {
        json!({
            "jobs": self.jobs,
            "finished": self.finished,
            "rejected": self.rejected,
            "cancelled": self.cancelled,
            "unexpected": self.unexpected,
            "runnersLeft": self.runners_left,
            "registrationsLeft": self.registrations_left,
            "githubCallsPerJob": self.github_calls_per_job,
            "jitRequests": self.jit_requests,
            "queueToStartMillis": { "p50": self.percentile(50), "p99": self.percentile(99) },
            "seconds": self.seconds,
        })
    }

    /// The last lines for a person.
    pub(crate) fn words(&self) -> String {
        let Self { jobs, finished, rejected, cancelled, runners_left, registrations_left, .. } = self;
        format!(
            "{jobs} jobs in {:.1} s: {finished} finished, {rejected} rejected with a reason, {cancelled} cancelled\n\
             left over: {runners_left} runners, {registrations_left} registrations at GitHub\n\
             {:.2} calls to GitHub for each job, {} of them registrations\n\
             from queued to started: half within {} ms, 99% within {} ms\n",
            self.seconds,
            self.github_calls_per_job,
            self.jit_requests,
            self.percentile(50),
            self.percentile(99),
        )
    }

    /// Why the demo failed, if it did.
    pub(crate) fn failures(&self) -> Vec<Failure> {
        if self.is_good() {
            return Vec::new();
        }
        let mut failure = Failure::new("not every job ended as it should, or something is left")
            .hint(format!("FLEETFOOT_LOG=info tells more of what happened; {REPORT}"));
        failure.causes.clone_from(&self.unexpected);
        vec![failure]
    }

    /// The least value that so many percent do not exceed; 0 if nothing started.
    fn percentile(&self, percent: usize) -> u64 {
        let rank = (self.queue_to_start.len() * percent).div_ceil(100);
        self.queue_to_start.get(rank.saturating_sub(1)).copied().unwrap_or(0)
    }
}

fn queue_to_start(act: &Act) -> Option<u64> {
    let (started, _) = act.at_github.started()?;
    u64::try_from(started.duration_since(act.at_github.queued_at?).as_millis()).ok()
}

fn round(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let verdict = Verdict { queue_to_start: (1..=200).collect(), ..Verdict::default() };
        assert_eq!((verdict.percentile(50), verdict.percentile(99)), (100, 198));
        assert_eq!(Verdict { queue_to_start: vec![7], ..Verdict::default() }.percentile(50), 7);
        assert_eq!(Verdict::default().percentile(99), 0);
    }
}
