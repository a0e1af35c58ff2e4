//! XML of AWS's query APIs, as the JSON that their newer ones would answer.

use roxmltree::{Document, Node};
use serde_json::{Map, Value};

/// The root's content: an element with elements is an object, one whose elements are all `item` or `member` a list, any
/// other its text. What is empty is left out, as JSON answers do. None if it is no XML.
pub(super) fn value(text: &str) -> Option<Value> {
    let document = Document::parse(text).ok()?;
    Some(content(document.root_element()).unwrap_or_default())
}

fn content(node: Node<'_, '_>) -> Option<Value> {
    let elements: Vec<_> = node.children().filter(Node::is_element).collect();
    let is_list = |it: &Node<'_, '_>| matches!(it.tag_name().name(), "item" | "member");
    if elements.is_empty() {
        let text = node.text().map(str::trim).filter(|text| !text.is_empty())?;
        return Some(Value::from(text));
    }
    if elements.iter().all(is_list) {
        return Some(elements.into_iter().filter_map(content).collect());
    }
    let fields = elements.into_iter().filter_map(|it| Some((it.tag_name().name().to_owned(), content(it)?)));
    Some(Value::Object(fields.collect::<Map<_, _>>()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_objects_and_text_are_told_apart() {
        let text = r#"<?xml version="1.0"?>
            <DescribeSubnetsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
              <requestId>1</requestId>
              <subnetSet>
                <item><subnetId>subnet-1</subnetId><tagSet/></item>
                <item><subnetId>subnet-2</subnetId></item>
              </subnetSet>
              <empty/>
              <blank>
              </blank>
            </DescribeSubnetsResponse>"#;
        let subnets = json!([{ "subnetId": "subnet-1" }, { "subnetId": "subnet-2" }]);
        assert_eq!(value(text), Some(json!({ "requestId": "1", "subnetSet": subnets })));
        assert_eq!(value("no XML"), None);
    }
}
