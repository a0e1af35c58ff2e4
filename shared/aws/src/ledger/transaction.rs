//! A commit as the items of one DynamoDB transaction, and what its cancellation means.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    CancellationReason, ConditionCheck, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use fleetfoot_model::counter::Counter;
use fleetfoot_model::ledger::{Change, LedgerError, Stored};
use fleetfoot_model::record::Record;

use super::failure::{self, BUSY, REFUSED};
use super::item::{self, Item, malformed, number};
use super::table::{COUNT, EXPIRES_AT, KEY, VERSION, names};

/// A transaction has this many items at most.
const MOST_ITEMS: usize = 100;

/// All changes of a commit, each item once, as DynamoDB demands.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) rows: Vec<Stored<Record>>,
    pub(super) moves: BTreeMap<Counter, Move>,
}

/// What a commit does to one counter.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Move {
    /// How many more, or less, there are afterwards.
    by: i64,
    /// The most it may count before, and the limit that says so.
    most: Option<(i64, u64)>,
}

/// What a cancelled transaction comes to.
pub(super) enum Verdict {
    /// It cannot be written.
    Refused(LedgerError),
    /// These counters count less than is to be released.
    BelowZero(Vec<Counter>),
}

impl Transaction {
    /// Puts changes of the same counter together.
    pub(super) fn new(changes: Vec<Change>) -> Result<Self, LedgerError> {
        let mut transaction = Self { rows: Vec::new(), moves: BTreeMap::new() };
        let mut keys = BTreeSet::new();
        for change in changes {
            match change {
                Change::Put(row) => {
                    let key = row.value.key().to_string();
                    if !keys.insert(key.clone()) {
                        return Err(LedgerError::Conflict(key));
                    }
                    transaction.rows.push(row);
                }
                Change::Acquire { counter, limit } => {
                    transaction.moves.entry(counter).or_default().acquire(limit);
                }
                Change::Release(counter) => transaction.moves.entry(counter).or_default().by -= 1,
            }
        }
        transaction.moves.retain(|_, it| *it != Move::default());
        transaction.check_size()?;
        Ok(transaction)
    }

    fn check_size(&self) -> Result<(), LedgerError> {
        let items = self.rows.len() + self.moves.len();
        if items <= MOST_ITEMS {
            return Ok(());
        }
        let message =
            format!("{items} rows and counters in one commit; at most {MOST_ITEMS} can be written at once");
        Err(malformed(&self.key(), &message))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.moves.is_empty()
    }

    /// The row, if there is nothing else.
    pub(super) fn only_row(&self) -> Option<&Stored<Record>> {
        match (self.rows.as_slice(), self.moves.is_empty()) {
            ([row], true) => Some(row),
            _ => None,
        }
    }

    /// The key by which an error that concerns all of it is told.
    pub(super) fn key(&self) -> String {
        let row = self.rows.first().map(|row| row.value.key().to_string());
        row.or_else(|| self.moves.keys().next().map(Counter::key)).unwrap_or_default()
    }

    /// Rows first, then counters in their order; [`Transaction::judge`] relies on it.
    pub(super) fn items(&self, table: &str, token: &str) -> Result<Vec<TransactWriteItem>, LedgerError> {
        let puts = self.rows.iter().map(|row| put(table, row, token));
        let moves = self
            .moves
            .iter()
            .map(|(counter, it)| it.item(table, counter).map_err(|error| malformed(&counter.key(), &error)));
        puts.chain(moves).collect()
    }

