//! What Slack takes as a message: the limits of Block Kit (Slack docs, "Reference: blocks").

use serde_json::Value;

const MOST_BLOCKS: usize = 50;

/// Whether a payload can be posted; if not, Slack's word for it.
pub(super) fn check(payload: &Value) -> Result<(), &'static str> {
    let text = payload["text"].as_str().unwrap_or_default();
    let Some(blocks) = payload.get("blocks") else {
        return if text.is_empty() { Err("no_text") } else { Ok(()) };
    };
    let blocks = blocks.as_array().filter(|blocks| (1..=MOST_BLOCKS).contains(&blocks.len()));
    let all_good = blocks.is_some_and(|blocks| blocks.iter().all(|block| is_good(block).unwrap_or(false)));
    if all_good { Ok(()) } else { Err("invalid_blocks") }
}

fn is_good(block: &Value) -> Option<bool> {
    Some(match block["type"].as_str()? {
        "header" => is_text(&block["text"], &["plain_text"], 150),
        "section" if block.get("fields").is_some() => {
            let fields = block["fields"].as_array()?;
            (1..=10).contains(&fields.len()) && fields.iter().all(|field| is_text(field, &["mrkdwn"], 2000))
        }
        "section" => is_text(&block["text"], &["mrkdwn", "plain_text"], 3000),
        "context" => {
            let elements = block["elements"].as_array()?;
            (1..=10).contains(&elements.len())
                && elements.iter().all(|element| is_text(element, &["mrkdwn", "plain_text"], 3000))
        }
        "divider" => true,
        _ => false,
    })
}

fn is_text(text: &Value, kinds: &[&str], most: usize) -> bool {
    let is_kind = text["type"].as_str().is_some_and(|kind| kinds.contains(&kind));
    is_kind && text["text"].as_str().is_some_and(|text| (1..=most).contains(&text.encode_utf16().count()))
}
