//! What `/webhook` and `/health` answer, on recorded payloads and on hostile ones.

#![expect(clippy::unwrap_used, reason = "a test that panics has found something")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use fleetfoot_ingest::Ingest;
use fleetfoot_ingest::signature::sign;
use fleetfoot_model::Timestamp;
use fleetfoot_model::config;
use fleetfoot_model::events::Fact;
use fleetfoot_model::function::HttpFunction;
use fleetfoot_model::http::{Request, Response};
use fleetfoot_model::ports::{SecretError, Secrets};
use fleetfoot_model::secret::{Secret, SecretReference};
use proptest::prelude::*;
use serde_json::{Value, json};

const QUEUED: &str = include_str!("../../../events/foreign/github/workflow-job-queued-1.json");

/// Secrets with state: what is not in the map cannot be read.
#[derive(Default)]
struct SecretStore(Mutex<BTreeMap<String, String>>);

impl SecretStore {
    fn set(&self, reference: &str, secret: &str) {
        self.0.lock().unwrap().insert(reference.to_owned(), secret.to_owned());
    }
}

#[async_trait]
impl Secrets for SecretStore {
    async fn read(&self, reference: &SecretReference) -> Result<Secret, SecretError> {
        let reference = reference.to_string();
        let found = self.0.lock().unwrap().get(&reference).map(Secret::new);
        found.ok_or(SecretError { reference, reason: "it is not there".to_owned() })
    }
}

struct Api {
    ingest: Ingest,
    secrets: Arc<SecretStore>,
}

fn api() -> Api {
    let text = "[github]\norganization = \"lineville\"\ntoken = \"env:TOKEN\"\nwebhook_secrets = [\"env:NOW\", \"env:BEFORE\"]\n[labels]\nplain = [\"k8s\"]\n[limits]\nwebhook_bytes = 100000\n";
    let config = Arc::new(config::load("fleet.toml", text).unwrap());
    let secrets = Arc::new(SecretStore::default());
    secrets.set("env:NOW", "current");
    secrets.set("env:BEFORE", "previous");
    Api { ingest: Ingest { config, secrets: secrets.clone() }, secrets }
}

fn now() -> Timestamp {
    "2026-11-21T09:00:00Z".parse().unwrap()
}

fn request(event: &str, body: &[u8], signature: Option<String>) -> Request {
    let mut headers = BTreeMap::from([("x-github-event".to_owned(), event.to_owned())]);
    headers.extend(signature.map(|signature| ("x-hub-signature-256".to_owned(), signature)));
    Request { method: "POST".to_owned(), path: "/webhook".to_owned(), headers, body: body.to_vec() }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

impl Api {
    fn post(&self, event: &str, body: &[u8], signature: Option<String>) -> (Response, Vec<Fact>) {
        block_on(self.ingest.handle(&request(event, body, signature), now()))
    }

    fn signed(&self, event: &str, body: &[u8]) -> (Response, Vec<Fact>) {
        self.post(event, body, Some(sign(&Secret::new("current"), body)))
    }
}

fn with(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut body: Value = serde_json::from_str(QUEUED).unwrap();
    change(&mut body);
    serde_json::to_vec(&body).unwrap()
}

#[test]
fn every_recorded_payload_is_accepted_when_signed() {
    let api = api();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/foreign/github");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let event = if name.starts_with("ping") { "ping" } else { &name.replace('-', "_")[..12] };
        let (response, _) = api.signed(event, &std::fs::read(&path).unwrap());
        assert!(response.status == if event == "ping" { 200 } else { 202 }, "{name}: {response:?}");
        count += 1;
    }
    assert!(count >= 6, "the recorded payloads are there");
}

#[test]
fn a_queued_job_becomes_one_fact() {
    let (response, facts) = api().signed("workflow_job", QUEUED.as_bytes());
    assert_eq!(response.body, json!({ "accepted": true, "facts": ["JobQueued"] }));
    let [Fact::JobQueued(fact)] = &facts[..] else { panic!("{facts:?}") };
    assert_eq!(
        (fact.job.id.0, fact.job.repository.as_str(), fact.job.public),
        (12_877_621_891, "lineville/elastic-machines-testing", true)
    );
    assert_eq!(fact.job.created_at, "2023-04-19T21:12:12Z".parse().unwrap());
    assert_eq!(fact.job.head_sha, Some("16c5286e8d9a0629956a28938386b36608707a71".parse().unwrap()));
}

/// Only a check run would need it.
#[test]
fn a_job_whose_commit_is_no_hash_is_served_without_it() {
    for commit in [json!("main"), json!("../../acme/other/check-runs"), json!(""), json!(null)] {
        let (response, facts) =
            api().signed("workflow_job", &with(|body| body["workflow_job"]["head_sha"] = commit));
        let [Fact::JobQueued(fact)] = &facts[..] else { panic!("{response:?}") };
        assert_eq!(fact.job.head_sha, None);
    }
}

