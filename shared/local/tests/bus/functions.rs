//! The shell around the functions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use fleetfoot_local::bus::{Bus, Payload};
use fleetfoot_local::functions::Functions;
use fleetfoot_model::Timestamp;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::events::{Fact, JobRejected, RunnerWanted};
use fleetfoot_model::function::{EventFunction, FunctionError, HttpFunction, NotificationFunction};
use fleetfoot_model::http::{Request, Response};
use fleetfoot_model::ids::JobId;

use crate::support::{at, contents, history, in_memory, publish, take, take_for, wiring};

/// Answers by the number of the call, and by the event.
type Script = fn(call: u32, event: &str) -> Result<Vec<Fact>, FunctionError>;

struct Scripted {
    calls: AtomicU32,
    script: Script,
}

#[async_trait]
impl EventFunction for Scripted {
    async fn handle(&self, event: &Envelope, _now: Timestamp) -> Result<Vec<Fact>, FunctionError> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if event.id == "event-99" {
            std::future::pending::<()>().await;
        }
        (self.script)(call, &event.id)
    }
}

struct Silent;

#[async_trait]
impl EventFunction for Silent {
    async fn handle(&self, _: &Envelope, _: Timestamp) -> Result<Vec<Fact>, FunctionError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl HttpFunction for Silent {
    async fn handle(&self, request: &Request, _: Timestamp) -> (Response, Vec<Fact>) {
        match request.path.as_str() {
            "/panic" => panic!("a hostile request"),
            _ => (Response::message(202, "taken"), vec![wanted(1)]),
        }
    }
}

#[async_trait]
impl NotificationFunction for Silent {
    async fn handle(&self, message: &str, _: Timestamp) -> Result<(), FunctionError> {
        if message == "poison" { Err(FunctionError::Again("no Slack".to_owned())) } else { Ok(()) }
    }
}

fn silent() -> Functions {
    let functions = Functions::new()
        .http("ingest", Arc::new(Silent))
        .http("register", Arc::new(Silent))
        .notification("alarm", Arc::new(Silent));
    ["launch", "job-state", "task-state", "image-build", "cleanup", "pool"]
        .into_iter()
        .fold(functions, |functions, package| functions.event(package, Arc::new(Silent)))
}

fn scripted(package: &str, script: Script) -> Functions {
    silent().event(package, Arc::new(Scripted { calls: AtomicU32::new(0), script }))
}

fn wanted(sequence: u64) -> Fact {
    RunnerWanted { pool: "office".parse().unwrap(), sequence }.into()
}

/// Invokes what is due, and says which events were handled or failed and why.
async fn run(bus: &Bus, functions: &Functions, seconds: i64) -> Vec<(String, Option<String>)> {
    let mut ends = Vec::new();
    for delivery in take(bus, seconds) {
        let outcome = functions.invoke(&delivery, at(seconds), Some(Duration::from_millis(50))).await;
        for (item, (id, _)) in delivery.items.iter().zip(contents(&delivery)) {
            let failure = outcome.failures.iter().find(|failure| failure.item == item.id);
            ends.push((id, failure.map(|failure| failure.reason.clone())));
        }
        bus.complete(at(seconds), &delivery, outcome).unwrap();
    }
    ends
}

#[tokio::test]
async fn a_handler_that_fails_once_is_tried_again() {
    let (bus, functions) = (
        in_memory(),
        scripted("job-state", |call, _| match call {
            1 => Err(FunctionError::Again("GitHub unavailable".to_owned())),
            _ => Ok(vec![wanted(7)]),
        }),
    );
    publish(&bus, 1, "JobStarted", [1]);
    let failed = ("event-1".to_owned(), Some("GitHub unavailable".to_owned()));
    assert_eq!(run(&bus, &functions, 1).await, [failed]);
    assert_eq!(history(&bus).len(), 1);
    let ends = run(&bus, &functions, 61).await;
    assert!(ends.contains(&("event-1".to_owned(), None)), "{ends:?}");
    let facts = bus.caused_by("event-1").unwrap();
    assert_eq!(facts.len(), 1);
    assert_eq!(facts[0].envelope.fact().unwrap(), wanted(7));
}

#[tokio::test]
async fn a_row_that_changed_meanwhile_is_no_failure() {
    let (bus, functions) = (
        in_memory(),
        scripted("job-state", |call, _| match call {
            1..=4 => Err(FunctionError::Conflict("job#1 changed".to_owned())),
            _ => Ok(Vec::new()),
        }),
    );
    publish(&bus, 1, "JobStarted", [1]);
    assert_eq!(run(&bus, &functions, 1).await, [("event-1".to_owned(), None)]);
}

// On tokio's own clock: telling of a panic takes real time, and a busy machine has little of it.
#[tokio::test(start_paused = true)]
async fn a_panic_or_a_hang_fails_its_own_item_only() {
    let (bus, functions) = (
        in_memory(),
        scripted("launch", |_, event| match event {
            "event-1" => panic!("a bug with {event}"),
            "event-2" => Err(FunctionError::Malformed("no such thing".to_owned())),
            _ => Ok(vec![wanted(1), wanted(2)]),
        }),
    );
    publish(&bus, 1, "JobQueued", [99, 1, 2, 3]);
    let ends = run(&bus, &functions, 1).await;
    let reasons: Vec<Option<&str>> = ends.iter().map(|(_, reason)| reason.as_deref()).collect();
    assert_eq!(
        reasons,
        [
            Some("took longer than 0.05 s"),
            Some("panicked: a bug with event-1"),
            Some("malformed event: no such thing"),
            None
        ]
    );
    let letters = bus.dead_letters(9).unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].reason, "malformed event: no such thing");
    assert_eq!(bus.caused_by("event-3").unwrap().len(), 2);
}

