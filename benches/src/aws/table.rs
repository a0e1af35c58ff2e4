//! The table: items by key, an index, conditions, transactions, and what DynamoDB charges for them.

use std::collections::BTreeMap;

use fleetfoot_model::Timestamp;
use serde_json::{Value, json};

use super::condition::{Expression, Item};
use super::{Answer, Refusal, text};

/// What DynamoDB counts (DynamoDB developer guide, "Read and write operations").
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Units {
    /// Half read units: a read of the index is eventually consistent and costs half as much.
    pub(crate) half_reads: u64,
    pub(crate) writes: u64,
}

/// The ledger's table.
#[derive(Default)]
pub(crate) struct Table {
    items: BTreeMap<String, Item>,
    /// By the attributes `index` and `sort`, with the key.
    index: BTreeMap<(String, String), String>,
    pub(crate) units: Units,
}

/// A write of one item.
struct Write<'a> {
    request: &'a Value,
    key: String,
}

impl Table {
    /// Puts a row there as the ledger would have.
    pub(crate) fn seed(&mut self, key: &str, record: &Value, now: Timestamp) {
        let item = json!({
            "key": { "S": key },
            "version": { "N": "1" },
            "record": { "S": record.to_string() },
            "writtenBy": { "S": now.to_string() },
        });
        if let Value::Object(item) = item {
            self.items.insert(key.to_owned(), item);
        }
    }

    pub(super) fn act(&mut self, operation: &str, request: &Value) -> Answer {
        match operation {
            "GetItem" => Ok(self.get(request)),
            "PutItem" => self.put(request),
            "TransactWriteItems" => self.transact(request),
            "Query" => Ok(self.query(request)),
            _ => Err(Refusal::new("UnknownOperationException", operation)),
        }
    }

    fn get(&mut self, request: &Value) -> Value {
        let found = self.items.get(text(&request["Key"]["key"]["S"]));
        self.units.half_reads += 2 * size_in(found, 4096);
        found.map_or_else(|| json!({}), |item| json!({ "Item": item }))
    }

    fn put(&mut self, request: &Value) -> Answer {
        let write = Write::of(request);
        if !self.allows(&write) {
            self.units.writes += 1;
            return Err(Refusal::new("ConditionalCheckFailedException", "The conditional request failed"));
        }
        self.apply(&write, 1);
        Ok(json!({}))
    }

    fn transact(&mut self, request: &Value) -> Answer {
        let entries = request["TransactItems"].as_array().into_iter().flatten();
        let writes: Vec<Write> =
            entries.filter_map(|entry| entry.as_object()?.values().next()).map(Write::of).collect();
        let allowed: Vec<bool> = writes.iter().map(|write| self.allows(write)).collect();
        if allowed.contains(&false) {
            self.units.writes += 2 * writes.len() as u64;
            let code = |allowed: &bool| if *allowed { "None" } else { "ConditionalCheckFailed" };
            let reasons: Vec<Value> = allowed.iter().map(|it| json!({ "Code": code(it) })).collect();
            let members = json!({ "message": "Transaction cancelled", "CancellationReasons": reasons });
            return Err(Refusal { name: "TransactionCanceledException", members });
        }
        for write in &writes {
            self.apply(write, 2);
        }
        Ok(json!({}))
    }

    fn query(&mut self, request: &Value) -> Value {
        let wanted = text(&request["ExpressionAttributeValues"][":index"]["S"]);
        let limit = request["Limit"].as_u64().and_then(|it| usize::try_from(it).ok()).unwrap_or(usize::MAX);
        let after = text(&request["ExclusiveStartKey"]["sort"]["S"]);
        let forward = request["ScanIndexForward"] != json!(false);
        let all = self.index.range((wanted.to_owned(), String::new())..);
        let mut places: Vec<_> = all.take_while(|((index, _), _)| index == wanted).collect();
        if !forward {
            places.reverse();
        }
        let is_after = |sort: &str| after.is_empty() || if forward { sort > after } else { sort < after };
        places.retain(|((_, sort), _)| is_after(sort));
        let more = places.len() > limit;
        places.truncate(limit);
        let items: Vec<&Item> = places.iter().filter_map(|(_, key)| self.items.get(*key)).collect();
        let bytes: u64 = items.iter().map(|item| size(item)).sum();
        let mut answer = json!({ "Items": items, "Count": items.len() });
        if let Some(((index, sort), key)) = places.last().filter(|_| more) {
            answer["LastEvaluatedKey"] =
                json!({ "key": { "S": key }, "index": { "S": index }, "sort": { "S": sort } });
        }
        self.units.half_reads += bytes.div_ceil(4096).max(1);
        answer
    }

    fn allows(&self, write: &Write) -> bool {
        Expression(write.request).holds(self.items.get(&write.key))
    }

    fn apply(&mut self, write: &Write, times: u64) {
        let before = self.items.get(&write.key).cloned();
        let after = match &write.request["Item"] {
            Value::Object(item) => item.clone(),
            _ if write.request["UpdateExpression"].is_null() => {
                self.units.writes += times;
                return;
            }
            _ => {
                let mut item = before.clone().unwrap_or_default();
                item.insert("key".to_owned(), json!({ "S": write.key }));
                Expression(write.request).update(&mut item);
                item
            }
        };
        self.units.writes += times * size_in(before.as_ref(), 1024).max(size_in(Some(&after), 1024));
        self.move_in_index(before.as_ref(), &after, &write.key);
        self.items.insert(write.key.clone(), after);
    }

    /// A changed place in the index is a deletion and a write of its own.
    fn move_in_index(&mut self, before: Option<&Item>, after: &Item, key: &str) {
        let (from, to) = (before.and_then(place), place(after));
        if from != to
            && let Some(from) = from
        {
            self.units.writes += size_in(before, 1024);
            self.index.remove(&from);
        }
        if let Some(to) = to {
            self.units.writes += size_in(Some(after), 1024);
            self.index.insert(to, key.to_owned());
        }
    }
}

impl<'a> Write<'a> {
    fn of(request: &'a Value) -> Self {
        let key = text(&request["Key"]["key"]["S"]);
        let key = if key.is_empty() { text(&request["Item"]["key"]["S"]) } else { key };
        Self { request, key: key.to_owned() }
    }
}

fn place(item: &Item) -> Option<(String, String)> {
    let text = |name: &str| item.get(name)?["S"].as_str().map(str::to_owned);
    Some((text("index")?, text("sort")?))
}

/// The size of an item: its names and its values, in bytes.
fn size(item: &Item) -> u64 {
    let of_value =
        |value: &Value| value.as_object().into_iter().flatten().map(|(_, it)| text(it).len()).sum::<usize>();
    item.iter().map(|(name, value)| name.len() + of_value(value)).sum::<usize>() as u64
}

/// In units of so many bytes; one at least.
fn size_in(item: Option<&Item>, unit: u64) -> u64 {
    item.map_or(0, size).div_ceil(unit).max(1)
}
