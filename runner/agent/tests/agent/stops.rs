//! SIGTERM, at every moment of a runner's life.

use std::fs;

use crate::world::{Agent, Answer, BEGIN, FINISH, LISTEN, Place, Register, is_alive, until};

/// Ends a moment after SIGTERM, as the real one does when it has cleaned up.
const GRACEFUL: &str = "trap 'echo terminated > terminated; exit 0' TERM\n";
const STUBBORN: &str = "trap '' TERM INT\n";
const READY_THEN_WAIT: &str = "echo $$ > ready\nwhile :; do sleep 0.05; done\n";

async fn running(place: &Place) -> Agent {
    let register = Register::answering([Answer::configuration()]).await;
    let agent = place.start(&register.url());
    place.line_of("ready").await;
    agent
}

#[tokio::test]
async fn before_it_is_registered_it_ends_at_once() {
    let register = Register::answering([Answer::Never]).await;
    let place = Place::with("#!/bin/bash\necho started > started\n");
    let mut agent = place.start(&register.url());
    until("the request", || (!register.requests().is_empty()).then_some(())).await;
    agent.terminate();
    assert_eq!(agent.ends().await, 1);
    assert_eq!(place.report().reason.as_deref(), Some("told to stop before it was registered"));
    assert!(!place.path().join("started").exists());
}

#[tokio::test]
async fn between_two_tries_to_register_it_ends_at_once() {
    let register = Register::answering([Answer::ComeAgain(503, 300)]).await;
    let place = Place::with("#!/bin/bash\necho started > started\n");
    let mut agent = place.start(&register.url());
    until("a failed try", || agent.log().contains("registration is tried again").then_some(())).await;
    agent.terminate();
    assert_eq!(agent.ends().await, 1);
    assert_eq!(register.requests().len(), 1);
    assert!(!place.path().join("started").exists());
}

#[tokio::test]
async fn an_idle_runner_ends_by_itself() {
    let place = Place::with(&format!("{LISTEN}{GRACEFUL}{READY_THEN_WAIT}"));
    let mut agent = running(&place).await;
    agent.terminate();
    assert_eq!(agent.ends().await, 1);
    assert_eq!(place.line_of("terminated").await, "terminated");
    let report = place.report();
    assert_eq!(report.ran_job, Some(false));
    assert_eq!(report.reason.as_deref(), Some("told to stop while it had no job"));
}

#[tokio::test]
async fn an_idle_runner_that_does_not_end_is_killed() {
    let place =
        Place::with(&format!("{LISTEN}{STUBBORN}{READY_THEN_WAIT}")).set("FLEETFOOT_STOP_SECONDS", "1");
    let mut agent = running(&place).await;
    agent.terminate();
    assert_eq!(agent.ends().await, 1);
    assert_eq!(
        place.report().reason.as_deref(),
        Some("told to stop while it had no job; it had to be killed")
    );
    assert!(!is_alive(&place.line_of("ready").await));
}

/// A job that waits for the file `go`, and whose runner notes SIGTERM and goes on.
fn job_until_go(before: &str, after: &str) -> Place {
    let wait = "echo $$ > ready\nuntil [ -e go ]; do sleep 0.05; done\n";
    Place::with(&format!("{LISTEN}trap 'echo term > terminated' TERM\n{BEGIN}{before}{wait}{after}"))
}

#[tokio::test]
async fn a_job_that_ends_in_its_time_is_not_disturbed() {
    let place = job_until_go("", FINISH);
    let mut agent = running(&place).await;
    agent.terminate();
    until("the signal", || agent.log().contains("the runner is to stop").then_some(())).await;
    fs::write(place.path().join("go"), "").unwrap();
    assert_eq!(agent.ends().await, 0, "{}", agent.log());
    assert_eq!(place.report().ran_job, Some(true));
    assert_eq!(place.report().reason.as_deref(), Some("the job was done, although told to stop"));
    assert!(!place.path().join("terminated").exists());
}

#[tokio::test]
async fn a_longer_job_is_cancelled_while_there_is_time_for_its_last_steps() {
    let place = job_until_go("", FINISH).set("FLEETFOOT_STOP_SECONDS", "4");
    let mut agent = running(&place).await;
    agent.terminate();
    place.line_of("terminated").await;
    fs::write(place.path().join("go"), "").unwrap();
    assert_eq!(agent.ends().await, 0, "{}", agent.log());
    assert_eq!(place.report().reason.as_deref(), Some("the job was done, although told to stop"));
}

#[tokio::test]
async fn a_runner_that_is_ending_goes_on_to() {
    let place = job_until_go(FINISH, "");
    let mut agent = running(&place).await;
    until("the end of the job", || place.report().phases.job_ended).await;
    agent.terminate();
    agent.terminate();
    until("the signal", || agent.log().contains("the runner is to stop").then_some(())).await;
    fs::write(place.path().join("go"), "").unwrap();
    assert_eq!(agent.ends().await, 0, "{}", agent.log());
    assert_eq!(place.report().reason.as_deref(), Some("the job was done, although told to stop"));
    assert!(!place.path().join("terminated").exists());
}

#[tokio::test]
async fn a_job_that_does_not_end_in_its_time_is_killed_with_all_it_started() {
    let job = format!("{BEGIN}(trap '' TERM; sleep 300) & echo $! > child\n{READY_THEN_WAIT}");
    let place = Place::with(&format!("{LISTEN}{STUBBORN}{job}")).set("FLEETFOOT_STOP_SECONDS", "1");
    let mut agent = running(&place).await;
    agent.terminate();
    assert_eq!(agent.ends().await, 143);
    let reason = "told to stop while it had a job; it had to be killed";
    assert_eq!(place.report().reason.as_deref(), Some(reason));
    assert!(!is_alive(&place.line_of("child").await));
}
