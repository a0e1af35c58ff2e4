//! The rules of the fleet, each as a test over values.

#![expect(clippy::unwrap_used, reason = "a test that panics has found something")]

mod checks;
mod labels;
mod reruns;
mod takeover;

use std::collections::BTreeMap;

use fleetfoot_model::config::{self, Config};
use fleetfoot_model::decide::{fairness, retry, task};
use fleetfoot_model::events::{Fact, JobDescription};
use fleetfoot_model::foreign::TaskStateChange;
use fleetfoot_model::ids::{GithubRunnerId, JobId, RunId, RunnerName};
use fleetfoot_model::job::{Job, JobState, Waiting};
use fleetfoot_model::labels::Reading;
use fleetfoot_model::ledger::Stored;
use fleetfoot_model::record::{Index, Record};
use fleetfoot_model::runner::{Registration, Reservation, Runner, RunnerState, Scope, StopReason};
use fleetfoot_model::secret::Ticket;
use fleetfoot_model::spec::Label;
use fleetfoot_model::{SignedDuration, Timestamp};

fn now() -> Timestamp {
    "2026-11-21T09:00:00Z".parse().unwrap()
}

fn config_with(more: &str) -> Config {
    let text = format!(
        "[github]\norganization = \"acme\"\ntoken = \"env:TOKEN\"\nwebhook_secrets = [\"env:SECRET\"]\n[labels]\nplain = [\"linux\", \"x64\"]\n[images]\nallow = [\"ubuntu:*\", \"public.ecr.aws/docker/library/*\"]\n{more}"
    );
    config::load("fleet.toml", &text).unwrap_or_else(|error| panic!("{error}"))
}

fn fleet() -> Config {
    config_with("")
}

fn labels_of(text: &str) -> Vec<Label> {
    text.split_whitespace().map(|label| label.parse().unwrap()).collect()
}

fn read(text: &str) -> Reading {
    fleetfoot_model::labels::parse(&labels_of(text), &(&fleet()).into())
}

fn describe(id: u64, repository: &str, labels: &str) -> JobDescription {
    JobDescription {
        id: JobId(id),
        run_id: RunId(id),
        run_attempt: 1,
        repository: repository.parse().unwrap(),
        public: false,
        workflow: "CI".to_owned(),
        name: "test".to_owned(),
        labels: labels_of(labels),
        html_url: String::new(),
        head_sha: None,
        created_at: now() + SignedDuration::from_secs(i64::try_from(id).unwrap()),
    }
}

fn job(id: u64) -> Job {
    Job::new(describe(id, "acme/app", "self-hosted"), now())
}

fn runner(name: &str, job: Option<u64>, labels: &str) -> Runner {
    let Reading::Ours(spec) = read(labels) else { panic!("labels") };
    let reservation = Reservation {
        name: name.parse().unwrap(),
        pool: None,
        job: job.map(JobId),
        scope: Scope::Organization("acme".parse().unwrap()),
        spec,
        labels: labels_of(labels),
        counters: vec![],
        register_by: now() + SignedDuration::from_mins(10),
    };
    let ticket = Ticket::draw(&mut rand::rng());
    let mut runner = Runner::reserve(reservation, &ticket, now());
    runner.move_to(RunnerState::Registered, now(), "registered");
    runner.registration = Registration::Present;
    runner.github_id = Some(GithubRunnerId(1));
    runner
}

fn stored<T>(value: T) -> Stored<T> {
    Stored { value, version: 1 }
}

#[test]
fn a_job_only_moves_forward() {
    let mut running = job(1);
    assert!(running.start("ff-1-1", now(), now()));
    let was = running.clone();
    running.assign(&"ff-1-2".parse().unwrap(), now(), "late");
    running.unassign(None, now(), "late");
    assert!(!running.wait(Waiting::Capacity { limit: "late".to_owned() }, now()));
    assert!(!running.reject("late", now()));
    assert_eq!(running, was, "a late event changes nothing");
    assert!(running.finish("success", Some("ff-1-1"), now(), now()));
    assert!(!running.finish("failure", None, now(), now()));
    assert!(!running.start("ff-1-1", now(), now()));
    assert!(!running.expire("late", now()));
    assert!(matches!(running.state, JobState::Finished { .. }));
    let mut rejected = job(2);
    assert!(rejected.reject("no", now()));
    assert!(rejected.start("somebody-elses", now(), now()), "another fleet may run what this one refused");
}

#[test]
fn waiting_jobs_are_served_oldest_first_and_fair_across_repositories() {
    let noisy: Vec<Job> =
        (1..=4).map(|id| Job::new(describe(id, "acme/noisy", "self-hosted"), now())).collect();
    let quiet = [Job::new(describe(9, "acme/quiet", "self-hosted"), now())];
    let all: Vec<&Job> = noisy.iter().chain(&quiet).collect();
    let ids = |live: &BTreeMap<_, _>| {
        fairness::order(all.clone(), live, now()).into_iter().map(|id| id.0).collect::<Vec<_>>()
    };
    assert_eq!(
        ids(&BTreeMap::new()),
        [1, 9, 2, 3, 4],
        "the quiet repository does not wait for all of the noisy one"
    );
    let live = BTreeMap::from([("acme/noisy".parse().unwrap(), 5)]);
    assert_eq!(ids(&live), [9, 1, 2, 3, 4], "who has the fewest runners is next");
}

