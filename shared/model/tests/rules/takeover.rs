//! Who gets whose runner.

use std::sync::Arc;

use fleetfoot_model::decide::takeover::Start;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::job::Job;
use fleetfoot_model::runner::{Runner, RunnerState};
use proptest::prelude::*;

use crate::{describe, job, labels_of, now, runner, stored};

/// A and B are queued, each with a runner of its own.
fn two_jobs(labels_of_b: &str) -> (Job, Runner, Job, Runner) {
    let (mut a, mut b) = (job(1), Job::new(describe(2, "acme/app", labels_of_b), now()));
    let (for_a, for_b) = (runner("ff-1-1", Some(1), "self-hosted"), runner("ff-2-1", Some(2), labels_of_b));
    a.assign(&for_a.name, now(), "launched");
    b.assign(&for_b.name, now(), "launched");
    (a, for_a, b, for_b)
}

/// lesson 1: a runner taken by another job, and its own job waits for hours.
#[test]
fn a_job_whose_runner_was_taken_gets_the_runner_of_the_job_that_took_it() {
    let (a, for_a, b, for_b) = two_jobs("self-hosted");
    let mut start = Start {
        job: stored(b),
        runner: Some(stored(for_a)),
        own: Some(stored(for_b)),
        victim: Some(stored(a)),
    };
    let consequences = start.apply(now());
    assert!(consequences.swapped && consequences.queued_again.is_none() && !consequences.own_is_surplus);
    let (runner, own, victim) =
        (start.runner.unwrap().value, start.own.unwrap().value, start.victim.unwrap().value);
    assert_eq!(runner.state, RunnerState::Busy(JobId(2)));
    assert_eq!((runner.job, own.job), (Some(JobId(2)), Some(JobId(1))));
    assert_eq!(victim.runner(), Some(&own.name));
}

#[test]
fn a_job_whose_runner_was_taken_is_queued_again_if_the_other_runner_does_not_suit_it() {
    let (mut a, mut for_a, b, for_b) = two_jobs("self-hosted");
    Arc::make_mut(&mut a.description).labels = labels_of("self-hosted class:large");
    for_a.labels = labels_of("self-hosted class:large");
    let mut start = Start {
        job: stored(b),
        runner: Some(stored(for_a)),
        own: Some(stored(for_b)),
        victim: Some(stored(a)),
    };
    let consequences = start.apply(now());
    assert_eq!(consequences.queued_again.unwrap().job.id, JobId(1));
    assert!(consequences.own_is_surplus);
    let victim = start.victim.unwrap().value;
    assert_eq!((victim.runner(), victim.replacements), (None, 1));
    assert!(start.own.unwrap().value.is_free(), "it can be given to another job");
}

/// B waited for capacity and takes A's runner: A has B's place in the queue now, and nothing was replaced. Otherwise a
/// young job among many old ones would be given up for it.
#[test]
fn a_job_whose_runner_was_taken_by_one_that_waited_has_lost_nothing() {
    let (a, for_a, b, _) = two_jobs("self-hosted");
    let waited = Job::new((*b.description).clone(), now());
    let mut start =
        Start { job: stored(waited), runner: Some(stored(for_a)), own: None, victim: Some(stored(a)) };
    let consequences = start.apply(now());
    assert!(consequences.queued_again.is_some());
    let victim = start.victim.unwrap().value;
    assert_eq!((victim.runner(), victim.replacements), (None, 0));
}

#[test]
fn a_start_on_the_right_runner_changes_only_that_runner() {
    let (mut a, for_a, ..) = two_jobs("self-hosted");
    a.start(for_a.name.as_str(), now(), now());
    let mut start = Start { job: stored(a), runner: Some(stored(for_a)), own: None, victim: None };
    let first = start.apply(now());
    let after = start.clone();
    assert_eq!(start.apply(now()), first);
    assert_eq!(start.runner, after.runner, "the same start twice is one start");
}

proptest! {
    /// One job has at most one runner meant for it, and a runner at most one job, whatever GitHub gives to whom.
    #[test]
    fn takeovers_never_bind_twice(same in any::<bool>(), swap in any::<bool>(), free in any::<bool>()) {
        let (a, for_a, b, mut for_b) = two_jobs(if same { "self-hosted" } else { "self-hosted class:large" });
        if free {
            for_b.dismissed = Some("let go".to_owned());
        }
        let (mut start, others) = if swap {
            (Start { job: stored(b), runner: Some(stored(for_a)), own: Some(stored(for_b)), victim: Some(stored(a)) }, None)
        } else {
            (Start { job: stored(b), runner: Some(stored(for_b)), own: None, victim: None }, Some((a, for_a)))
        };
        start.apply(now());
        let mut jobs: Vec<Option<JobId>> = [&start.runner, &start.own].into_iter().flatten().map(|row| row.value.job).collect();
        jobs.extend(others.map(|(_, runner)| runner.job));
        let bound: Vec<JobId> = jobs.into_iter().flatten().collect();
        let mut distinct = bound.clone();
        distinct.sort();
        distinct.dedup();
        prop_assert_eq!(bound.len(), distinct.len());
    }
}
