//! Answers of DynamoDB that no emulator gives, at the wire.

use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};
use aws_sdk_dynamodb::config::retry::RetryPartition;
use aws_sdk_dynamodb::config::{
    AsyncSleep, BehaviorVersion, Builder, Credentials, HttpClient, Region, SharedAsyncSleep, Sleep,
};
use aws_smithy_http_client::test_util::{NeverClient, ReplayEvent, StaticReplayClient};
use aws_smithy_types::body::SdkBody;
use fleetfoot_model::ids::{PoolName, RunId};
use fleetfoot_model::record::{Pool, WorkflowRun};
use serde_json::{Value, json};

use super::*;

/// Backs off in no time.
#[derive(Debug)]
struct NoSleep;

impl AsyncSleep for NoSleep {
    fn sleep(&self, _: std::time::Duration) -> Sleep {
        Sleep::new(std::future::ready(()))
    }
}

fn over(http: impl HttpClient + 'static) -> DynamoLedger {
    // Clients of one region share what they may spend on further tries, and these tests spend a lot.
    let partition = RetryPartition::new(Uuid::new_v4().to_string());
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-west-1"))
        .credentials_provider(Credentials::new("key", "a-secret-key", None, None, "tests"))
        .retry_partition(partition)
        .sleep_impl(SharedAsyncSleep::new(NoSleep))
        .http_client(http);
    DynamoLedger::new(Client::from_conf(config.build()), "ledger")
}

/// A ledger that gets these answers, and what it sends.
fn answered(answers: Vec<(u16, Value)>) -> (DynamoLedger, StaticReplayClient) {
    let events = answers.into_iter().map(|(status, body)| {
        let status = status.try_into().unwrap();
        ReplayEvent::new(HttpRequest::empty(), HttpResponse::new(status, SdkBody::from(body.to_string())))
    });
    let replay = StaticReplayClient::new(events.collect());
    (over(replay.clone()), replay)
}

fn sent(replay: &StaticReplayClient) -> Vec<Value> {
    let body = |request: &HttpRequest| serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
    replay.actual_requests().map(body).collect()
}

fn error(status: u16, code: &str) -> (u16, Value) {
    (status, json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "the message"}))
}

fn cancelled(codes: &[&str]) -> (u16, Value) {
    let reasons: Vec<_> = codes.iter().map(|code| json!({"Code": code, "Message": "the message"})).collect();
    let (status, mut body) = error(400, "TransactionCanceledException");
    body["CancellationReasons"] = json!(reasons);
    (status, body)
}

fn row() -> Change {
    let run = WorkflowRun {
        id: RunId(7),
        repository: "acme/app".parse().unwrap(),
        head_repository: None,
        heard_at: "2026-11-20T08:00:00Z".parse().unwrap(),
    };
    Change::Put(Stored::new(run.into()))
}

fn office() -> Counter {
    Counter::ClassRunners("office".parse().unwrap())
}

/// A row, a counter that has a limit, and one that is released, in the order of their items.
fn transaction() -> Vec<Change> {
    vec![row(), Change::Acquire { counter: Counter::Runners, limit: 5 }, Change::Release(office())]
}

/// The name of what the ledger says, and how often it asked.
async fn outcome(answers: Vec<(u16, Value)>, changes: Vec<Change>) -> (String, usize) {
    let (ledger, replay) = answered(answers);
    let said = match ledger.commit(changes).await {
        Ok(()) => "written".to_owned(),
        Err(LedgerError::Conflict(key)) => format!("conflict {key}"),
        Err(LedgerError::Full { counter, limit }) => format!("full {} {limit}", counter.key()),
        Err(LedgerError::Unavailable(_)) => "unavailable".to_owned(),
        Err(LedgerError::Malformed { key, .. }) => format!("malformed {key}"),
    };
    (said, sent(&replay).len())
}

#[tokio::test]
async fn errors_of_a_single_row() {
    let cases = [
        (400, "ConditionalCheckFailedException", "conflict run#7", 1),
        (400, "TransactionConflictException", "conflict run#7", 1),
        (400, "ProvisionedThroughputExceededException", "unavailable", 8),
        (400, "ThrottlingException", "unavailable", 8),
        (400, "RequestLimitExceeded", "unavailable", 8),
        (500, "InternalServerError", "unavailable", 8),
        (503, "ServiceUnavailable", "unavailable", 8),
        (400, "ItemCollectionSizeLimitExceededException", "malformed run#7", 1),
        (400, "ValidationException", "malformed run#7", 1),
        (400, "ResourceNotFoundException", "unavailable", 1),
        (400, "AccessDeniedException", "unavailable", 1),
        (400, "UnrecognizedClientException", "unavailable", 1),
        (400, "SomethingNew", "unavailable", 1),
    ];
    for (status, code, said, tries) in cases {
        let found = outcome(vec![error(status, code); 8], vec![row()]).await;
        assert_eq!(found, (said.to_owned(), tries), "{code}");
    }
}

