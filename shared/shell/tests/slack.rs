//! Slack's incoming webhook, spoken to over HTTP.

#![expect(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::post;
use fleetfoot_model::config::SlackConfig;
use fleetfoot_model::ports::{SecretError, Secrets, Slack};
use fleetfoot_model::secret::{Secret, SecretReference};
use fleetfoot_shell::slack;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const PATH: &str = "/services/T0000/B0000/hunter2";

/// What Slack was sent, and what it will answer; `ok` when there is nothing more.
#[derive(Default)]
struct Channel {
    posted: Mutex<Vec<Value>>,
    answers: Mutex<VecDeque<(u16, &'static str)>>,
}

async fn take(State(channel): State<Arc<Channel>>, body: String) -> impl IntoResponse {
    channel.posted.lock().unwrap().push(serde_json::from_str(&body).unwrap());
    let (status, text) = channel.answers.lock().unwrap().pop_front().unwrap_or((200, "ok"));
    (StatusCode::from_u16(status).unwrap(), [("retry-after", "30"), ("location", "/elsewhere")], text)
}

async fn slack(answers: &[(u16, &'static str)]) -> (Arc<Channel>, Arc<dyn Slack>) {
    let (channel, address) = channel(answers).await;
    (channel, webhook(&address))
}

fn config() -> SlackConfig {
    SlackConfig::Webhook("ssm:/fleetfoot/ff/slack/webhook".parse().unwrap())
}

fn webhook(address: &str) -> Arc<dyn Slack> {
    slack::connect(&config(), Arc::new(Safe(Mutex::new(Some(address.to_owned())))))
}

async fn channel(answers: &[(u16, &'static str)]) -> (Arc<Channel>, String) {
    let channel =
        Arc::new(Channel { answers: Mutex::new(answers.iter().copied().collect()), ..Channel::default() });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}{PATH}", listener.local_addr().unwrap());
    let router = Router::new().route(PATH, post(take)).with_state(channel.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (channel, address)
}

#[tokio::test]
async fn a_message_is_posted_as_json() {
    let (channel, webhook) = slack(&[]).await;
    let message = json!({ "text": "a job will get no runner", "blocks": [] });
    webhook.post(&message).await.unwrap();
    assert_eq!(*channel.posted.lock().unwrap(), [message]);
}

/// Reads what was put there last.
struct Safe(Mutex<Option<String>>);

#[async_trait::async_trait]
impl Secrets for Safe {
    async fn read(&self, reference: &SecretReference) -> Result<Secret, SecretError> {
        let missing = SecretError { reference: reference.to_string(), reason: "it is empty".to_owned() };
        self.0.lock().unwrap().as_deref().map(Secret::new).ok_or(missing)
    }
}

#[tokio::test]
async fn an_address_from_a_secret_is_read_for_each_message() {
    let (first, at_first) = channel(&[]).await;
    let (second, at_second) = channel(&[]).await;
    let safe = Arc::new(Safe(Mutex::new(Some(at_first))));
    let webhook = slack::connect(&config(), safe.clone());
    webhook.post(&json!({ "text": "before" })).await.unwrap();
    *safe.0.lock().unwrap() = Some(at_second);
    webhook.post(&json!({ "text": "after" })).await.unwrap();
    assert_eq!(*first.posted.lock().unwrap(), [json!({ "text": "before" })]);
    assert_eq!(*second.posted.lock().unwrap(), [json!({ "text": "after" })]);

    let mut errors = Vec::new();
    for unusable in [None, Some("http://hooks.slack.example/hunter2".to_owned())] {
        *safe.0.lock().unwrap() = unusable;
        errors.push(webhook.post(&json!({})).await.unwrap_err().to_string());
    }
    assert_eq!(
        errors,
        [
            "unavailable: secret ssm:/fleetfoot/ff/slack/webhook cannot be read: it is empty",
            "Slack refuses: the address of the webhook does not begin with https://",
        ]
    );
}

#[tokio::test]
async fn a_refusal_says_what_slack_says_and_never_where_it_is() {
    let (channel, webhook) = slack(&[
        (429, "rate_limited"),
        (500, "rollup_error"),
        (503, "<html>/services/T0000/B0000/hunter2 is unwell</html>"),
        (400, "invalid_blocks"),
        (302, ""),
    ])
    .await;
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(webhook.post(&json!({ "text": "x" })).await.unwrap_err().to_string());
    }
    assert_eq!(
        answers,
        [
            "Slack takes no more messages for 30 s",
            "unavailable: Slack answered 500 Internal Server Error",
            "unavailable: Slack answered 503 Service Unavailable",
            "Slack refuses the message: invalid_blocks",
            "unavailable: Slack answered 302 Found",
        ]
    );
    assert_eq!(channel.posted.lock().unwrap().len(), 5, "an adapter does not repeat a call");
}

#[tokio::test]
async fn a_slack_that_is_away_is_unavailable() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let webhook = webhook(&format!("http://{closed}{PATH}"));
    let error = webhook.post(&json!({})).await.unwrap_err().to_string();
    assert!(error.starts_with("unavailable: Slack did not answer"), "{error}");
    assert!(!error.contains("hunter2") && !error.contains("services"), "{error}");
}

/// Time is virtual: it jumps to the timeout as soon as nothing else is to be done.
#[tokio::test(start_paused = true)]
async fn a_slack_that_never_answers_is_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}{PATH}", silent.local_addr().unwrap());
    let webhook = webhook(&address);
    let error = webhook.post(&json!({})).await.unwrap_err().to_string();
    assert!(error.contains("did not answer") && !error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn an_address_that_would_give_the_secret_away_is_refused() {
    let check = async |address: &str| {
        let safe = Safe(Mutex::new(Some(address.to_owned())));
        slack::check(&config(), Arc::new(safe)).await.map_err(|error| error.to_string())
    };
    for bad in [
        "http://hooks.slack.example/hunter2",
        "hunter2",
        "file:///hunter2",
        "http://localhost.example/hunter2",
    ] {
        let error = check(bad).await.unwrap_err();
        assert!(error.contains("the webhook") && !error.contains("hunter2"), "{error}");
    }
    assert_eq!(check("https://hooks.slack.com/services/T/B/x\n").await, Ok(()));
}
