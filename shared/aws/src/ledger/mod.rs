//! The ledger on DynamoDB: one table, conditional writes and transactions.
//!
//! A row's item has its key, version and record, and its place in the index `by-index` while it is in one. All rows of
//! an index share one partition of `by-index`, which takes 1,000 writes a second: more than tasks can be launched.
//! Ended rows are forgotten by the table's time-to-live, days late at worst, and nothing waits for that.

mod failure;
mod item;
mod remembered;
pub mod table;
#[cfg(test)]
mod tests;
mod transaction;

use std::ops::Range;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use fleetfoot_model::Timestamp;
use fleetfoot_model::counter::Counter;
use fleetfoot_model::ledger::{Change, Ledger, LedgerError, Stored};
use fleetfoot_model::record::{Index, Key, Record};
use uuid::Uuid;

use self::item::{Item, text};
use self::table::{BY_INDEX, INDEX, SORT, names};
use self::transaction::{Transaction, Verdict, row_condition};

pub use self::remembered::RememberedBases;

/// Rows and counters in a table.
#[derive(Debug, Clone)]
pub struct DynamoLedger {
    client: Client,
    table: String,
}

impl DynamoLedger {
    /// A ledger in a table that is there. Calls are tried again as this ledger needs it, whatever the client's own
    /// configuration says of that; all else of the client stays.
    #[expect(clippy::needless_pass_by_value, reason = "as every adapter, it is given a client of its own")]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let config = client.config().to_builder();
        let config = config
            .retry_config(failure::retries())
            .retry_classifier(failure::RetryBusy)
            .timeout_config(failure::timeouts());
        Self { client: Client::from_conf(config.build()), table: table.into() }
    }

    async fn item(&self, key: &str) -> Result<Option<Item>, LedgerError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(item::key(key)));
        let answer = get.consistent_read(true).send().await;
        Ok(answer.map_err(|error| failure::of_call("GetItem", key, &error))?.item)
    }

    fn query(&self, index: Index) -> QueryFluentBuilder {
        let query = self.client.query().table_name(&self.table).index_name(BY_INDEX);
        query.expression_attribute_values(":index", text(index.name()))
    }

    /// One row without a transaction, which would cost twice as much.
    async fn put(&self, row: &Stored<Record>) -> Result<(), LedgerError> {
        let token = Uuid::new_v4().to_string();
        let (condition, attributes, values) = row_condition(row);
        let put = self.client.put_item().table_name(&self.table);
        let put = put
            .set_item(Some(item::from_row(row, &token)?))
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names(attributes)))
            .set_expression_attribute_values(values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = put.send().await else { return Ok(()) };
        let key = row.value.key().to_string();
        match error.as_service_error() {
            // The answer to the first try was lost, and the second was refused for what the first had written. Told as a
            // conflict, a handler would load its own work, find nothing to do, and never act on it.
            Some(PutItemError::ConditionalCheckFailedException(refused))
                if refused.item().is_some_and(|item| item::is_written_by(item, &token)) =>
            {
                Ok(())
            }
            Some(
                PutItemError::ConditionalCheckFailedException(_)
                | PutItemError::TransactionConflictException(_),
            ) => Err(LedgerError::Conflict(key)),
            _ => Err(failure::of_call("PutItem", &key, &error)),
        }
    }

    /// All or nothing. Tries of one call share the token, by which DynamoDB knows for ten minutes what it has done.
    async fn transact(&self, transaction: &Transaction) -> Result<(), Verdict> {
        let token = Uuid::new_v4().to_string();
        let items = transaction.items(&self.table, &token).map_err(Verdict::Refused)?;
        let call = self.client.transact_write_items().set_transact_items(Some(items));
        let Err(error) = call.client_request_token(token).send().await else { return Ok(()) };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                Err(transaction.judge(cancelled.cancellation_reasons()))
            }
            _ => Err(Verdict::Refused(failure::of_call("TransactWriteItems", &transaction.key(), &error))),
        }
    }
}

/// The rows of a query, page by page.
async fn read(
    query: QueryFluentBuilder,
    index: Index,
    limit: usize,
) -> Result<Vec<Stored<Record>>, LedgerError> {
    let mut rows = Vec::new();
    let mut start = None;
    while rows.len() < limit {
        // A page ends at this many rows or at 1 MB, whichever comes first.
        let page = i32::try_from(limit - rows.len()).unwrap_or(i32::MAX);
        let answer = query.clone().limit(page).set_exclusive_start_key(start).send().await;
        let answer = answer.map_err(|error| failure::of_call("Query", index.name(), &error))?;
        for item in answer.items() {
            rows.push(item::to_row(item)?);
        }
        start = answer.last_evaluated_key;
        if start.is_none() {
            break;
        }
    }
    Ok(rows)
}

#[async_trait]
impl Ledger for DynamoLedger {
    async fn get(&self, key: &Key) -> Result<Option<Stored<Record>>, LedgerError> {
        self.item(&key.to_string()).await?.as_ref().map(item::to_row).transpose()
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), LedgerError> {
        let mut transaction = Transaction::new(changes)?;
        // Each round but the last releases less than the one before.
        while !transaction.is_empty() {
            if let Some(row) = transaction.only_row() {
                return self.put(row).await;
            }
            match self.transact(&transaction).await {
                Ok(()) => return Ok(()),
                Err(Verdict::Refused(error)) => return Err(error),
                Err(Verdict::BelowZero(counters)) => transaction.release_less(&counters),
            }
        }
        Ok(())
    }

    async fn list(&self, index: Index, limit: usize) -> Result<Vec<Stored<Record>>, LedgerError> {
        let query = self.query(index).key_condition_expression("#index = :index");
        let query = query.set_expression_attribute_names(Some(names(&[INDEX])));
        read(query.scan_index_forward(index != Index::Ended), index, limit).await
    }

    async fn list_between(
        &self,
        index: Index,
        within: Range<Timestamp>,
        after: Option<&Record>,
        limit: usize,
    ) -> Result<Vec<Stored<Record>>, LedgerError> {
        let (from, until) = item::places(&within, after);
        // DynamoDB refuses a span that ends before it begins.
        if from >= until {
            return Ok(Vec::new());
        }
        let query = self
            .query(index)
            .key_condition_expression("#index = :index AND #sort BETWEEN :from AND :until")
            .set_expression_attribute_names(Some(names(&[INDEX, SORT])))
            .expression_attribute_values(":from", text(from))
            .expression_attribute_values(":until", text(until));
        read(query, index, limit).await
    }

    async fn count(&self, counter: &Counter) -> Result<u64, LedgerError> {
        match self.item(&counter.key()).await? {
            Some(item) => item::to_count(&item, counter),
            None => Ok(0),
        }
    }
}
