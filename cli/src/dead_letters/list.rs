//! `fleetfoot dead-letters list`

use serde_json::json;

use super::Letter;
use crate::arguments::Format;
use crate::failure::Failure;
use crate::output::{self, Answer};
use crate::place::Location;
use crate::table::table;
use crate::text::{cut, or_dash, safe};
use crate::times::Times;

pub(crate) const EXAMPLES: &str = r#"Examples:
  fleetfoot dead-letters list
  fleetfoot dead-letters list --stack fleetfoot --json

Looking takes none away. On AWS they are in the queues UnlaunchedEvents, FailedEvents and
UndeliveredEvents, and are hidden from others for the seconds that it takes.

JSON:
  { "letters": [ { "id", "queue", "meantFor": function or queue, "reason", "attempts",
      "since": when it was given up, "kind": the event's detail-type, notice or unreadable,
      "about": its job or runner, "eventId", "eventTime" } ] }
  What is not known is null."#;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Location,
    #[command(flatten)]
    format: Format,
}

pub(super) async fn run(args: Args, times: &Times) -> Result<Answer, Failure> {
    let letters = args.place.open().await?.dead_letters().await?;
    let found = letters.list().await;
    letters.release().await;
    let found = found?;
    if args.format.json {
        let views: Vec<_> = found.iter().map(|letter| letter.json(false)).collect();
        return Ok(Answer::data(output::json(&json!({ "letters": views }))?));
    }
    if found.is_empty() {
        return Ok(Answer::default().note("there are no dead letters"));
    }
    Ok(Answer::data(lines(&found, times)))
}

fn lines(letters: &[Letter], times: &Times) -> String {
    let row = |letter: &Letter| {
        [
            short(&letter.id).into(),
            times.age(letter.since).into(),
            safe(letter.content.kind()).into(),
            safe(&or_dash(letter.content.about())).into(),
            safe(&or_dash(letter.meant_for.as_ref())).into(),
            cut(&or_dash(letter.reason.as_ref()), 100).into(),
        ]
    };
    table(["ID", "SINCE", "EVENT", "ABOUT", "FOR", "WHY"], letters.iter().map(row))
}

/// The beginning of an id of SQS, which has 36 characters, is enough to name it.
fn short(id: &str) -> String {
    safe(&id.chars().take(8).collect::<String>())
}
