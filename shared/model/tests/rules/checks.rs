//! What a commit is to show of a job.

use std::sync::Arc;

use fleetfoot_model::SignedDuration;
use fleetfoot_model::check::{Check, CheckRun, Shows};
use fleetfoot_model::config::Config;
use fleetfoot_model::decide::retry;
use fleetfoot_model::events::JobDescription;
use fleetfoot_model::ids::CommitSha;
use fleetfoot_model::job::Job;
use fleetfoot_model::record::{Index, Record};

use crate::{fleet, job, now};

const COMMIT: &str = "16c5286e8d9a0629956a28938386b36608707a71";

fn on() -> Config {
    let mut config = fleet();
    config.notify.check_runs = true;
    config
}

/// A job whose commit is known, after a change.
fn known(change: impl FnOnce(&mut JobDescription)) -> Job {
    let mut job = job(1);
    let description = Arc::make_mut(&mut job.description);
    description.head_sha = Some(COMMIT.parse().unwrap());
    change(description);
    job
}

fn rejected(reason: &str, config: &Config) -> Job {
    let mut job = known(|_| {});
    job.reject(reason, now());
    job.show_failure(config, now());
    job
}

fn run_of(job: &Job) -> CheckRun {
    CheckRun::of(job, &on().notify).unwrap()
}

fn shows(job: &Job) -> Option<Shows> {
    match job.check {
        Some(Check::Wanted { shows, .. }) => Some(shows),
        _ => None,
    }
}

#[test]
fn only_a_job_that_was_given_up_is_shown_and_only_where_that_is_wanted() {
    let (off, on) = (fleet(), on());
    assert_eq!(rejected("no", &off).check, None);
    assert_eq!(shows(&rejected("no", &on)), Some(Shows::Failure));
    let mut queued = known(|_| {});
    queued.show_failure(&on, now());
    assert_eq!(queued.check, None);
    queued.expire("late", now());
    queued.show_failure(&on, now());
    assert_eq!(shows(&queued), Some(Shows::Failure));
    let mut ran = known(|_| {});
    ran.start("ff-1-1", now(), now());
    ran.expire("for days", now());
    ran.show_failure(&on, now());
    assert_eq!(ran.check, None, "it had a runner");
    let mut unknown = known(|description| description.head_sha = None);
    unknown.reject("no", now());
    unknown.show_failure(&on, now());
    assert_eq!(unknown.check, None, "rows of older fleets know no commit");
    let mut failing = known(|_| {});
    failing.failures = on.limits.launch_attempts;
    retry::after_failure(&mut failing, "broke", &on, now());
    assert_eq!(shows(&failing), Some(Shows::Failure));
}

#[test]
fn what_is_still_to_be_shown_keeps_its_row_open() {
    let mut job = rejected("no", &on());
    let index = |job: &Job| Record::from(job.clone()).index().map(|(index, _)| index);
    assert!(job.is_unsettled() && index(&job) == Some(Index::Active));
    let mut running = known(|it| it.created_at = now() + SignedDuration::from_hours(24));
    running.start("ff-1-1", now(), now());
    let place = |job: &Job| Record::from(job.clone()).index();
    assert!(place(&running) < place(&job), "it stands behind what runs, however late that came");
    job.show_failure(&on(), now());
    job.check_told(now());
    assert!(!job.is_unsettled() && index(&job) == Some(Index::Ended));
    let told = job.clone();
    job.show_failure(&on(), now());
    job.check_told(now());
    assert_eq!(job, told, "it is shown once");
}

#[test]
fn a_start_takes_back_what_was_shown() {
    let on = on();
    let started = |mut job: Job| {
        job.start("ff-1-1", now(), now());
        job.show_recovery(&on, now());
        let once = job.clone();
        job.show_recovery(&on, now());
        assert_eq!(job, once, "it counts once");
        job
    };
    assert_eq!(started(known(|_| {})).check, None, "of a first attempt nothing was shown");
    assert_eq!(shows(&started(known(|it| it.run_attempt = 2))), Some(Shows::Recovery));
    let mut shown = rejected("no", &on);
    shown.check_told(now());
    let taken_back = started(shown);
    assert_eq!(shows(&taken_back), Some(Shows::Recovery));
    assert!(run_of(&taken_back).may_be_there, "its own row says so, whatever else is forgotten");
    // Not asked for yet: it is simply not asked for any more.
    assert_eq!(shows(&started(rejected("no", &on))), Some(Shows::Failure));
    assert_eq!(CheckRun::of(&started(rejected("no", &on)), &on.notify), None);
}

#[test]
fn hostile_names_and_reasons_stay_text() {
    let mut config = on();
    let mut job = known(|it| {
        it.workflow = "\u{202e}CI\n".to_owned();
        it.name = format!("build\u{1b}[31m {}", "x".repeat(500));
        it.html_url = "javascript:alert(1)".to_owned();
    });
    let reason =
        format!("label \"```\n# ![x](https://evil.example) @acme/all <b>\" {}", "word ".repeat(2000));
    job.reject(&reason, now());
    job.show_failure(&config, now());
    let check = run_of(&job);
    assert!(check.name.starts_with("Fleetfoot: CI / build [31m xxx"), "{}", check.name);
    assert!(check.name.chars().count() == 200 && check.name.ends_with('…'));
    assert_eq!(check.details_url, None);
    let mut lines = check.summary.lines();
    assert_eq!(lines.next(), Some("````text"), "the fence is longer than any within");
    let quoted: Vec<&str> = lines.by_ref().take_while(|line| *line != "````").collect();
    assert!(quoted.len() > 10 && quoted.iter().all(|line| line.chars().count() <= 100));
    assert!(quoted[0].contains("@acme/all") && check.summary.len() < 5000);
    config.notify.dashboard = Some("https://fleet.example.com/".to_owned());
    let on_dashboard = CheckRun::of(&job, &config.notify).unwrap().details_url;
    assert_eq!(on_dashboard.as_deref(), Some("https://fleet.example.com/#job=1"));
}

#[test]
fn a_check_run_is_found_again_by_its_job_and_its_run() {
    let check = run_of(&rejected("no", &on()));
    assert_eq!(check.external_id(), "fleetfoot/1/1");
    assert!(check.is_of_same_run("fleetfoot/1/7") && !check.is_of_same_run("fleetfoot/11/7"));
    let nameless = run_of(&{
        let mut job = known(|it| (it.workflow, it.name) = (String::new(), "build".to_owned()));
        job.reject("no", now());
        job.show_failure(&on(), now());
        job
    });
    assert_eq!(nameless.name, "Fleetfoot: build");
}

/// What older fleets wrote is read.
#[test]
fn rows_without_a_commit_are_read() {
    let mut row = serde_json::to_value(Record::from(job(1))).unwrap();
    assert!(row["job"].get("check").is_none() && row["job"]["description"].get("headSha").is_none());
    let read: Record = serde_json::from_value(row.clone()).unwrap();
    assert_eq!(read, Record::from(job(1)));
    row["job"]["description"]["headSha"] = COMMIT.into();
    let read: Record = serde_json::from_value(row).unwrap();
    let Record::Job(read) = read else { panic!("{read:?}") };
    assert_eq!(read.description.head_sha.as_ref().map(CommitSha::as_str), Some(COMMIT));
    let marked = Record::from(rejected("no", &on()));
    let text = serde_json::to_string(&marked).unwrap();
    assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), marked);
}
