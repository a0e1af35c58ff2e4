//! Slack's Block Kit, as far as it is used, within its limits (Slack's reference of blocks).

use serde_json::{Value, json};
use url::Url;

use crate::text::escape;

const MOST_IN_HEADER: usize = 150;
const MOST_IN_SECTION: usize = 3000;
const MOST_IN_FIELD: usize = 2000;
const MOST_FIELDS: usize = 10;
const LONGEST_LINK: usize = 1000;

/// A message: what a notification shows of it, and its blocks.
pub(crate) fn message(summary: &str, blocks: &[Value]) -> Value {
    // Unfurling would fetch whatever address a job's or an alarm's name contains.
    json!({
        "text": escape(summary, MOST_IN_SECTION),
        "blocks": blocks,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

/// A title. Escaped too: Slack reads escapes in plain text as well.
pub(crate) fn header(text: &str) -> Value {
    json!({ "type": "header", "text": { "type": "plain_text", "text": escape(text, MOST_IN_HEADER), "emoji": true } })
}

/// A paragraph.
pub(crate) fn section(text: &str) -> Value {
    json!({ "type": "section", "text": markdown(&escape(text, MOST_IN_SECTION)) })
}

/// Short texts with names, two in a row. Those without a text are left out.
pub(crate) fn fields(named: Vec<(&str, Option<String>)>) -> Option<Value> {
    let fields: Vec<Value> = named
        .into_iter()
        .filter_map(|(name, text)| Some((name, text.filter(|text| !text.trim().is_empty())?)))
        .take(MOST_FIELDS)
        .map(|(name, text)| {
            let heading = format!("*{name}*\n");
            let room = MOST_IN_FIELD - heading.len();
            markdown(&(heading + &escape(&text, room)))
        })
        .collect();
    if fields.is_empty() { None } else { Some(json!({ "type": "section", "fields": fields })) }
}

/// A paragraph in Slack's own markup, of words that are ours or escaped.
pub(crate) fn line(markup: &str) -> Value {
    json!({ "type": "section", "text": markdown(markup) })
}

/// A command to copy. It is made of ids and names, none of which has a backtick.
pub(crate) fn code(command: &str) -> Value {
    line(&format!("`{}`", escape(command, MOST_IN_FIELD)))
}

/// Links side by side, of those that have an address. Labels are ours and need no escape.
pub(crate) fn links(named: &[(&str, Option<&str>)]) -> Option<Value> {
    let named = named.iter().filter_map(|(label, address)| Some((label, safe_address((*address)?)?)));
    let elements: Vec<Value> =
        named.map(|(label, address)| markdown(&format!("<{address}|{label}>"))).collect();
    if elements.is_empty() { None } else { Some(json!({ "type": "context", "elements": elements })) }
}

/// A line of small print.
pub(crate) fn context(text: &str) -> Value {
    json!({ "type": "context", "elements": [markdown(&escape(text, MOST_IN_FIELD))] })
}

/// `verbatim` keeps Slack from making links and mentions of words that look like them.
fn markdown(text: &str) -> Value {
    json!({ "type": "mrkdwn", "text": text, "verbatim": true })
}

/// An https address that cannot end its link early. A parsed address has no `<` and `>`.
fn safe_address(address: &str) -> Option<String> {
    let url = Url::parse(address).ok().filter(|url| url.scheme() == "https")?;
    let address =
        url.as_str().replace('|', "%7C").replace('<', "%3C").replace('>', "%3E").replace('&', "&amp;");
    (address.len() <= LONGEST_LINK).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_cannot_be_more_than_a_link() {
        assert_eq!(safe_address("https://a.example/x?a=1&b=2").unwrap(), "https://a.example/x?a=1&amp;b=2");
        assert_eq!(
            safe_address("https://a.example/|x><!channel>").unwrap(),
            "https://a.example/%7Cx%3E%3C!channel%3E"
        );
        assert_eq!(safe_address("javascript:alert(1)"), None);
        assert_eq!(safe_address("http://a.example/"), None);
        assert_eq!(safe_address(&format!("https://a.example/{}", "x".repeat(1000))), None);
    }
}