#[tokio::test]
async fn reasons_of_a_cancelled_transaction() {
    const NONE: &str = "None";
    const REFUSED: &str = "ConditionalCheckFailed";
    const BUSY: &str = "TransactionConflict";
    let cases = [
        (vec![REFUSED, NONE, NONE], "conflict run#7", 1),
        (vec![REFUSED, REFUSED, REFUSED], "conflict run#7", 1),
        (vec![BUSY, REFUSED, NONE], "conflict run#7", 1),
        (vec![BUSY, NONE, NONE], "conflict run#7", 8),
        (vec![NONE, REFUSED, NONE], "full counter#runners 5", 1),
        (vec![NONE, REFUSED, REFUSED], "full counter#runners 5", 1),
        (vec![NONE, REFUSED, BUSY], "full counter#runners 5", 1),
        (vec![NONE, BUSY, NONE], "unavailable", 8),
        (vec![NONE, BUSY, BUSY], "unavailable", 8),
        (vec![NONE, "ThrottlingError", NONE], "unavailable", 8),
        (vec!["ProvisionedThroughputExceeded", NONE, NONE], "unavailable", 8),
        (vec!["ItemCollectionSizeLimitExceeded", NONE, NONE], "malformed run#7", 1),
        (vec!["ValidationError", NONE, NONE], "malformed run#7", 1),
        (vec![NONE, "SomethingNew", NONE], "unavailable", 1),
        (vec![NONE, NONE, NONE], "unavailable", 1),
        (vec![], "unavailable", 1),
    ];
    for (codes, said, tries) in cases {
        let found = outcome(vec![cancelled(&codes); 8], transaction()).await;
        assert_eq!(found, (said.to_owned(), tries), "{codes:?}");
    }
}

#[tokio::test]
async fn errors_of_a_whole_transaction() {
    let cases = [
        (400, "TransactionInProgressException", "unavailable", 8),
        (400, "ThrottlingException", "unavailable", 8),
        (500, "InternalServerError", "unavailable", 8),
        (400, "IdempotentParameterMismatchException", "unavailable", 1),
        (400, "ValidationException", "malformed run#7", 1),
    ];
    for (status, code, said, tries) in cases {
        let found = outcome(vec![error(status, code); 8], transaction()).await;
        assert_eq!(found, (said.to_owned(), tries), "{code}");
    }
}

#[tokio::test]
async fn a_busy_counter_is_asked_again_with_the_same_token() {
    let busy = || cancelled(&["None", "TransactionConflict", "None"]);
    let in_progress = error(400, "TransactionInProgressException");
    let (ledger, replay) = answered(vec![busy(), in_progress, busy(), (200, json!({}))]);
    ledger.commit(transaction()).await.unwrap();
    let sent = sent(&replay);
    assert_eq!(sent.len(), 4);
    assert!(sent.iter().all(|request| *request == sent[0]), "{sent:#?}");
    assert!(sent[0]["ClientRequestToken"].as_str().is_some_and(|token| token.len() == 36));
}

#[tokio::test]
async fn a_release_at_zero_is_left_out() {
    let nothing_there = cancelled(&["None", "None", "ConditionalCheckFailed"]);
    let (ledger, replay) = answered(vec![nothing_there, (200, json!({}))]);
    ledger.commit(transaction()).await.unwrap();
    let sent = sent(&replay);
    let items = |request: &Value| request["TransactItems"].as_array().unwrap().clone();
    assert_eq!(items(&sent[0]).len(), 3);
    assert_eq!(items(&sent[1]).len(), 2);
    // Another content under the same token would be refused.
    assert_ne!(sent[0]["ClientRequestToken"], sent[1]["ClientRequestToken"]);
}

#[tokio::test]
async fn a_release_alone_at_zero_is_done() {
    let (ledger, replay) = answered(vec![cancelled(&["ConditionalCheckFailed"])]);
    ledger.commit(vec![Change::Release(office())]).await.unwrap();
    assert_eq!(sent(&replay).len(), 1);
}

#[tokio::test]
async fn rows_and_counters_are_read_as_they_are_now() {
    let (ledger, replay) = answered(vec![(200, json!({})), (200, json!({})), (200, json!({"Items": []}))]);
    assert_eq!(ledger.get(&Key::Cleanup).await, Ok(None));
    assert_eq!(ledger.count(&Counter::Runners).await, Ok(0));
    ledger.list(Index::Ended, 10).await.unwrap();
    let sent = sent(&replay);
    assert_eq!(sent[0]["ConsistentRead"], json!(true));
    assert_eq!(sent[1]["ConsistentRead"], json!(true));
    assert_eq!(sent[2]["ScanIndexForward"], json!(false));
    assert_eq!(sent[2]["Limit"], json!(10));
}

#[tokio::test]
async fn a_page_without_rows_is_not_the_last() {
    let pool = Pool { name: "office".parse::<PoolName>().unwrap(), sequence: 3 };
    let record = serde_json::to_string(&Record::from(pool)).unwrap();
    let item = json!({"key": {"S": "pool#office"}, "version": {"N": "2"}, "record": {"S": record}});
    let here = json!({"key": {"S": "somewhere"}});
    let pages = vec![
        (200, json!({"Items": [], "LastEvaluatedKey": here})),
        (200, json!({"Items": [item], "LastEvaluatedKey": here})),
        (200, json!({"Items": []})),
    ];
    let (ledger, replay) = answered(pages);
    let rows = ledger.list(Index::Active, 5).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.version).collect::<Vec<_>>(), [2]);
    let sent = sent(&replay);
    assert_eq!(sent.iter().map(|page| page["Limit"].clone()).collect::<Vec<_>>(), [5, 5, 4]);
    assert_eq!(sent[1]["ExclusiveStartKey"], here);
}

#[tokio::test]
async fn an_answer_that_is_no_answer_is_unavailable() {
    let (ledger, _) = answered(vec![(200, json!("<html>")); 8]);
    assert!(matches!(ledger.get(&Key::Cleanup).await, Err(LedgerError::Unavailable(_))));
}

#[tokio::test]
async fn a_call_without_an_answer_is_given_up_and_made_again() {
    let never = NeverClient::new();
    let error = over(never.clone()).get(&Key::Cleanup).await.unwrap_err();
    assert!(error.to_string().contains("timed out") || error.to_string().contains("timeout"), "{error}");
    assert_eq!(never.num_calls(), 8);
}