#[test]
fn a_job_that_may_not_try_yet_is_passed_over() {
    let mut job = job(1);
    job.wait(
        Waiting::Backoff { until: now() + SignedDuration::from_secs(30), reason: "failed".to_owned() },
        now(),
    );
    assert!(fairness::order([&job], &BTreeMap::new(), now()).is_empty());
    let later = now() + SignedDuration::from_secs(30);
    assert_eq!(fairness::order([&job], &BTreeMap::new(), later), [JobId(1)]);
}

/// lesson 17: back off by a clock, and give up in the end.
#[test]
fn failures_are_retried_at_once_then_ever_later_then_never() {
    let config = fleet();
    let mut job = job(1);
    assert!(matches!(retry::after_failure(&mut job, "broke", &config, now()), Fact::JobQueued(_)));
    let mut waits = Vec::new();
    for _ in 0..3 {
        let Fact::JobDeferred(deferred) = retry::after_failure(&mut job, "broke", &config, now()) else {
            panic!()
        };
        let Waiting::Backoff { until, .. } = deferred.waiting else { panic!() };
        waits.push(until.duration_since(now()).as_secs());
    }
    assert_eq!(waits, [30, 60, 120]);
    let Fact::JobRejected(rejected) = retry::after_failure(&mut job, "broke", &config, now()) else {
        panic!()
    };
    assert!(
        rejected.reason.contains("5 runners") && rejected.reason.contains("broke"),
        "{}",
        rejected.reason
    );
}

/// lesson 11: every way in which a task can end is told apart, and unknown ways break nothing.
#[test]
fn every_end_of_a_task_has_a_reason() {
    let ended = |stop_code: Option<&str>, exit_code: Option<i32>, started: bool, reason: &str| {
        let mut detail = serde_json::json!({
            "taskArn": "local:task/ff-1-1", "lastStatus": "STOPPED", "version": 3, "stoppedReason": reason,
            "stopCode": stop_code, "containers": [{ "name": "runner", "exitCode": exit_code }],
        });
        if started {
            detail["startedAt"] = serde_json::json!("2026-11-21T09:00:00Z");
        }
        task::stop_reason(&serde_json::from_value::<TaskStateChange>(detail).unwrap(), None)
    };
    assert_eq!(ended(Some("EssentialContainerExited"), Some(0), true, ""), StopReason::Done);
    assert!(matches!(
        ended(Some("EssentialContainerExited"), Some(7), true, ""),
        StopReason::Failed { exit_code: Some(7), .. }
    ));
    assert_eq!(ended(Some("SpotInterruption"), None, true, ""), StopReason::Interrupted);
    let pull = "CannotPullContainerError: not found";
    assert_eq!(
        ended(Some("TaskFailedToStart"), None, false, pull),
        StopReason::NeverStarted { reason: pull.to_owned() }
    );
    assert!(matches!(ended(None, None, false, "no address"), StopReason::NeverStarted { .. }));
    assert!(matches!(ended(Some("UserInitiated"), Some(137), true, "by hand"), StopReason::Stopped { .. }));
    let machine = ended(Some("InfrastructureHealth"), None, true, "the host is gone");
    assert_eq!(machine, StopReason::MachineFailed { reason: "the host is gone".to_owned() });
    assert!(matches!(ended(Some("SomethingNew"), None, true, "?"), StopReason::Other { .. }));
}

#[test]
fn rows_are_found_where_work_is_left_and_forgotten_only_when_none_is() {
    let index = |record: Record| record.index().map(|(index, _)| index);
    let mut waits = job(1);
    assert_eq!(index(waits.clone().into()), Some(Index::Unmatched));
    waits.assign(&"ff-1-1".parse().unwrap(), now(), "launched");
    assert_eq!(index(waits.clone().into()), Some(Index::Active));
    waits.finish("success", None, now(), now());
    assert_eq!(index(waits.clone().into()), Some(Index::Ended));
    let mut runner = runner("ff-1-1", None, "self-hosted");
    assert_eq!(index(runner.clone().into()), Some(Index::Unmatched), "free");
    runner.job = Some(JobId(1));
    assert_eq!(index(runner.clone().into()), Some(Index::Active));
    runner.stop(StopReason::Done, now());
    assert_eq!(index(runner.clone().into()), Some(Index::Active), "GitHub may still know it");
    assert_eq!(Record::from(runner.clone()).expires_at(), None);
    runner.registration = Registration::Gone;
    assert_eq!(index(runner.clone().into()), Some(Index::Ended));
    assert!(Record::from(runner).expires_at().is_some());
}

#[test]
fn capacity_is_released_once() {
    let mut runner = runner("ff-1-1", Some(1), "self-hosted");
    runner.counters = vec![fleetfoot_model::counter::Counter::Runners];
    assert_eq!(runner.stop(StopReason::Done, now()).len(), 1);
    assert!(runner.stop(StopReason::Lost, now()).is_empty());
    assert_eq!(runner.state, RunnerState::Stopped(StopReason::Done), "the first reason stands");
}

/// lesson 13: all runners have the same name.
#[test]
fn no_two_launches_share_a_name() {
    let fleet = "ff".parse().unwrap();
    let names: std::collections::BTreeSet<RunnerName> = (1..50)
        .flat_map(|id| (1..5).map(move |n| (id, n)))
        .map(|(id, n)| RunnerName::for_job(&fleet, JobId(id), n))
        .collect();
    assert_eq!(names.len(), 49 * 4);
}
