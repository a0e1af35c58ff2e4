//! The shell around functions of all sorts, on an AWS that is one closure.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_types::body::SdkBody;
use fleetfoot_model::Timestamp;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::events::{Fact, RunnerReleased, RunnerWanted};
use fleetfoot_model::function::{EventFunction, FunctionError, HttpFunction};
use fleetfoot_model::http::{Request, Response};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};

use super::host::Host;
use super::invocation::Invocation;
use super::{Build, events, http, queue};
use crate::settings::{self, Settings};
use crate::wire;

const CONFIG: &str = r#"
[github]
organization = "acme"
token = "ssm:/fleetfoot/ff/github/token"
webhook_secrets = ["ssm:/fleetfoot/ff/webhook/secret"]
"#;

/// What AWS has and was told.
#[derive(Default)]
struct State {
    /// The configuration; none if nobody has put one there.
    config: Option<(i64, String)>,
    /// Facts that the bus has taken, by detail-type.
    published: Vec<String>,
    /// Detail-types that the bus refuses.
    refused: Vec<String>,
    /// Messages in the dead-letter queue.
    buried: Vec<Value>,
}

#[derive(Clone, Default)]
struct Aws(Arc<Mutex<State>>);

impl Aws {
    fn configured() -> Self {
        let aws = Self::default();
        aws.configure(1, CONFIG);
        aws
    }

    fn configure(&self, version: i64, text: &str) {
        self.0.lock().unwrap().config = Some((version, text.to_owned()));
    }

    fn refuse(&self, detail_type: &str) {
        self.0.lock().unwrap().refused.push(detail_type.to_owned());
    }

    fn published(&self) -> Vec<String> {
        self.0.lock().unwrap().published.clone()
    }

    fn buried(&self) -> Vec<Value> {
        self.0.lock().unwrap().buried.clone()
    }

    fn host<F: 'static>(&self, build: Build<F>) -> Host<F> {
        let settings = [
            (settings::STACK, "ff"),
            (settings::FLEET, "ff"),
            (settings::CONFIG_PARAMETER, "/fleetfoot/ff/config"),
            (settings::BUS, "ff-fleet"),
            (settings::UNLAUNCHED, "https://sqs.eu-west-1.amazonaws.com/123456789012/unlaunched"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Host::new("test", Settings::new(settings), self.sdk(), build)
    }

    fn sdk(&self) -> SdkConfig {
        let state = Arc::clone(&self.0);
        let client = infallible_client_fn(move |request| {
            let target = request.headers().get("x-amz-target").unwrap().to_str().unwrap().to_owned();
            let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
            let (status, answer) = state.lock().unwrap().answer(&target, &body);
            aws_lambda_events::http::Response::builder()
                .status(status)
                .body(SdkBody::from(answer.to_string()))
                .unwrap()
        });
        wire::sdk(client)
    }
}

impl State {
    fn answer(&mut self, target: &str, body: &Value) -> (u16, Value) {
        match target {
            "AmazonSSM.GetParameter" if body["Name"] == "/fleetfoot/ff/config" => match &self.config {
                Some((version, text)) => (200, json!({ "Parameter": { "Version": version, "Value": text } })),
                None => (400, json!({ "__type": "ParameterNotFound" })),
            },
            "AmazonSSM.GetParameter" => {
                (200, json!({ "Parameter": { "Version": 1, "Value": "It's a Secret to Everybody" } }))
            }
            "AWSEvents.PutEvents" => self.put_events(body["Entries"].as_array().unwrap()),
            "AmazonSQS.SendMessage" => {
                self.buried.push(serde_json::from_str(body["MessageBody"].as_str().unwrap()).unwrap());
                (200, json!({ "MessageId": "1" }))
            }
            other => panic!("nobody should ask for {other}"),
        }
    }

