//! From a ticket to a runner, or home.

use std::time::{Duration, Instant};

use tokio::net::TcpListener;

use crate::world::{Answer, BEGIN, FINISH, LISTEN, Place, Register, TICKET, until, url};

/// Leaves a mark if it is ever started.
const STARTED: &str = "#!/bin/bash\necho started > started\n";

async fn check_not_started(answer: Answer, exit_code: i32, reason: &str) {
    let register = Register::answering([answer]).await;
    let place = Place::with(STARTED);
    assert_eq!(place.start(&register.url()).ends().await, exit_code);
    assert!(!place.path().join("started").exists());
    let report = place.report();
    assert_eq!(report.exit_code, Some(exit_code));
    assert_eq!(report.ran_job, Some(false));
    assert_eq!(report.reason.as_deref(), Some(reason));
    assert_eq!(register.requests().len(), 1);
}

#[tokio::test]
async fn without_work_it_goes_home() {
    let gone = Answer::Body(r#"{"noWork":"the job was cancelled"}"#.to_owned());
    check_not_started(gone, 0, "no work: the job was cancelled").await;
    check_not_started(Answer::Status(204), 0, "no work: there is none for this runner").await;
}

#[tokio::test]
async fn a_refused_ticket_is_not_shown_again() {
    check_not_started(Answer::Status(401), 3, "the ticket was not accepted (401 Unauthorized)").await;
    check_not_started(Answer::Status(410), 3, "the ticket was not accepted (410 Gone)").await;
    check_not_started(Answer::Status(404), 3, "register answered 404 Not Found").await;
}

#[tokio::test]
async fn a_server_that_is_down_is_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let place = Place::with(&format!("{LISTEN}{BEGIN}{FINISH}"));
    let mut agent = place.start(&url(address));
    until("a failed try", || agent.log().contains("registration is tried again").then_some(())).await;

    let register = Register::on(TcpListener::bind(address).await.unwrap(), [Answer::configuration()]);
    assert_eq!(agent.ends().await, 0);
    assert_eq!(register.requests().len(), 1);
    assert_eq!(place.report().ran_job, Some(true));
}

#[tokio::test]
async fn the_time_that_the_server_asks_for_is_granted() {
    let answers = [Answer::ComeAgain(503, 1), Answer::ComeAgain(429, 1), Answer::configuration()];
    let register = Register::answering(answers).await;
    let place = Place::with(&format!("{LISTEN}{BEGIN}{FINISH}"));
    assert_eq!(place.start(&register.url()).ends().await, 0);
    let times: Vec<Instant> = register.requests().iter().map(|(at, _)| *at).collect();
    assert_eq!(times.len(), 3);
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_secs(1)), "{times:?}");
}

#[tokio::test]
async fn it_gives_up_at_its_deadline() {
    let register = Register::answering([Answer::Status(500)]).await;
    let place = Place::with(STARTED).set("FLEETFOOT_REGISTER_SECONDS", "1");
    assert_eq!(place.start(&register.url()).ends().await, 4);
    let reason = "could not register in time: register answered 500 Internal Server Error";
    assert_eq!(place.report().reason.as_deref(), Some(reason));
}

#[tokio::test]
async fn a_server_that_never_comes_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let place = Place::with(STARTED).set("FLEETFOOT_REGISTER_SECONDS", "1");
    assert_eq!(place.start(&url(address)).ends().await, 4);
    let reason = place.report().reason.unwrap();
    assert!(reason.starts_with("could not register in time: error sending request"), "{reason}");
}

#[tokio::test]
async fn it_does_not_wait_for_a_time_after_its_deadline() {
    let register = Register::answering([Answer::ComeAgain(503, 3600)]).await;
    let place = Place::with(STARTED);
    let began = Instant::now();
    assert_eq!(place.start(&register.url()).ends().await, 4);
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_asked_for_again() {
    let nonsense = ["not json", "{}", r#"{"jitConfiguration":""}"#].map(|body| Answer::Body(body.to_owned()));
    let register = Register::answering(nonsense.into_iter().chain([Answer::Status(401)])).await;
    let place = Place::with(STARTED);
    assert_eq!(place.start(&register.url()).ends().await, 3);
    assert_eq!(register.requests().len(), 4);
}

#[tokio::test]
async fn the_ticket_travels_in_the_body_only() {
    let register = Register::answering([Answer::Status(401)]).await;
    let place = Place::with(STARTED).set("DEBUG", "1");
    let mut agent = place.start(&register.url());
    agent.ends().await;
    assert_eq!(register.requests()[0].1, format!(r#"{{"ticket":"{TICKET}"}}"#));
    assert!(!agent.log().contains(TICKET), "{}", agent.log());
}
