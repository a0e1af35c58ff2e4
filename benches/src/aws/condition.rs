//! Condition and update expressions, in the few forms that the ledger writes.

use serde_json::{Map, Value};

use super::text;

/// An item of the table: attributes with their values as DynamoDB writes them, `{"S": "text"}`.
pub(super) type Item = Map<String, Value>;

/// An expression's request: `ExpressionAttributeNames` and `ExpressionAttributeValues` are its.
pub(super) struct Expression<'a>(pub(super) &'a Value);

impl Expression<'_> {
    /// Whether an item, or that there is none, meets the request's condition.
    pub(super) fn holds(&self, item: Option<&Item>) -> bool {
        let condition = text(&self.0["ConditionExpression"]);
        condition.is_empty() || condition.split(" OR ").any(|term| self.term(term.trim(), item))
    }

    fn term(&self, term: &str, item: Option<&Item>) -> bool {
        if let Some(name) = term.strip_prefix("attribute_not_exists(").and_then(|it| it.strip_suffix(')')) {
            return item.is_none_or(|item| !item.contains_key(self.name(name)));
        }
        let mut words = term.split(' ');
        let (Some(name), Some(operator), Some(value)) = (words.next(), words.next(), words.next()) else {
            return false;
        };
        let found = item.and_then(|item| number(item.get(self.name(name))?));
        let Some((found, value)) = found.zip(number(self.value(value))) else { return false };
        match operator {
            "=" => found == value,
            "<=" => found <= value,
            ">=" => found >= value,
            _ => false,
        }
    }

    /// `ADD #count :by`, perhaps followed by `SET #expiresAt = :expires`.
    pub(super) fn update(&self, item: &mut Item) {
        let words: Vec<&str> = text(&self.0["UpdateExpression"]).split(' ').collect();
        if let ["ADD", name, by, rest @ ..] = words.as_slice() {
            let name = self.name(name);
            let before = item.get(name).and_then(number).unwrap_or_default();
            let by = number(self.value(by)).unwrap_or_default();
            item.insert(name.to_owned(), serde_json::json!({ "N": (before + by).to_string() }));
            if let ["SET", name, "=", value] = rest {
                item.insert(self.name(name).to_owned(), self.value(value).clone());
            }
        }
    }

    fn name(&self, placeholder: &str) -> &str {
        text(&self.0["ExpressionAttributeNames"][placeholder])
    }

    pub(super) fn value(&self, placeholder: &str) -> &Value {
        &self.0["ExpressionAttributeValues"][placeholder]
    }
}

fn number(value: &Value) -> Option<i64> {
    value["N"].as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(count: i64) -> Item {
        Item::from_iter([("count".to_owned(), json!({ "N": count.to_string() }))])
    }

    #[test]
    fn conditions_of_the_ledger_are_understood() {
        let request = |condition: &str| {
            json!({
                "ConditionExpression": condition,
                "ExpressionAttributeNames": { "#count": "count" },
                "ExpressionAttributeValues": { ":bound": { "N": "2" } },
            })
        };
        let holds = |condition: &str, item: Option<&Item>| Expression(&request(condition)).holds(item);
        assert!(holds("attribute_not_exists(#count) OR #count <= :bound", None));
        assert!(holds("attribute_not_exists(#count) OR #count <= :bound", Some(&item(2))));
        assert!(!holds("attribute_not_exists(#count) OR #count <= :bound", Some(&item(3))));
        assert!(!holds("#count >= :bound", Some(&item(1))));
        assert!(holds("#count = :bound", Some(&item(2))));
        assert!(!holds("#count = :bound", None));
    }

    #[test]
    fn counters_are_moved() {
        let request = json!({
            "UpdateExpression": "ADD #count :by SET #expiresAt = :at",
            "ExpressionAttributeNames": { "#count": "count", "#expiresAt": "expiresAt" },
            "ExpressionAttributeValues": { ":by": { "N": "-1" }, ":at": { "N": "7" } },
        });
        let mut counter = item(3);
        Expression(&request).update(&mut counter);
        assert_eq!(Value::Object(counter), json!({ "count": { "N": "2" }, "expiresAt": { "N": "7" } }));
    }
}
