//! Rows and counters as items of the table.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use aws_sdk_dynamodb::types::AttributeValue;
use fleetfoot_model::Timestamp;
use fleetfoot_model::counter::{BREAKER_WINDOW_SECONDS, Counter};
use fleetfoot_model::ledger::{LedgerError, Stored};
use fleetfoot_model::record::Record;

use super::table::{COUNT, EXPIRES_AT, INDEX, KEY, RECORD, SORT, VERSION, WRITTEN_BY};

/// An item of the table.
pub(super) type Item = HashMap<String, AttributeValue>;

/// A text.
pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number.
pub(super) fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

/// An item's key.
pub(super) fn key(key: impl Into<String>) -> Item {
    HashMap::from([(KEY.to_owned(), text(key))])
}

/// The item of a row as it is after this write.
pub(super) fn from_row(row: &Stored<Record>, token: &str) -> Result<Item, LedgerError> {
    let key = row.value.key().to_string();
    let record = serde_json::to_string(&row.value).map_err(|error| malformed(&key, &error))?;
    let mut item = Item::from([
        (VERSION.to_owned(), number(row.version + 1)),
        (RECORD.to_owned(), text(record)),
        (WRITTEN_BY.to_owned(), text(token)),
    ]);
    if let Some((index, at)) = row.value.index() {
        item.insert(INDEX.to_owned(), text(index.name()));
        item.insert(SORT.to_owned(), text(place(at, &key)));
    }
    if let Some(at) = row.value.expires_at() {
        item.insert(EXPIRES_AT.to_owned(), number(at.as_second()));
    }
    item.insert(KEY.to_owned(), text(key));
    Ok(item)
}

/// A text that sorts as the time does, and rows of one time by their keys. DynamoDB itself orders equal sort keys as it
/// likes.
fn place(at: Timestamp, key: &str) -> String {
    format!("{at:.9}#{key}")
}

/// Between which places the rows of a span are, the first and the last of which are no row's own.
pub(super) fn places(within: &Range<Timestamp>, after: Option<&Record>) -> (String, String) {
    let after = after.and_then(|row| row.index().map(|(_, at)| place(at, &row.key().to_string())));
    // No key begins with another one and goes on with a control character.
    let from = after.map_or_else(|| format!("{:.9}", within.start), |place| place + "\u{1}");
    (from, format!("{:.9}", within.end))
}

/// The row of an item.
pub(super) fn to_row(item: &Item) -> Result<Stored<Record>, LedgerError> {
    let key = text_of(item, KEY).unwrap_or("?");
    let record = text_of(item, RECORD).ok_or_else(|| malformed(key, &"it has no record"))?;
    let version = number_of(item, VERSION).ok_or_else(|| malformed(key, &"it has no version"))?;
    let value = serde_json::from_str(record).map_err(|error| malformed(key, &error))?;
    Ok(Stored { value, version })
}

/// Whether the write with this token wrote the item.
pub(super) fn is_written_by(item: &Item, token: &str) -> bool {
    text_of(item, WRITTEN_BY) == Some(token)
}

/// What a counter's item counts.
pub(super) fn to_count(item: &Item, counter: &Counter) -> Result<u64, LedgerError> {
    number_of(item, COUNT).ok_or_else(|| malformed(&counter.key(), &"it has no count"))
}

/// When a counter means nothing any more: replacements are looked at in their own window and the next.
pub(super) fn counter_expires_at(counter: &Counter) -> Option<i64> {
    counter.window().map(|began| began + 2 * BREAKER_WINDOW_SECONDS)
}

pub(super) fn malformed(key: &str, message: &dyn fmt::Display) -> LedgerError {
    LedgerError::Malformed { key: key.to_owned(), message: message.to_string() }
}

fn text_of<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

fn number_of(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}
