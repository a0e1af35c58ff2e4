//! `fleetfoot runner check`

use fleetfoot_model::Timestamp;
use fleetfoot_model::runner_release::{Pin, RunnerRelease, Standing};
use serde::Serialize;

use super::pin::File;
use super::{GitHubArgs, pin};
use crate::arguments::Format;
use crate::failure::{Exit, Failure};
use crate::output::{self, Answer, BAD, GOOD, WAITING, paint};
use crate::times::Times;

pub(crate) const EXAMPLES: &str = r#"Examples:
  fleetfoot runner check
  fleetfoot runner check || [ $? -ne 3 ] || fleetfoot runner bump --pull-request acme/fleetfoot

GitHub sends no jobs to a release from 30 days after the next one was published.

Exit codes:
  0  GitHub serves the pinned release for 14 more days at least
  3  for less than that, or no more: pin a newer one
  1  it could not be found out, stderr says why

JSON:
  { "pinned", "pinnedAt": the day it was published, "file": null if it is this program's own,
    "newest", "newestAt", "servedUntil": null while the pinned one is the newest,
    "standing": newest | served | ending | ended }
  Times are RFC 3339 in UTC."#;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    file: File,
    #[command(flatten)]
    github: GitHubArgs,
    #[command(flatten)]
    format: Format,
}

/// How the pinned release stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    /// There is no newer one.
    Newest,
    /// There is a newer one, and no hurry.
    Served,
    /// GitHub stops serving it within 14 days.
    Ending,
    /// GitHub serves it no more.
    Ended,
}

impl Word {
    fn of(standing: &Standing, now: Timestamp) -> Self {
        match standing.served_until {
            None => Self::Newest,
            Some(until) if until <= now => Self::Ended,
            Some(_) if standing.is_aging(now) => Self::Ending,
            Some(_) => Self::Served,
        }
    }

    fn exit(self) -> Exit {
        match self {
            Self::Newest | Self::Served => Exit::Success,
            Self::Ending | Self::Ended => Exit::Due,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct View {
    pinned: String,
    pinned_at: String,
    file: Option<String>,
    newest: String,
    newest_at: Option<Timestamp>,
    served_until: Option<Timestamp>,
    standing: Word,
}

pub(super) async fn run(args: Args, times: &Times) -> Result<Answer, Failure> {
    let found = args.file.find()?;
    let releases = args.github.releases(times).await?;
    let standing = Standing::of(found.pin.version, &releases);
    let word = Word::of(&standing, times.now);
    if !args.format.json {
        let data = told(&found, &standing, word, &releases, times);
        return Ok(Answer { exit: word.exit(), ..Answer::data(data) });
    }
    let view = View {
        pinned: found.pin.version.to_string(),
        pinned_at: found.pin.published.to_string(),
        file: found.file.map(|file| file.display().to_string()),
        newest: standing.newest.to_string(),
        newest_at: published_at(&standing, &releases),
        served_until: standing.served_until,
        standing: word,
    };
    Ok(Answer { exit: word.exit(), ..Answer::data(output::json(&view)?) })
}

fn published_at(standing: &Standing, releases: &[RunnerRelease]) -> Option<Timestamp> {
    let newest = releases.iter().find(|release| release.version == standing.newest);
    newest.map(|release| release.published_at)
}

fn told(
    found: &pin::Found,
    standing: &Standing,
    word: Word,
    releases: &[RunnerRelease],
    times: &Times,
) -> String {
    let Pin { version, published, .. } = &found.pin;
    let newest = match published_at(standing, releases) {
        Some(at) => format!("{}, published {}", standing.newest, times.date_time_and_age(at)),
        None => standing.newest.to_string(),
    };
    let served = match (word, standing.served_until) {
        (Word::Ended, Some(until)) => {
            paint(BAD, &format!("no more, since {}", times.date_time_and_age(until)))
        }
        (Word::Ending, Some(until)) => paint(WAITING, &format!("until {}", times.date_time_and_age(until))),
        (_, Some(until)) => format!("until {}", times.date_time_and_age(until)),
        (_, None) => paint(GOOD, "it is the newest"),
    };
    let place = found.place();
    format!("pinned  {version}, published {published} ({place})\nnewest  {newest}\nserved  {served}\n")
}
