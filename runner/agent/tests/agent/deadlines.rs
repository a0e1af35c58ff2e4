//! The agent's own deadlines: for a runner that never gets a job, and for one that hangs.

use crate::world::{Answer, BEGIN, FINISH, LISTEN, Place, Register};

const FOR_EVER: &str = "while :; do sleep 0.05; done\n";

async fn run(script: &str) -> (i32, Place) {
    run_within(script, "FLEETFOOT_IDLE_SECONDS").await
}

/// With a deadline of one second.
async fn run_within(script: &str, deadline: &str) -> (i32, Place) {
    let register = Register::answering([Answer::configuration()]).await;
    let place = Place::with(script).set("FLEETFOOT_STOP_SECONDS", "1").set(deadline, "1");
    let code = place.start(&register.url()).ends().await;
    (code, place)
}

#[tokio::test]
async fn a_runner_without_a_job_is_not_kept_for_ever() {
    let (code, place) = run(&format!("{LISTEN}{FOR_EVER}")).await;
    assert_eq!(code, 6);
    let report = place.report();
    assert_eq!(report.ran_job, Some(false));
    assert_eq!(report.reason.as_deref(), Some("no job came within 1 seconds"));
}

#[tokio::test]
async fn a_job_may_take_longer_than_that() {
    let (code, place) = run(&format!("{LISTEN}{BEGIN}sleep 1.5\n{FINISH}")).await;
    assert_eq!((code, place.report().ran_job), (0, Some(true)));
}

#[tokio::test]
async fn a_job_is_known_by_the_listeners_words_too() {
    let words = "echo '2026-11-21 08:00:00Z: Running job: build'\nsleep 1.5\n";
    let (code, place) = run(&format!("{LISTEN}{words}")).await;
    assert_eq!((code, place.report().ran_job), (0, Some(true)));
}

#[tokio::test]
async fn a_runner_that_never_comes_to_listen_hangs() {
    let (code, place) = run_within(&format!("#!/bin/bash\n{FOR_EVER}"), "FLEETFOOT_LISTEN_SECONDS").await;
    assert_eq!(code, 10);
    let reason = "the runner did not listen for jobs within 1 seconds";
    assert_eq!(place.report().reason.as_deref(), Some(reason));
}

#[tokio::test]
async fn a_runner_that_listens_does_not() {
    let (code, _) = run_within(&format!("{LISTEN}sleep 1.5\n"), "FLEETFOOT_LISTEN_SECONDS").await;
    assert_eq!(code, 0);
}

#[tokio::test]
async fn a_runner_that_does_not_end_after_its_job_hangs() {
    let stubborn = "trap '' TERM INT\n";
    let script = format!("{LISTEN}{stubborn}{BEGIN}{FINISH}{FOR_EVER}");
    let (code, place) = run_within(&script, "FLEETFOOT_END_SECONDS").await;
    assert_eq!((code, place.report().ran_job), (10, Some(true)));
    let reason = "its job was done, but the runner did not end within 1 seconds; it had to be killed";
    assert_eq!(place.report().reason.as_deref(), Some(reason));
}