    fn put_events(&mut self, entries: &[Value]) -> (u16, Value) {
        let results: Vec<Value> = entries
            .iter()
            .map(|entry| {
                let kind = entry["DetailType"].as_str().unwrap().to_owned();
                if self.refused.contains(&kind) {
                    return json!({ "ErrorCode": "InternalFailure", "ErrorMessage": "try again" });
                }
                self.published.push(kind);
                json!({ "EventId": "1" })
            })
            .collect();
        let failed = results.iter().filter(|result| result.get("ErrorCode").is_some()).count();
        (200, json!({ "FailedEntryCount": failed, "Entries": results }))
    }
}

/// Does what an event says: its detail-type names it.
struct Told;

#[async_trait]
impl EventFunction for Told {
    async fn handle(&self, event: &Envelope, _now: Timestamp) -> Result<Vec<Fact>, FunctionError> {
        match event.detail_type.as_str() {
            "Again" => Err(FunctionError::Again("GitHub does not answer".to_owned())),
            "Malformed" => Err(FunctionError::Malformed("detail.job: missing".to_owned())),
            "Panic" => panic!("at the disco"),
            "Released" => {
                let runner = "ff-1-1".parse().unwrap();
                Ok(vec![RunnerReleased { runner, reason: "told".to_owned() }.into()])
            }
            _ => Ok(vec![RunnerWanted { pool: "p".parse().unwrap(), sequence: 1 }.into()]),
        }
    }
}

#[async_trait]
impl HttpFunction for Told {
    async fn handle(&self, request: &Request, _now: Timestamp) -> (Response, Vec<Fact>) {
        let said = json!({
            "method": request.method,
            "path": request.path,
            "body": String::from_utf8_lossy(&request.body),
            "event": request.header("x-github-event"),
        });
        let facts = vec![RunnerWanted { pool: "p".parse().unwrap(), sequence: 1 }.into()];
        (Response::json(202, said), facts)
    }
}

fn event(id: &str, detail_type: &str) -> Value {
    json!({
        "version": "0", "id": id, "detail-type": detail_type, "source": "test", "account": "123456789012",
        "time": "2026-11-21T00:00:00Z", "region": "eu-west-1", "resources": [], "detail": {},
    })
}

fn invocation(payload: Value) -> Invocation {
    let deadline = SystemTime::now() + Duration::from_secs(30);
    let mut context = Context::default();
    context.deadline =
        deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis().try_into().unwrap();
    LambdaEvent::new(payload, context).into()
}

fn batch(messages: &[(&str, String)]) -> Value {
    let records = messages.iter().map(|(id, body)| json!({ "messageId": id, "body": body }));
    json!({ "Records": records.collect::<Vec<_>>() })
}

fn request() -> Value {
    json!({
        "version": "2.0", "routeKey": "POST /webhook", "rawPath": "/webhook", "rawQueryString": "",
        "headers": { "x-github-event": "workflow_job", "x-github-delivery": "guid-1" },
        "requestContext": { "http": { "method": "POST", "path": "/webhook" } },
        "body": "eyJhIjoxfQ==", "isBase64Encoded": true,
    })
}

#[tokio::test]
async fn an_event_becomes_facts_on_the_bus() {
    let aws = Aws::configured();
    let host = aws.host::<Told>(|_| Ok(Told));
    events::invoke(&host, invocation(event("1", "Anything"))).await.unwrap();
    assert_eq!(aws.published(), ["RunnerWanted"]);
}

#[tokio::test]
async fn an_event_that_fails_panics_or_does_not_fit_is_an_error_that_says_why() {
    let host = Aws::configured().host::<Told>(|_| Ok(Told));
    let mut misshapen = event("1", "Anything");
    misshapen["time"] = json!("yesterday");
    for (payload, kind, words) in [
        (event("1", "Again"), "Again", "GitHub does not answer"),
        (event("2", "Panic"), "Again", "panicked: at the disco"),
        (event("3", "Malformed"), "Malformed", "malformed event: detail.job: missing"),
        (misshapen, "Malformed", "malformed event: time: "),
        (json!([]), "Malformed", "malformed event: "),
    ] {
        let error = events::invoke(&host, invocation(payload)).await.unwrap_err();
        assert_eq!(error.error_type, kind);
        assert!(error.error_message.starts_with(words), "{}", error.error_message);
    }
}

#[tokio::test]
async fn facts_that_cannot_be_published_bring_the_event_back() {
    let aws = Aws::configured();
    aws.refuse("RunnerWanted");
    let host = aws.host::<Told>(|_| Ok(Told));
    let error = events::invoke(&host, invocation(event("1", "Anything"))).await.unwrap_err();
    assert_eq!(error.error_type, "Again");
}

/// Lesson 4: an unknown error in a batch of ten acknowledged all ten. Lesson 5: the wrong message came back.
#[tokio::test]
async fn of_a_batch_only_what_failed_comes_back() {
    let aws = Aws::configured();
    aws.refuse("RunnerReleased");
    let host = aws.host::<Told>(|_| Ok(Told));
    let payload = batch(&[
        ("good", event("1", "Anything").to_string()),
        ("failing", event("2", "Again").to_string()),
        ("panicking", event("3", "Panic").to_string()),
        ("unpublished", event("4", "Released").to_string()),
        ("good too", event("5", "Anything").to_string()),
    ]);
    let answer = queue::invoke(&host, invocation(payload)).await.unwrap();
    let failures = answer["batchItemFailures"].as_array().unwrap();
    let names: Vec<&str> = failures.iter().map(|it| it["itemIdentifier"].as_str().unwrap()).collect();
    assert_eq!(names, ["failing", "panicking", "unpublished"]);
    assert_eq!(aws.published(), ["RunnerWanted", "RunnerWanted"]);
}

#[tokio::test]
async fn a_message_that_can_never_be_read_is_put_aside_with_its_reason() {
    let aws = Aws::configured();
    let host = aws.host::<Told>(|_| Ok(Told));
    let payload = batch(&[("text", "hello".to_owned()), ("odd", event("2", "Malformed").to_string())]);
    let answer = queue::invoke(&host, invocation(payload)).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    let buried = aws.buried();
    assert_eq!(buried[0]["requestPayload"], "hello");
    assert_eq!(buried[1]["requestPayload"]["id"], "2");
    assert_eq!(buried[1]["responsePayload"]["errorMessage"], "malformed event: detail.job: missing");
}

#[tokio::test]
async fn a_batch_that_has_no_time_left_comes_back_untried() {
    let aws = Aws::configured();
    let host = aws.host::<Told>(|_| Ok(Told));
    let payload = batch(&[("late", event("1", "Anything").to_string())]);
    let mut context = Context::default();
    context.deadline = 1;
    let late = LambdaEvent::new(payload, context).into();
    let answer = queue::invoke(&host, late).await.unwrap();
    assert_eq!(answer["batchItemFailures"][0]["itemIdentifier"], "late");
    assert!(aws.published().is_empty());
}

#[tokio::test]
async fn a_request_is_decoded_and_answered_once_its_facts_are_published() {
    let aws = Aws::configured();
    let host = aws.host::<Told>(|ports| {
        ports.webhook_secrets();
        Ok(Told)
    });
    let answer = http::invoke(&host, invocation(request())).await.unwrap();
    assert_eq!(answer["statusCode"], 202);
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    let expected =
        json!({ "method": "POST", "path": "/webhook", "body": "{\"a\":1}", "event": "workflow_job" });
    assert_eq!(body, expected);
    assert_eq!(aws.published(), ["RunnerWanted"]);

    aws.refuse("RunnerWanted");
    let answer = http::invoke(&host, invocation(request())).await.unwrap();
    assert_eq!(answer["statusCode"], 503);
}

/// Lesson 6: one failed read of the configuration was remembered, and every later delivery failed.
#[tokio::test]
async fn without_a_good_configuration_nothing_is_taken_and_the_next_invocation_looks_again() {
    let aws = Aws::default();
    let host = aws.host::<Told>(|_| Ok(Told));
    let answer = http::invoke(&host, invocation(request())).await.unwrap();
    assert_eq!(answer["statusCode"], 503);

    aws.configure(1, "[github]\norganisation = 1");
    let error = events::invoke(&host, invocation(event("1", "Anything"))).await.unwrap_err();
    assert!(error.error_message.contains("github.organisation"), "{}", error.error_message);

    aws.configure(2, &format!("[fleet]\nname = \"other\"\n{CONFIG}"));
    let error = events::invoke(&host, invocation(event("1", "Anything"))).await.unwrap_err();
    assert!(error.error_message.contains("FleetName ff"), "{}", error.error_message);
    assert!(aws.published().is_empty());

    aws.configure(3, CONFIG);
    let answer = http::invoke(&host, invocation(request())).await.unwrap();
    assert_eq!(answer["statusCode"], 202);
}

#[tokio::test]
async fn a_role_that_the_deployment_does_not_allow_is_named() {
    let aws = Aws::default();
    let role = "arn:aws:iam::123456789012:role/deploy";
    aws.configure(1, &format!("{CONFIG}[classes.medium]\ncpu = 256\nmemory = 512\nrole = \"{role}\"\n"));
    let host = aws.host::<Told>(|ports| {
        ports.launching_fleet()?;
        Ok(Told)
    });
    let error = events::invoke(&host, invocation(event("1", "Anything"))).await.unwrap_err();
    assert!(error.error_message.contains(role), "{}", error.error_message);
}