    /// What the reasons of a cancellation mean, which are in the order of the items.
    pub(super) fn judge(&self, reasons: &[CancellationReason]) -> Verdict {
        let (rows, counters) = reasons.split_at(self.rows.len().min(reasons.len()));
        let rows: Vec<_> = rows.iter().zip(&self.rows).collect();
        let counters: Vec<_> = counters.iter().zip(&self.moves).collect();
        // Whoever holds a row at this moment is about to change it.
        let changed = |code: &str| code == REFUSED || code == BUSY;
        if let Some((_, row)) = rows.iter().find(|(reason, _)| changed(failure::code(reason))) {
            return Verdict::Refused(LedgerError::Conflict(row.value.key().to_string()));
        }
        if let Some((reason, row)) =
            rows.iter().find(|(reason, _)| failure::is_lasting(failure::code(reason)))
        {
            let message = reason.message().unwrap_or_else(|| failure::code(reason));
            return Verdict::Refused(malformed(&row.value.key().to_string(), &message));
        }
        let refused = |reason: &CancellationReason| failure::code(reason) == REFUSED;
        let refused: Vec<_> = counters.into_iter().filter(|(reason, _)| refused(reason)).collect();
        let full = refused.iter().find_map(|(_, (counter, it))| Some((*counter, it.limit()?)));
        if let Some((counter, limit)) = full {
            return Verdict::Refused(LedgerError::Full { counter: counter.clone(), limit });
        }
        if refused.is_empty() {
            return Verdict::Refused(failure::of_reasons(reasons));
        }
        Verdict::BelowZero(refused.into_iter().map(|(_, (counter, _))| counter.clone()).collect())
    }

    /// The same, with one less to release from each of these counters.
    pub(super) fn release_less(&mut self, counters: &[Counter]) {
        for counter in counters {
            if let Some(it) = self.moves.get_mut(counter) {
                it.by += 1;
            }
        }
        self.moves.retain(|_, it| *it != Move::default());
    }
}

impl Move {
    fn acquire(&mut self, limit: u64) {
        let most = i64::try_from(limit).unwrap_or(i64::MAX) - 1 - self.by;
        self.most = Some(match self.most {
            Some(stricter) if stricter.0 <= most => stricter,
            _ => (most, limit),
        });
        self.by += 1;
    }

    /// The limit that a refusal means; none if a refusal means that there is nothing to release.
    fn limit(&self) -> Option<u64> {
        if self.by < 0 { None } else { self.most.map(|(_, limit)| limit) }
    }

    fn item(self, table: &str, counter: &Counter) -> Result<TransactWriteItem, BuildError> {
        let key = item::key(counter.key());
        let (condition, bound) = self.condition();
        if self.by == 0 {
            let check = ConditionCheck::builder().table_name(table).set_key(Some(key));
            let check =
                check.condition_expression(condition).set_expression_attribute_names(Some(names(&[COUNT])));
            let check = check.expression_attribute_values(":bound", number(bound)).build()?;
            return Ok(TransactWriteItem::builder().condition_check(check).build());
        }
        let mut update = Update::builder()
            .table_name(table)
            .set_key(Some(key))
            .condition_expression(condition)
            .expression_attribute_values(":bound", number(bound))
            .expression_attribute_values(":by", number(self.by));
        update = match item::counter_expires_at(counter) {
            None => update
                .update_expression("ADD #count :by")
                .set_expression_attribute_names(Some(names(&[COUNT]))),
            Some(at) => update
                .update_expression("ADD #count :by SET #expiresAt = :expires")
                .set_expression_attribute_names(Some(names(&[COUNT, EXPIRES_AT])))
                .expression_attribute_values(":expires", number(at)),
        };
        Ok(TransactWriteItem::builder().update(update.build()?).build())
    }

    /// The condition, and the value of `:bound` in it.
    fn condition(self) -> (&'static str, i64) {
        match self.most {
            _ if self.by < 0 => ("#count >= :bound", -self.by),
            // A counter without an item counts nothing.
            Some((most, _)) if most >= 0 => ("attribute_not_exists(#count) OR #count <= :bound", most),
            Some(_) | None => ("#count <= :bound", -1),
        }
    }
}

/// What must hold for a row to be written, with the values it speaks of.
pub(super) fn row_condition(row: &Stored<Record>) -> (&'static str, &'static [&'static str], Option<Item>) {
    match row.version {
        0 => ("attribute_not_exists(#key)", &[KEY], None),
        version => {
            ("#version = :version", &[VERSION], Some(Item::from([(":version".to_owned(), number(version))])))
        }
    }
}

fn put(table: &str, row: &Stored<Record>, token: &str) -> Result<TransactWriteItem, LedgerError> {
    let (condition, attributes, values) = row_condition(row);
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(item::from_row(row, token)?))
        .condition_expression(condition)
        .set_expression_attribute_names(Some(names(attributes)))
        .set_expression_attribute_values(values)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::None)
        .build()
        .map_err(|error| malformed(&row.value.key().to_string(), &error))?;
    Ok(TransactWriteItem::builder().put(put).build())
}
