//! What concerns `DynamoDB` alone: the table, lost answers, pages, the size of a transaction.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{Builder, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::types::AttributeValue;
use fleetfoot_aws::ledger::{DynamoLedger, table};
use fleetfoot_model::counter::{BREAKER_WINDOW_SECONDS, Counter};
use fleetfoot_model::ids::JobId;
use fleetfoot_model::ledger::{Change, Ledger, LedgerError};
use fleetfoot_model::record::{ImageState, Index, KEEP_ENDED, Key, Record};
use fleetfoot_tests::tools::Ministack;

use crate::ledger::{large_job, race_for_capacity};
use crate::rows::{at, image, job, new, run};
use crate::subjects::{Subject, acquire, keys, put};

/// A table of its own in the shared `ministack`.
pub(crate) struct Table {
    stack: Arc<Ministack>,
    name: String,
}

impl Table {
    pub(crate) async fn create() -> Self {
        static CREATED: AtomicU32 = AtomicU32::new(0);
        let name = format!("ledger-{}", CREATED.fetch_add(1, Ordering::Relaxed));
        let this = Self { stack: Ministack::shared(), name };
        table::create(&this.client(), &this.name).unwrap().send().await.unwrap();
        this
    }

    fn client(&self) -> Client {
        Client::new(&self.stack.sdk_config())
    }

    pub(crate) fn ledger(&self) -> DynamoLedger {
        DynamoLedger::new(self.client(), &self.name)
    }

    /// A ledger whose connection is watched.
    fn watched(&self, line: &Arc<Line>) -> Subject {
        let config = Builder::from(&self.stack.sdk_config()).interceptor(Watch(Arc::clone(line)));
        Arc::new(DynamoLedger::new(Client::from_conf(config.build()), &self.name))
    }

    async fn item(&self, key: &str) -> HashMap<String, AttributeValue> {
        let get = self.client().get_item().table_name(&self.name).key(table::KEY, text(key));
        get.send().await.unwrap().item.unwrap()
    }

    async fn write(&self, item: &[(&str, AttributeValue)]) {
        let mut write = self.client().put_item().table_name(&self.name);
        for (name, value) in item {
            write = write.item(*name, value.clone());
        }
        write.send().await.unwrap();
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// A connection that loses answers.
#[derive(Debug, Default)]
struct Line {
    /// How many of the next answers are lost.
    lose: AtomicU32,
    /// How many requests were sent.
    sent: AtomicU32,
}

#[derive(Debug)]
struct Watch(Arc<Line>);

impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "watch"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.0.sent.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let less = |left: u32| left.checked_sub(1);
        if self.0.lose.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok() {
            *context.response_mut().status_mut() = 500.try_into()?;
        }
        Ok(())
    }
}

impl Line {
    fn that_loses(answers: u32) -> Arc<Self> {
        Arc::new(Self { lose: AtomicU32::new(answers), sent: AtomicU32::new(0) })
    }

