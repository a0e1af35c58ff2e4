//! The rules of the fleet, each as a test over values.

#![expect(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::collections::BTreeMap;

use fleetfoot_model::config::{self, Config};
use fleetfoot_model::decide::takeover::Start;
use fleetfoot_model::decide::{fairness, retry, task};
use fleetfoot_model::events::{Fact, JobDescription};
use fleetfoot_model::foreign::TaskStateChange;
use fleetfoot_model::ids::{GithubRunnerId, JobId, RunId, RunnerName};
use fleetfoot_model::job::{Job, JobState, Waiting};
use fleetfoot_model::labels::{self, Reading};
use fleetfoot_model::ledger::Stored;
use fleetfoot_model::policy::{Admission, admit};
use fleetfoot_model::record::{Index, Record, WorkflowRun};
use fleetfoot_model::runner::{Registration, Reservation, Runner, RunnerState, Scope, StopReason};
use fleetfoot_model::secret::Ticket;
use fleetfoot_model::spec::{Arch, Capacity, Label};
use fleetfoot_model::{SignedDuration, Timestamp};
use proptest::prelude::*;

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
    labels::parse(&labels_of(text), &(&fleet()).into())
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

/// A and B are queued, each with a runner of its own.
fn two_jobs(labels_of_b: &str) -> (Job, Runner, Job, Runner) {
    let (mut a, mut b) = (job(1), Job::new(describe(2, "acme/app", labels_of_b), now()));
    let (for_a, for_b) = (runner("ff-1-1", Some(1), "self-hosted"), runner("ff-2-1", Some(2), labels_of_b));
    a.assign(&for_a.name, now(), "launched");
    b.assign(&for_b.name, now(), "launched");
    (a, for_a, b, for_b)
}

#[test]
fn labels_choose_a_spec() {
    let Reading::Ours(spec) = read("self-hosted linux class:large image:ubuntu:22.04 spot disk:100") else {
        panic!()
    };
    assert_eq!((spec.class.as_str(), spec.disk_gib, spec.capacity), ("large", 100, Capacity::Spot));
    assert_eq!(spec.image.unwrap().as_str(), "ubuntu:22.04");
    let Reading::Ours(spec) = read("Self-Hosted") else { panic!() };
    assert_eq!((spec.class.as_str(), spec.arch, spec.capacity), ("medium", Arch::X64, Capacity::OnDemand));
    let Reading::Ours(spec) = read("self-hosted arch:arm64 pin:123-build") else { panic!() };
    assert_eq!(spec.arch, Arch::Arm64);
}

#[test]
fn labels_of_somebody_else_are_not_ours() {
    for text in ["ubuntu-latest", "class:small", "self-hosted k8s", "self-hosted gpu linux", ""] {
        assert_eq!(read(text), Reading::Foreign, "{text}");
    }
}

/// lesson 15: an unknown class silently becomes the default; a job that can never run stays queued without a word.
#[test]
fn a_label_of_ours_with_a_bad_value_is_refused_with_what_is_allowed() {
    for (text, words) in [
        (
            "self-hosted class:mediun",
            &["class:mediun", "did you mean \"medium\"", "large, medium, small, xlarge"][..],
        ),
        ("self-hosted class:", &["class:"]),
        ("self-hosted class:small class:large", &["class:small", "class:large", "contradict"]),
        ("self-hosted arch:x86", &["arch:x86", "arch:x64 and arch:arm64"]),
        ("self-hosted arch:arm64 x64", &["x64", "contradicts"]),
        ("self-hosted disk:5", &["disk:5", "20 to 200"]),
        ("self-hosted disk:lots", &["20 to 200"]),
        ("self-hosted image:debian:12", &["debian:12", "not allowed", "ubuntu:*"]),
        ("self-hosted image:$(id)", &["image:$(id)"]),
        ("self-hosted image:u:p@evil.example/x", &["credentials"]),
        ("self-hosted class:small linus", &["linus", "did you mean \"linux\""]),
    ] {
        let Reading::Refused(reason) = read(text) else { panic!("{text} was not refused") };
        for word in words {
            assert!(reason.contains(word), "{text}: {reason}");
        }
    }
}

proptest! {
    #[test]
    fn no_labels_panic_and_what_is_refused_is_short(texts in proptest::collection::vec("(class:|image:|arch:|disk:|pin:|spot)?\\PC{0,40}", 0..12)) {
        let labels: Vec<Label> = texts.iter().filter_map(|text| text.parse().ok()).chain(["self-hosted".parse().unwrap()]).collect();
        if let Reading::Refused(reason) = labels::parse(&labels, &(&fleet()).into()) {
            prop_assert!(reason.len() < 1200);
        }
    }

    #[test]
    fn images_that_are_read_are_allowed_ones(name in "[a-z./:@-]{1,40}") {
        if let Reading::Ours(spec) = read(&format!("self-hosted image:{name}"))
            && let Some(image) = spec.image
        {
            prop_assert!(image.normalized().starts_with("docker.io/library/ubuntu:") || image.as_str().starts_with("public.ecr.aws/docker/library/"));
        }
    }
}

#[test]
fn whose_jobs_are_served() {
    let open = config_with("[repositories]\nallow = [\"acme/*\"]\npublic = true\n");
    let private = describe(1, "acme/app", "self-hosted");
    let public = JobDescription { public: true, ..private.clone() };
    let from = |head: Option<&str>| WorkflowRun {
        id: RunId(1),
        repository: "acme/app".parse().unwrap(),
        head_repository: head.map(|head| head.parse().unwrap()),
        heard_at: now(),
    };
    let refused = |admission: &Admission, word: &str| matches!(admission, Admission::Refused(reason) if reason.contains(word));
    assert_eq!(admit(&private, None, &fleet()), Admission::Admitted);
    assert!(refused(&admit(&public, None, &fleet()), "public = true"));
    assert!(refused(&admit(&describe(1, "evil/app", "self-hosted"), None, &fleet()), "acme/*"));
    assert!(refused(&admit(&private, Some(&from(Some("contributor/app"))), &fleet()), "fork"));
    assert_eq!(admit(&public, None, &open), Admission::OriginUnknown);
    assert_eq!(admit(&public, Some(&from(Some("acme/app"))), &open), Admission::Admitted);
    assert!(refused(&admit(&public, Some(&from(None)), &open), "deleted"));
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
    a.description.labels = labels_of("self-hosted class:large");
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