#[tokio::test]
async fn a_function_that_always_panics_ends_as_a_dead_letter() {
    let (bus, functions) = (in_memory(), scripted("job-state", |_, _| panic!("always")));
    publish(&bus, 1, "JobStarted", [1]);
    for seconds in [1, 100, 300, 1000] {
        run(&bus, &functions, seconds).await;
    }
    let letters = bus.dead_letters(9).unwrap();
    assert_eq!((letters.len(), letters[0].reason.as_str()), (1, "panicked: always"));
}

#[tokio::test]
async fn the_same_event_twice_leads_to_facts_with_the_same_ids() {
    let (bus, functions) = (in_memory(), scripted("job-state", |_, _| Ok(vec![wanted(1), wanted(1)])));
    publish(&bus, 1, "JobStarted", [1]);
    publish(&bus, 1, "JobStarted", [1]);
    run(&bus, &functions, 1).await;
    let ids: Vec<String> =
        bus.caused_by("event-1").unwrap().iter().map(|event| event.envelope.id.clone()).collect();
    assert_eq!(ids.len(), 4);
    assert_eq!(ids[..2], ids[2..]);
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_fact_that_a_person_should_hear_of_is_also_a_notice() {
    let (bus, functions) = (
        in_memory(),
        scripted("job-state", |_, _| {
            let rejected = JobRejected {
                job: JobId(1),
                repository: "acme/app".parse().unwrap(),
                name: "test".to_owned(),
                html_url: "https://github.example/1".to_owned(),
                reason: "class:mediun is unknown".to_owned(),
            };
            Ok(vec![rejected.into(), wanted(1)])
        }),
    );
    publish(&bus, 1, "JobStarted", [1]);
    run(&bus, &functions, 1).await;
    let alarm = take(&bus, 1).into_iter().find(|delivery| delivery.function == "alarm").unwrap();
    let Payload::Message(message) = &alarm.items[0].payload else { panic!("alarm takes messages") };
    assert!(message.contains("class:mediun is unknown"), "{message}");
}

#[tokio::test]
async fn a_notice_that_cannot_be_handed_on_is_tried_again() {
    let (bus, functions) = (in_memory(), silent());
    bus.notify(at(1), "poison".to_owned()).unwrap();
    bus.notify(at(1), "fine".to_owned()).unwrap();
    run(&bus, &functions, 1).await;
    assert_eq!(contents(&take_for(&bus, 61, "alarm")[0]), [("poison".to_owned(), 2)]);
}

#[tokio::test]
async fn facts_of_a_request_name_githubs_delivery_as_their_cause() {
    let (bus, functions) = (in_memory(), silent());
    let mut request =
        Request { method: "POST".to_owned(), path: "/webhook".to_owned(), ..Request::default() };
    request.headers.insert("x-github-delivery".to_owned(), "72d3162e-cc78-11e3-81ab-4c9367dc0958".to_owned());
    for _ in 0..2 {
        let answer = functions.answer(&bus, "ingest", &request, at(1), None).await;
        assert_eq!(answer.status, 202);
    }
    let told = bus.caused_by("72d3162e-cc78-11e3-81ab-4c9367dc0958").unwrap();
    assert_eq!(told.len(), 2);
    assert_eq!(told[0].envelope.id, told[1].envelope.id, "delivered again, it is the same event");

    request.headers.insert("x-github-delivery".to_owned(), "a b\"; drop".to_owned());
    functions.answer(&bus, "ingest", &request, at(1), None).await;
    assert_eq!(bus.caused_by("a b\"; drop").unwrap(), []);

    request.path = "/panic".to_owned();
    assert_eq!(functions.answer(&bus, "ingest", &request, at(1), None).await.status, 500);
}

#[test]
fn template_and_process_have_the_same_functions() {
    let refusal = |functions: Functions| functions.check(&wiring()).unwrap_err().to_string();
    silent().check(&wiring()).unwrap();
    let missing = Functions::new().event("launch", Arc::new(Silent));
    assert_eq!(refusal(missing), "function alarm: is in the template and not in this process");
    let more = silent().event("billing", Arc::new(Silent));
    assert_eq!(refusal(more), "function billing: is in this process and not in the template");
    let other = silent().http("pool", Arc::new(Silent));
    assert_eq!(refusal(other), "function pool: takes HTTP requests, and the template wakes it with events");
}