/// lesson 14: a missing signature answered 500 instead of 401; the expected signature logged.
#[test]
fn without_a_good_signature_the_answer_is_401_and_tells_nothing() {
    let api = api();
    let good = sign(&Secret::new("current"), QUEUED.as_bytes());
    for bad in [
        None,
        Some(String::new()),
        Some("sha256=00".to_owned()),
        Some(sign(&Secret::new("wrong"), QUEUED.as_bytes())),
    ] {
        let (response, facts) = api.post("workflow_job", QUEUED.as_bytes(), bad);
        assert_eq!((response.status, facts.len()), (401, 0));
        assert!(!response.body.to_string().contains(&good[7..]));
    }
}

#[test]
fn while_a_secret_is_rotated_both_are_good_and_one_that_is_gone_hurts_nobody() {
    let api = api();
    for secret in ["current", "previous"] {
        let signature = sign(&Secret::new(secret), QUEUED.as_bytes());
        assert_eq!(api.post("workflow_job", QUEUED.as_bytes(), Some(signature)).0.status, 202);
    }
    api.secrets.0.lock().unwrap().remove("env:BEFORE");
    assert_eq!(api.signed("workflow_job", QUEUED.as_bytes()).0.status, 202);
}

/// lesson 6: one failed read was cached. lesson 3: answered so that nobody asks again.
#[test]
fn without_its_secrets_a_delivery_fails_visibly_and_the_next_one_is_fine() {
    let api = api();
    api.secrets.0.lock().unwrap().clear();
    let (response, facts) = api.signed("workflow_job", QUEUED.as_bytes());
    assert_eq!(
        (response.status, facts.len()),
        (503, 0),
        "GitHub lists it as failed, so that it can be asked for again"
    );
    let health =
        block_on(api.ingest.handle(&Request { path: "/health".to_owned(), ..Request::default() }, now())).0;
    assert_eq!(health.status, 503);
    assert!(health.body["secrets"].as_str().unwrap().contains("env:"), "{health:?}");
    api.secrets.set("env:NOW", "current");
    assert_eq!(api.signed("workflow_job", QUEUED.as_bytes()).0.status, 202);
    let health =
        block_on(api.ingest.handle(&Request { path: "/health".to_owned(), ..Request::default() }, now())).0;
    assert_eq!((health.status, health.body["version"].as_str()), (200, Some(env!("CARGO_PKG_VERSION"))));
}

#[test]
fn what_is_not_a_webhook_is_said_to_be_none() {
    let api = api();
    for (body, word) in [
        (&b"payload=%7B%7D"[..], "application/json"),
        (b"", "not JSON"),
        (b"{\"action\":\"queued\"} trailing", "workflow_job"),
        (b"[]", "workflow_job"),
        (b"{\"action\":\"queued\",\"workflow_job\":{\"id\":\"x\"},\"repository\":{}}", "workflow_job.id"),
    ] {
        let (response, facts) = api.signed("workflow_job", body);
        assert_eq!((response.status, facts.len()), (400, 0), "{response:?}");
        assert!(response.body.to_string().contains(word), "{word}: {response:?}");
    }
    assert_eq!(api.signed("push", b"no json").0.status, 400);
    assert_eq!(api.signed("push", b"{}").0.status, 202);
    assert_eq!(api.signed("workflow_job", &with(|body| body["action"] = json!("invented"))).0.status, 202);
    assert_eq!(
        api.signed("workflow_job", &with(|body| body["repository"]["full_name"] = json!("../../etc")))
            .0
            .status,
        400
    );
    assert_eq!(api.signed("workflow_job", &vec![b' '; 100_001]).0.status, 413);
}

#[test]
fn a_job_without_our_labels_is_none_of_ours() {
    let api = api();
    let (response, facts) =
        api.signed("workflow_job", &with(|body| body["workflow_job"]["labels"] = json!(["ubuntu-latest"])));
    assert_eq!((response.status, facts.len()), (202, 0));
    assert_eq!(response.body["accepted"], json!(false));
}

#[test]
fn a_fork_of_a_private_repository_is_told_and_its_own_runs_are_not() {
    let api = api();
    let run = |head: &str, private: bool| {
        json!({ "action": "requested", "workflow_run": { "id": 7, "event": "pull_request", "head_repository": { "full_name": head } },
                "repository": { "full_name": "acme/app", "private": private } })
    };
    let facts = |body: Value| api.signed("workflow_run", &serde_json::to_vec(&body).unwrap()).1.len();
    assert_eq!(facts(run("contributor/app", true)), 1);
    assert_eq!(facts(run("acme/app", true)), 0);
    assert_eq!(facts(run("acme/app", false)), 1, "what a public repository runs is always looked at");
}

proptest! {
    #[test]
    fn nothing_that_is_sent_panics(body in proptest::collection::vec(any::<u8>(), 0..400), event in "[a-z_]{0,20}") {
        let status = api().signed(&event, &body).0.status;
        prop_assert!(matches!(status, 200 | 202 | 400));
    }

    #[test]
    fn no_field_of_a_webhook_panics(field in "[a-z_]{1,20}", value in prop_oneof![Just(json!(null)), Just(json!(-1)), Just(json!([])), Just(json!({})), "\\PC{0,300}".prop_map(Value::from)]) {
        let body = with(|body| body["workflow_job"][field.as_str()] = value);
        let status = api().signed("workflow_job", &body).0.status;
        prop_assert!(matches!(status, 202 | 400));
    }
}
