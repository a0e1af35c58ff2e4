use std::sync::Mutex as StdMutex;

use aws_sdk_ssm::config::retry::RetryConfig;
use fleetfoot_shell::clock::VirtualClock;
use serde_json::json;

use super::*;
use crate::wire::{Answer, Wire, error};

const PARAMETER: &str = "ssm:/fleetfoot/ff/github/token";

/// An AWS whose answer a test may change.
struct Aws {
    answer: Arc<StdMutex<Option<Answer>>>,
    wire: Wire,
    clock: VirtualClock,
    secrets: AwsSecrets,
}

impl Aws {
    fn new(answer: Answer) -> Self {
        let answer = Arc::new(StdMutex::new(Some(answer)));
        let current = Arc::clone(&answer);
        let wire = Wire::new(move |_| current.lock().unwrap().clone());
        let sdk = wire.config().into_builder().retry_config(RetryConfig::disabled()).build();
        let clock = VirtualClock::at(Timestamp::UNIX_EPOCH);
        let secrets = AwsSecrets::new(
            aws_sdk_ssm::Client::new(&sdk),
            aws_sdk_secretsmanager::Client::new(&sdk),
            Arc::new(clock.clone()),
        );
        Self { answer, wire, clock, secrets }
    }

    fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = Some(answer);
    }

    fn is_silent(&self) {
        *self.answer.lock().unwrap() = None;
    }

    fn after(&self, seconds: i64) -> &Self {
        self.clock.advance(SignedDuration::from_secs(seconds));
        self
    }

    async fn read(&self, reference: &str) -> Result<String, String> {
        let secret = self.secrets.read(&reference.parse().unwrap()).await;
        secret.map(|secret| secret.expose().to_owned()).map_err(|error| error.to_string())
    }
}

fn parameter(value: &str) -> Answer {
    (200, json!({ "Parameter": { "Name": "/x", "Type": "SecureString", "Value": value } }).to_string())
}

fn secret(value: &str) -> Answer {
    (200, json!({ "Name": "x", "SecretString": value }).to_string())
}

#[tokio::test]
async fn a_secret_is_read_once_a_minute_and_a_rotated_one_is_used_then() {
    let aws = Aws::new(parameter("first\n"));
    assert_eq!(aws.read(PARAMETER).await.unwrap(), "first");
    aws.answers(parameter("second"));
    assert_eq!(aws.after(59).read(PARAMETER).await.unwrap(), "first");
    assert_eq!(aws.wire.asked().len(), 1);
    assert_eq!(aws.after(1).read(PARAMETER).await.unwrap(), "second");
    let asked = json!({ "Name": "/fleetfoot/ff/github/token", "WithDecryption": true });
    assert_eq!(aws.wire.asked_json(), [asked.clone(), asked]);
    assert_eq!(aws.read("ssm:/fleetfoot/ff/other").await.unwrap(), "second");
    assert_eq!(aws.wire.asked().len(), 3, "each reference for itself");
}

#[tokio::test]
async fn a_failure_is_never_remembered() {
    let aws = Aws::new(error(400, "ParameterNotFound"));
    let missing = aws.read(PARAMETER).await.unwrap_err();
    assert!(missing.starts_with("secret ssm:/fleetfoot/ff/github/token cannot be read: there is no such"));
    assert!(missing.contains("aws ssm put-parameter"), "{missing}");
    aws.answers(parameter("there"));
    assert_eq!(aws.read(PARAMETER).await.unwrap(), "there");
}

#[tokio::test]
async fn an_outage_is_bridged_for_fifteen_minutes_and_no_longer() {
    let aws = Aws::new(parameter("hunter2"));
    aws.read(PARAMETER).await.unwrap();
    aws.answers(error(500, "InternalServerError"));
    assert_eq!(aws.after(120).read(PARAMETER).await.unwrap(), "hunter2");
    aws.answers(error(400, "ThrottlingException"));
    assert_eq!(aws.after(15 * 60 - 121).read(PARAMETER).await.unwrap(), "hunter2");
    let error = aws.after(1).read(PARAMETER).await.unwrap_err();
    assert!(error.contains("ThrottlingException") && !error.contains("hunter2"), "{error}");
    aws.answers(parameter("hunter3"));
    assert_eq!(aws.read(PARAMETER).await.unwrap(), "hunter3");
}

