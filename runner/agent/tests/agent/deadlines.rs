//! The agent's own deadline for a runner that never gets a job.

use crate::world::{Answer, BEGIN, FINISH, LISTEN, Place, Register};

async fn run(script: &str) -> (i32, Place) {
    let register = Register::answering([Answer::configuration()]).await;
    let place = Place::with(script).set("FLEETFOOT_IDLE_SECONDS", "1");
    let code = place.start(&register.url()).ends().await;
    (code, place)
}

#[tokio::test]
async fn a_runner_without_a_job_is_not_kept_for_ever() {
    let (code, place) = run(&format!("{LISTEN}while :; do sleep 0.05; done\n")).await;
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
