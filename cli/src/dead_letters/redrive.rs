//! `fleetfoot dead-letters redrive` and `drop`

use std::sync::Arc;

use fleetfoot_model::ledger::Ledger;
use serde_json::json;

use super::{Content, DeadLetters, Letter, chosen};
use crate::arguments::Format;
use crate::confirm::confirm;
use crate::failure::Failure;
use crate::output::{self, Answer};
use crate::place::Location;
use crate::progress::Progress;
use crate::stale;
use crate::times::Times;

pub(crate) const REDRIVE_EXAMPLES: &str = r#"Examples:
  fleetfoot dead-letters redrive 17 18
  fleetfoot dead-letters redrive --all --stack fleetfoot

Each goes back to the queue or function that could not handle it, and stays a dead letter until it
was accepted there. Handling an event twice changes nothing. What is stale is left alone, unless
--stale asks for it: an event of more than 24 hours ago, or of a job that runs or has ended.

JSON:
  { "redriven": [ { "id", "to": where, null if it was gone already } ],
    "refused": [ { "id", "what": why, "hint" } ] }"#;

pub(crate) const DROP_EXAMPLES: &str = r#"Examples:
  fleetfoot dead-letters drop 17
  fleetfoot dead-letters drop --all --yes --stack fleetfoot

They are gone for good. `cleanup` repairs from the rows what an event would have done.

JSON:
  { "dropped": [ ids ] }"#;

/// Which letters.
#[derive(Debug, clap::Args)]
struct Which {
    /// Their ids, or the beginnings of them
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<String>,
    /// All of them
    #[arg(long)]
    all: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RedriveArgs {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    place: Location,
    /// Those, too, that are too old to be of use
    #[arg(long)]
    stale: bool,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DropArgs {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    place: Location,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    format: Format,
}

pub(super) async fn redrive(args: RedriveArgs, times: &Times) -> Result<Answer, Failure> {
    let place = args.place.open().await?;
    let (ledger, letters) = (place.ledger()?, place.dead_letters().await?);
    let ledger = (!args.stale).then_some(ledger);
    let done = redrive_all(&letters, ledger, &args.which.ids, times, args.format).await;
    letters.release().await;
    done?.answer(args.format)
}

/// What became of each.
#[derive(Debug, Default)]
struct Done {
    redriven: Vec<(String, Option<String>)>,
    refused: Vec<(String, Failure)>,
}

async fn redrive_all(
    letters: &Arc<dyn DeadLetters>,
    ledger: Option<Arc<dyn Ledger>>,
    ids: &[String],
    times: &Times,
    format: Format,
) -> Result<Done, Failure> {
    let mut done = Done::default();
    let chosen = chosen(letters, ids).await?;
    let progress = Progress::steps(chosen.len(), "dead letters were put back", format);
    for letter in chosen {
        let redriven = match refusal(&letter, ledger.as_deref(), times).await {
            Ok(()) => letters.redrive(&letter, times.now).await,
            Err(failure) => Err(failure),
        };
        match redriven {
            Ok(to) => done.redriven.push((letter.id, to)),
            Err(failure) => done.refused.push((letter.id, failure)),
        }
        progress.step();
    }
    Ok(done)
}

/// Why a letter is left alone. Without a ledger nothing is too old.
async fn refusal(letter: &Letter, ledger: Option<&dyn Ledger>, times: &Times) -> Result<(), Failure> {
    if ledger.is_none() {
        return Ok(());
    }
    let reason = match &letter.content {
        Content::Event(event) => stale::event(ledger, event, times.now).await?,
        Content::Notice(_) | Content::Unreadable(_) => stale::of_age(letter.since, times.now),
    };
    match reason {
        None => Ok(()),
        Some(reason) => Err(Failure::new(format!("it is stale: {reason}")).hint(stale::HINT)),
    }
}

impl Done {
    fn answer(self, format: Format) -> Result<Answer, Failure> {
        let Self { redriven, refused } = self;
        let data = if format.json { document(&redriven, &refused)? } else { String::new() };
        let failures: Vec<Failure> = refused
            .into_iter()
            .map(|(id, failure)| Failure { what: format!("{id}: {}", failure.what), ..failure })
            .collect();
        if format.json {
            return Ok(Answer { failures, ..Answer::data(data) });
        }
        let note = |(id, to): (String, Option<String>)| match to {
            Some(to) => format!("{id} went back to {to}"),
            None => format!("{id} was gone already"),
        };
        let mut notes: Vec<String> = redriven.into_iter().map(note).collect();
        if notes.is_empty() && failures.is_empty() {
            notes.push("there are no dead letters".to_owned());
        }
        Ok(Answer { notes, failures, ..Answer::default() })
    }
}

fn document(redriven: &[(String, Option<String>)], refused: &[(String, Failure)]) -> Result<String, Failure> {
    let redriven: Vec<_> = redriven.iter().map(|(id, to)| json!({ "id": id, "to": to })).collect();
    let refused: Vec<_> =
        refused.iter().map(|(id, it)| json!({ "id": id, "what": it.what, "hint": it.hint })).collect();
    output::json(&json!({ "redriven": redriven, "refused": refused }))
}

pub(super) async fn drop_them(args: DropArgs) -> Result<Answer, Failure> {
    let letters = args.place.open().await?.dead_letters().await?;
    let dropped = drop_all(&letters, &args.which.ids, args.yes, args.format).await;
    letters.release().await;
    let dropped = dropped?;
    if args.format.json {
        return Ok(Answer::data(output::json(&json!({ "dropped": dropped }))?));
    }
    Ok(Answer::default().note(format!("dropped: {}", dropped.len())))
}

async fn drop_all(
    letters: &Arc<dyn DeadLetters>,
    ids: &[String],
    yes: bool,
    format: Format,
) -> Result<Vec<String>, Failure> {
    let chosen = chosen(letters, ids).await?;
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    if !yes {
        let lines = chosen.iter().map(|letter| {
            let about = letter.content.about().map(|it| format!(" about {it}")).unwrap_or_default();
            format!("{}: {}{about}", letter.id, letter.content.kind())
        });
        confirm("these dead letters will be gone for good", &lines.collect::<Vec<_>>())?;
    }
    let mut dropped = Vec::new();
    let progress = Progress::steps(chosen.len(), "dead letters were dropped", format);
    for letter in chosen {
        progress.step();
        if letters.drop_letter(&letter).await? {
            dropped.push(letter.id);
        }
    }
    Ok(dropped)
}

#[cfg(test)]
#[path = "redrive_tests.rs"]
mod tests;
