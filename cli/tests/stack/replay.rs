//! `fleetfoot replay --stack`: envelopes, webhooks and the archive.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use fleetfoot_ingest::signature;
use fleetfoot_model::secret::Secret;

use crate::job;
use crate::stage::{Stage, event_file};

const SECRET: &str = "It's a Secret to Everybody";
const CONFIGURATION: &str = "[github]\norganization = \"acme\"\ntoken = \"ssm:/replay/token\"\n\
                             webhook_secrets = [\"ssm:/replay/missing\", \"ssm:/replay/webhook\"]\n";

async fn configured(stage: &Stage) {
    stage.write("fleet.toml", CONFIGURATION);
    assert_eq!(stage.run("config put").await.code, 0);
}

#[tokio::test]
async fn an_envelope_goes_on_the_bus_and_comes_again_from_the_archive() {
    let stage = Stage::deployed("replayed").await;
    configured(&stage).await;
    stage.put(job(289_782_451)).await;
    stage.write("job-queued.json", event_file("job-queued.json"));
    let said = stage.run("replay --stale job-queued.json --wait 0").await;
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(
        said.data,
        "job-queued.json: event JobQueued put on the bus\n  nothing has changed for job 289782451\n"
    );
    let seen = stage.seen().await.unwrap();
    assert_eq!((&seen["source"], &seen["detail-type"]), (&"fleetfoot".into(), &"JobQueued".into()));
    assert_eq!(seen["detail"]["job"]["id"], 289_782_451);

    let since = "replay --stale --since 2020-01-01T00:00:00Z";
    let unknown = stage.run(&format!("{since} --rule JobQueuedToLaunch")).await;
    assert!(unknown.rest.starts_with("error: the bus has no rule JobQueuedToLaunch\n"), "{unknown:?}");
    let replayed = stage.run(&format!("{since} --rule JobQueuedToSeen --json")).await;
    assert!(replayed.rest.starts_with("replay fleetfoot-"), "{replayed:?}");
    let replayed = replayed.json();
    assert_eq!(
        (&replayed["state"], &replayed["from"]),
        (&"COMPLETED".into(), &"2020-01-01T00:00:00Z".into())
    );
    let again = stage.seen().await.unwrap();
    assert_eq!(again["replay-name"], replayed["replay"]);
    assert_eq!(again["detail"], seen["detail"]);
}

#[tokio::test]
async fn what_only_aws_may_tell_is_refused() {
    let stage = Stage::deployed("foreign").await;
    configured(&stage).await;
    stage.write("task.json", event_file("foreign/ecs/task-stopped.json"));
    let said = stage.run("replay --stale task.json").await;
    assert_eq!(said.code, 1);
    assert!(
        said.rest.starts_with(
            "error: task.json: an event of aws.ecs cannot be put on the bus of a stack\n  \
             cause: only AWS itself may tell events whose source begins with aws.\nhint: `cleanup` asks"
        ),
        "{said:?}"
    );
}

#[tokio::test]
async fn a_webhook_is_signed_with_the_fleets_secret_and_sent_to_the_stack() {
    let deliveries: Arc<Mutex<Vec<(HeaderMap, Bytes)>>> = Arc::default();
    let seen = Arc::clone(&deliveries);
    let take = async move |headers: HeaderMap, body: Bytes| {
        seen.lock().unwrap().push((headers, body));
        StatusCode::ACCEPTED
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let webhook = format!("http://{}/webhook", listener.local_addr().unwrap());
    let server =
        tokio::spawn(axum::serve(listener, Router::new().route("/webhook", post(take))).into_future());

    let stage = Stage::with_webhook("hooked", &webhook).await;
    configured(&stage).await;
    let ssm = aws_sdk_ssm::Client::new(&stage.sdk);
    let secret = ssm.put_parameter().name("/replay/webhook").value(SECRET).overwrite(true);
    secret.r#type(aws_sdk_ssm::types::ParameterType::SecureString).send().await.unwrap();
    let body = event_file("foreign/github/ping-event-0.json");
    stage.write("ping-event-0.json", &body);
    let said = stage.run("replay ping-event-0.json").await;
    assert_eq!(
        (said.code, said.data.as_str()),
        (0, "ping-event-0.json: webhook ping answered 202\n"),
        "{said:?}"
    );
    let (headers, sent) = deliveries.lock().unwrap().pop().unwrap();
    assert_eq!(
        headers["x-hub-signature-256"],
        signature::sign(&Secret::new(SECRET), body.as_bytes()).as_str()
    );
    assert_eq!(sent, body.as_bytes());
    server.abort();
}
