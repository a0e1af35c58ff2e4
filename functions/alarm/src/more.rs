//! What is said of notices that get no message of their own.

use fleetfoot_model::Timestamp;
use serde_json::{Value, json};

use crate::alarm::in_utc;
use crate::blocks::{code, context, header, line, links, message};
use crate::links::Home;
use crate::message::{Beside, emoji};
use crate::text::escape;

/// The block that says so, by which it is found again.
const BLOCK: &str = "more";
/// The most titles that are shown, and their length.
const MOST_TITLES: usize = 5;
const LONGEST_TITLE: usize = 200;

/// A message with how many more like it there were.
pub(crate) fn add(payload: &Value, more: u64, since: Timestamp, titles: &[String]) -> Value {
    let mut payload = payload.clone();
    if let Some(blocks) = payload["blocks"].as_array_mut() {
        blocks.retain(|block| block["block_id"] != BLOCK);
        let said =
            format!("…and *{more} more* like it since {}, the latest:\n{}", in_utc(since), list(titles));
        let mut block = line(&said);
        block["block_id"] = json!(BLOCK);
        blocks.push(block);
    }
    payload
}

/// A message about notices of a kind that were held back.
pub(crate) fn summary(
    kind: &str,
    more: u64,
    since: Timestamp,
    titles: &[String],
    beside: &Beside<'_>,
) -> Value {
    let title = format!("{} {more} more: {}", emoji(kind), plural(kind));
    let option = beside.home.map(Home::option).unwrap_or_default();
    let said = format!("since {}, the latest:\n{}", in_utc(since), list(titles));
    let mut blocks = vec![header(&title), line(&said), code(&format!("fleetfoot jobs list --all{option}"))];
    blocks.extend(links(&[("Dashboard", beside.dashboard)]));
    blocks.push(context(&format!("fleetfoot: {kind}")));
    message(&title, &blocks)
}

fn list(titles: &[String]) -> String {
    let latest = titles.iter().rev().take(MOST_TITLES);
    latest.map(|title| format!("• {}", escape(title, LONGEST_TITLE))).collect::<Vec<_>>().join("\n")
}

fn plural(kind: &str) -> &str {
    match kind {
        "JobRejected" => "jobs that will get no runner",
        "JobExpired" => "jobs that were given up",
        "JobRerunRefused" => "jobs that lost their machine and are not run again",
        "CheckRunsRefused" => "refusals of check runs",
        "LaunchFailed" => "runners that cannot be launched",
        "ImageFailed" => "images that could not be built",
        "BudgetReached" => "budgets of which much is spent",
        "Message" => "messages",
        other => other,
    }
}
