//! `fleetfoot dead-letters show`

use std::fmt::Write as _;

use super::{Letter, chosen};
use crate::arguments::Format;
use crate::failure::Failure;
use crate::output::{self, Answer};
use crate::place::Location;
use crate::text::{or_dash, safe};
use crate::times::Times;

pub(crate) const EXAMPLES: &str = r#"Examples:
  fleetfoot dead-letters show 17
  fleetfoot dead-letters show 5fea7756 --stack fleetfoot --json

JSON:
  As an entry of `dead-letters list`, and "content": the event, as under events/, or what is there
  instead."#;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its id, or the beginning of it
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    place: Location,
    #[command(flatten)]
    format: Format,
}

pub(super) async fn run(args: Args, times: &Times) -> Result<Answer, Failure> {
    let letters = args.place.open().await?.dead_letters().await?;
    let found = chosen(&letters, &[args.id]).await;
    letters.release().await;
    let found = found?;
    let letter = found.first().ok_or_else(|| Failure::new("there is no dead letter"))?;
    let data = if args.format.json { output::json(&letter.json(true))? } else { text(letter, times)? };
    Ok(Answer::data(data))
}

fn text(letter: &Letter, times: &Times) -> Result<String, Failure> {
    let mut text = String::new();
    for (name, value) in [
        ("id", letter.id.clone()),
        ("queue", letter.queue.clone()),
        ("meant for", or_dash(letter.meant_for.as_ref())),
        ("why", or_dash(letter.reason.as_ref())),
        ("attempts", or_dash(letter.attempts)),
        ("given up", times.date_time_and_age(letter.since)),
        ("about", or_dash(letter.content.about())),
    ] {
        let _ = writeln!(text, "{name:9}  {}", safe(&value));
    }
    text.push_str(&output::json(&letter.content.json())?);
    Ok(text)
}