#[tokio::test(start_paused = true)]
async fn an_aws_that_never_answers_is_an_outage() {
    let aws = Aws::new(parameter("hunter2"));
    aws.read(PARAMETER).await.unwrap();
    aws.is_silent();
    assert_eq!(aws.after(61).read(PARAMETER).await.unwrap(), "hunter2");
    let error = aws.read("ssm:/fleetfoot/ff/other").await.unwrap_err();
    assert!(error.ends_with("AWS did not answer within 3s"), "{error}");
}

#[tokio::test]
async fn a_secret_that_was_deleted_or_forbidden_is_not_used_on() {
    for code in ["ParameterNotFound", "AccessDeniedException"] {
        let aws = Aws::new(parameter("hunter2"));
        aws.read(PARAMETER).await.unwrap();
        aws.answers(error(400, code));
        aws.after(60).read(PARAMETER).await.unwrap_err();
        aws.answers(error(500, "InternalServerError"));
        aws.read(PARAMETER).await.unwrap_err();
    }
}

#[tokio::test]
async fn who_asks_at_the_same_time_shares_one_request() {
    let aws = Aws::new(parameter("shared"));
    let (first, second) = tokio::join!(aws.read(PARAMETER), aws.read(PARAMETER));
    assert_eq!((first.unwrap().as_str(), second.unwrap().as_str()), ("shared", "shared"));
    assert_eq!(aws.wire.asked().len(), 1);
    aws.after(3600).answers(error(500, "InternalServerError"));
    let (first, second) = tokio::join!(aws.read(PARAMETER), aws.read(PARAMETER));
    assert_eq!(first.unwrap_err(), second.unwrap_err());
    assert_eq!(aws.wire.asked().len(), 2, "a failure is shared too");
    aws.read(PARAMETER).await.unwrap_err();
    assert_eq!(aws.wire.asked().len(), 3, "and not remembered");
}

#[tokio::test]
async fn a_field_of_a_json_secret_is_read_and_no_other_is_shown() {
    let aws = Aws::new(secret(r#"{ "token": "hunter2\n", "port": 4711, "empty": "" }"#));
    assert_eq!(aws.read("secretsmanager:ff#token").await.unwrap(), "hunter2");
    assert!(aws.read("secretsmanager:ff").await.unwrap().starts_with('{'));
    for (reference, reason) in [
        ("secretsmanager:ff#tokn", "its JSON object has no key \"tokn\", but 3 others"),
        ("secretsmanager:ff#port", "its key \"port\" is not a string"),
        ("secretsmanager:ff#empty", "it is empty"),
    ] {
        let refusal = aws.read(reference).await.unwrap_err();
        assert_eq!(refusal, format!("secret {reference} cannot be read: {reason}"));
    }
    aws.answers(secret("hunter2"));
    let refusal = aws.read("secretsmanager:plain#token").await.unwrap_err();
    assert!(refusal.contains("it is no JSON object") && !refusal.contains("hunter2"), "{refusal}");
    aws.answers((200, json!({ "Name": "x", "SecretBinary": "aHVudGVyMg==" }).to_string()));
    let refusal = aws.read("secretsmanager:binary").await.unwrap_err();
    assert!(refusal.contains("it is binary"), "{refusal}");
    aws.answers(error(400, "ResourceNotFoundException"));
    let refusal = aws.read("secretsmanager:missing").await.unwrap_err();
    assert!(refusal.contains("aws secretsmanager create-secret --name missing"), "{refusal}");
}

#[tokio::test]
async fn what_means_nothing_on_aws_and_what_is_empty_is_refused() {
    let aws = Aws::new(parameter("\n"));
    let error = aws.read(PARAMETER).await.unwrap_err();
    assert!(error.ends_with("it is empty"), "{error}");
    for reference in ["env:TOKEN", "file:token"] {
        let error = aws.read(reference).await.unwrap_err();
        assert!(error.contains("use ssm:/path or secretsmanager:name#key"), "{error}");
    }
    assert_eq!(aws.wire.asked().len(), 1);
    assert!(!format!("{:?}", aws.secrets).contains("hunter2"));
}
