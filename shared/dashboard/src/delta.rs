//! What changed from one reading to the next.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

/// The lists whose rows are told one by one, and what names a row.
const KEYED: [(&str, &str); 3] = [("jobs", "id"), ("runners", "name"), ("images", "key")];

/// `{ "at", "set": { part: its new value }, "lists": { list: { "put": [rows], "gone": [keys] } } }`; none if only the
/// time is another.
pub(crate) fn delta(before: &Value, after: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (before, after) else { return None };
    let mut set = Map::new();
    let mut lists = Map::new();
    for (part, value) in new {
        if part == "at" || old.get(part) == Some(value) {
            continue;
        }
        let key = KEYED.iter().find(|(list, _)| list == part).map(|(_, key)| key);
        match (key, old.get(part), value) {
            (Some(key), Some(Value::Array(old)), Value::Array(new)) => {
                lists.extend(rows(key, old, new).map(|rows| (part.clone(), rows)));
            }
            _ => drop(set.insert(part.clone(), value.clone())),
        }
    }
    let is_same = set.is_empty() && lists.is_empty();
    (!is_same).then(|| json!({ "at": new.get("at"), "set": set, "lists": lists }))
}

/// None if only the order is another: whoever shows rows sorts them by what they say.
fn rows(key: &str, old: &[Value], new: &[Value]) -> Option<Value> {
    // Keys are numbers or texts; as JSON no number is the same as a text.
    let name = |row: &Value| row[key].to_string();
    let known: HashMap<String, &Value> = old.iter().map(|row| (name(row), row)).collect();
    let names: HashSet<String> = new.iter().map(name).collect();
    let put: Vec<&Value> = new.iter().filter(|row| known.get(&name(row)) != Some(row)).collect();
    let gone: Vec<&Value> =
        old.iter().filter(|row| !names.contains(&name(row))).map(|row| &row[key]).collect();
    let is_same = put.is_empty() && gone.is_empty();
    (!is_same).then(|| json!({ "put": put, "gone": gone }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_told() {
        let before = json!({ "at": 1, "counts": { "waiting": 1 }, "cost": 2,
            "jobs": [{ "id": 1, "phase": "waiting" }, { "id": 2, "phase": "running" }, { "id": 3, "phase": "running" }] });
        let mut after = before.clone();
        after["at"] = 2.into();
        assert_eq!(delta(&before, &after), None);
        after["counts"]["waiting"] = 0.into();
        after["jobs"] =
            json!([{ "id": 2, "phase": "running" }, { "id": 1, "phase": "running" }, { "id": 4 }]);
        let told = json!({ "at": 2, "set": { "counts": { "waiting": 0 } }, "lists": { "jobs": {
            "put": [{ "id": 1, "phase": "running" }, { "id": 4 }], "gone": [3] } } });
        assert_eq!(delta(&before, &after), Some(told));
    }

    #[test]
    fn another_order_of_the_same_rows_is_no_change() {
        let before = json!({ "jobs": [{ "id": 1 }, { "id": 2 }] });
        assert_eq!(delta(&before, &json!({ "jobs": [{ "id": 2 }, { "id": 1 }] })), None);
    }
}
