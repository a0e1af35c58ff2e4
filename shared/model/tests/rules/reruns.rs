//! Which failed jobs are run again.

use fleetfoot_model::job::Job;
use fleetfoot_model::record::{Index, Record};
use fleetfoot_model::rerun::{MOST_RUN_ATTEMPTS, Rerun, after_loss};
use fleetfoot_model::runner::{Runner, StopReason};

use crate::{fleet, job, now, runner};

const NAME: &str = "ff-1-1";

fn ended(conclusion: &str, runner: Option<&str>, attempt: u32) -> Job {
    let mut job = job(1);
    std::sync::Arc::make_mut(&mut job.description).run_attempt = attempt;
    job.finish(conclusion, runner, now(), now());
    job
}

fn stopped(reason: StopReason) -> Runner {
    let mut runner = runner(NAME, Some(1), "self-hosted class:small");
    runner.stop(reason, now());
    runner
}

fn last(job: &Job) -> &str {
    job.timeline.steps().last().map_or("", |step| step.what.as_str())
}

#[test]
fn only_a_job_that_failed_on_a_runner_that_was_taken_away_is_run_again() {
    let mut on = fleet();
    on.recovery.rerun_interrupted = true;
    let failed = || StopReason::Failed { exit_code: Some(137), reason: "killed".to_owned() };
    let machine = || StopReason::MachineFailed { reason: "gone".to_owned() };
    for (conclusion, ran_on, reason, expected) in [
        ("failure", Some(NAME), StopReason::Interrupted, true),
        ("cancelled", Some(NAME), StopReason::Interrupted, true),
        ("failure", Some(NAME), StopReason::Lost, true),
        ("failure", Some(NAME), machine(), true),
        ("success", Some(NAME), StopReason::Interrupted, false),
        ("failure", Some("gpu-box"), StopReason::Interrupted, false),
        ("cancelled", None, StopReason::Interrupted, false),
        ("failure", Some(NAME), StopReason::Done, false),
        ("failure", Some(NAME), failed(), false),
    ] {
        let mut job = ended(conclusion, ran_on, 1);
        let runner = stopped(reason.clone());
        assert_eq!(after_loss(&mut job, &runner, &on, now()), expected, "{conclusion} {ran_on:?} {reason}");
        assert_eq!(job.rerun.as_ref().is_some_and(Rerun::is_open), expected);
        assert!(!after_loss(&mut job, &runner, &on, now()), "it counts once");
        let index = Record::from(job).index().map(|(index, _)| index);
        assert_eq!(index, Some(if expected { Index::Active } else { Index::Ended }));
    }
    let running = runner(NAME, Some(1), "self-hosted class:small");
    assert!(!after_loss(&mut ended("failure", Some(NAME), 1), &running, &on, now()), "its task still runs");
}

#[test]
fn what_is_not_run_again_says_why() {
    let (off, mut on) = (fleet(), fleet());
    on.recovery.rerun_interrupted = true;
    for (config, attempt, words) in [
        (&off, 1, "rerun_interrupted = true under [recovery] would do that"),
        (&on, MOST_RUN_ATTEMPTS, "attempt 3 of its workflow run is the last"),
    ] {
        let mut job = ended("failure", Some(NAME), attempt);
        assert!(after_loss(&mut job, &stopped(StopReason::Interrupted), config, now()));
        assert!(last(&job).contains(words), "{}", last(&job));
        assert!(matches!(job.rerun, Some(Rerun::Refused { .. })));
    }
}

#[test]
fn a_request_is_told_once() {
    let mut on = fleet();
    on.recovery.rerun_interrupted = true;
    let mut job = ended("failure", Some(NAME), 2);
    after_loss(&mut job, &stopped(StopReason::Interrupted), &on, now());
    let fact = job.rerun_requested(now()).expect("it was wanted");
    assert_eq!(fact.detail_type(), "JobRerunRequested");
    assert_eq!(job.rerun_requested(now()), None);
    assert_eq!(job.rerun, Some(Rerun::Requested { at: now() }), "asking twice forgets nothing");
}