    fn sent(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn a_row_whose_answer_was_lost_is_written_once_and_is_no_conflict() {
    let (table, line) = (Table::create().await, Line::that_loses(2));
    let ledger = table.watched(&line);
    assert_eq!(put(&ledger, new(job(1, at(0)))).await, Ok(()));
    assert_eq!(line.sent(), 3);
    assert_eq!(ledger.get(&Key::Job(JobId(1))).await.unwrap().unwrap().version, 1);
    // The same row, written by another: that is a conflict, as alike as they are.
    line.lose.store(1, Ordering::Relaxed);
    assert_eq!(put(&ledger, new(job(1, at(0)))).await, Err(LedgerError::Conflict("job#1".to_owned())));
}

#[tokio::test]
async fn a_transaction_whose_answer_was_lost_is_made_once() {
    let (table, line) = (Table::create().await, Line::that_loses(2));
    let ledger = table.watched(&line);
    let reserve = vec![Change::Put(new(job(1, at(0)))), acquire(Counter::Runners, 1)];
    assert_eq!(ledger.commit(reserve).await, Ok(()));
    assert_eq!(line.sent(), 3);
    assert_eq!(ledger.count(&Counter::Runners).await, Ok(1));
    line.lose.store(2, Ordering::Relaxed);
    ledger.commit(vec![Change::Release(Counter::Runners)]).await.unwrap();
    assert_eq!(ledger.count(&Counter::Runners).await, Ok(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reservations_that_race_over_a_line_that_loses_answers_never_exceed_the_limit() {
    let (table, line) = (Table::create().await, Line::that_loses(8));
    race_for_capacity((0..16).map(|_| table.watched(&line)).collect()).await;
    assert!(line.sent() > 16 + 8, "{}", line.sent());
}

#[tokio::test]
async fn what_is_asked_for_costs_as_few_calls_as_can_be() {
    let (table, line) = (Table::create().await, Line::that_loses(0));
    let ledger = table.watched(&line);
    put(&ledger, new(job(1, at(0)))).await.unwrap();
    ledger.commit(vec![Change::Put(new(job(2, at(0)))), acquire(Counter::Runners, 1)]).await.unwrap();
    ledger.get(&Key::Job(JobId(1))).await.unwrap();
    ledger.count(&Counter::Runners).await.unwrap();
    ledger.list(Index::Unmatched, 1000).await.unwrap();
    assert_eq!(line.sent(), 5);
    ledger.commit(Vec::new()).await.unwrap();
    ledger.list(Index::Unmatched, 0).await.unwrap();
    assert_eq!(line.sent(), 5);
}

#[tokio::test]
async fn a_list_beyond_a_megabyte_comes_in_pages() {
    let (table, line) = (Table::create().await, Line::that_loses(0));
    let ledger = table.watched(&line);
    for id in 1..=5 {
        put(&ledger, new(large_job(id, 300_000))).await.unwrap();
    }
    let before = line.sent();
    assert_eq!(keys(&ledger, Index::Unmatched, 1000).await.len(), 5);
    assert!(line.sent() - before >= 2, "one page held it all");
}

#[tokio::test]
async fn a_commit_holds_a_hundred_rows_and_counters() {
    let table = Table::create().await;
    let ledger = table.ledger();
    let rows = |count: u64| (1..=count).map(|id| Change::Put(new(job(id, at(0)))));
    let error = ledger.commit(rows(101).collect()).await.unwrap_err();
    assert!(error.to_string().contains("101 rows and counters"), "{error}");
    assert_eq!(ledger.get(&Key::Job(JobId(1))).await, Ok(None));
    ledger.commit(rows(99).chain([acquire(Counter::Runners, 1)]).collect()).await.unwrap();
    assert_eq!(ledger.list(Index::Unmatched, 1000).await.unwrap().len(), 99);
}

#[tokio::test]
async fn a_row_that_is_too_large_is_told_and_nothing_is_written() {
    let table = Table::create().await;
    let ledger = table.ledger();
    let large = || Change::Put(new(large_job(1, 500_000)));
    for changes in [vec![large()], vec![large(), acquire(Counter::Runners, 1)]] {
        let error = ledger.commit(changes).await.unwrap_err();
        assert!(matches!(&error, LedgerError::Malformed { key, .. } if key == "job#1"), "{error}");
        assert!(error.to_string().len() < 500, "the row itself is in the error");
    }
    assert_eq!(ledger.count(&Counter::Runners).await, Ok(0));
}

#[tokio::test]
async fn items_have_what_the_template_says() {
    let table = Table::create().await;
    let ledger = table.ledger();
    let mut done = job(1, at(0));
    done.finish("success", None, at(1), at(100));
    let removed = image('b', ImageState::Removed);
    let rows: [Record; 4] = [done.into(), job(2, at(0)).into(), run(3, at(0)).into(), removed.into()];
    for row in rows {
        ledger.commit(vec![Change::Put(new(row))]).await.unwrap();
    }
    let sorted = table.item("job#1").await;
    assert_eq!(sorted[table::SORT], text("2026-11-20T08:01:40.000000000Z#job#1"));
    assert_eq!(sorted[table::INDEX], text("ended"));
    let expiry = |at: fleetfoot_model::Timestamp| AttributeValue::N(at.as_second().to_string());
    assert_eq!(sorted[table::EXPIRES_AT], expiry(at(100) + KEEP_ENDED));
    assert!(!table.item("job#2").await.contains_key(table::EXPIRES_AT), "an open job would be forgotten");
    let run = table.item("run#3").await;
    assert_eq!(run[table::EXPIRES_AT], expiry(at(0) + KEEP_ENDED));
    assert!(!run.contains_key(table::INDEX) && !run.contains_key(table::SORT), "a run is in the index");
    let image = table.item(&format!("image#{}", "b".repeat(64))).await;
    assert_eq!(image[table::EXPIRES_AT], expiry(at(0) + KEEP_ENDED));
    assert!(!image.contains_key(table::INDEX), "{image:?}");
}

#[tokio::test]
async fn only_counters_of_a_window_are_forgotten() {
    let table = Table::create().await;
    let ledger = table.ledger();
    ledger.commit(vec![acquire(Counter::Replacements(1200), 9), acquire(Counter::Runners, 9)]).await.unwrap();
    let expires = AttributeValue::N((1200 + 2 * BREAKER_WINDOW_SECONDS).to_string());
    assert_eq!(table.item("counter#replacements#1200").await[table::EXPIRES_AT], expires);
    assert!(!table.item("counter#runners").await.contains_key(table::EXPIRES_AT));
}

#[tokio::test]
async fn an_item_that_cannot_be_read_is_named() {
    let table = Table::create().await;
    let ledger = table.ledger();
    let version = AttributeValue::N("1".to_owned());
    let unmatched = (table::INDEX, text("unmatched"));
    table
        .write(&[
            (table::KEY, text("job#1")),
            (table::VERSION, version),
            (table::RECORD, text("{}")),
            unmatched,
            (table::SORT, text("0")),
        ])
        .await;
    table.write(&[(table::KEY, text("job#2"))]).await;
    table.write(&[(table::KEY, text("counter#runners"))]).await;
    let named = |error: LedgerError, key| {
        assert!(error.to_string().starts_with(&format!("row {key} is malformed")), "{error}");
    };
    named(ledger.get(&Key::Job(JobId(1))).await.unwrap_err(), "job#1");
    named(ledger.get(&Key::Job(JobId(2))).await.unwrap_err(), "job#2");
    named(ledger.list(Index::Unmatched, 10).await.unwrap_err(), "job#1");
    named(ledger.count(&Counter::Runners).await.unwrap_err(), "counter#runners");
}

#[tokio::test]
async fn a_table_that_is_not_there_is_named() {
    let table = Table::create().await;
    let ledger = DynamoLedger::new(table.client(), "another");
    let errors = [
        ledger.get(&Key::Cleanup).await.unwrap_err(),
        ledger.list(Index::Active, 1).await.unwrap_err(),
        ledger.commit(vec![Change::Put(new(job(1, at(0))))]).await.unwrap_err(),
        ledger.commit(vec![acquire(Counter::Runners, 1)]).await.unwrap_err(),
    ];
    for error in errors {
        let LedgerError::Unavailable(message) = &error else { panic!("{error:?}") };
        assert!(message.contains("ResourceNotFoundException"), "{message}");
    }
}

#[tokio::test]
async fn nobody_who_answers_is_unavailable_after_a_while() {
    let config = Ministack::shared().sdk_config().into_builder();
    let port = fleetfoot_tests::tools::free_port();
    let config = config.endpoint_url(format!("http://127.0.0.1:{port}")).build();
    let ledger = DynamoLedger::new(Client::new(&config), "ledger");
    let error = ledger.get(&Key::Cleanup).await.unwrap_err();
    let LedgerError::Unavailable(message) = &error else { panic!("{error:?}") };
    assert!(message.contains("GetItem") && message.to_lowercase().contains("connect"), "{message}");
}
