//! `fleetfoot classes usage`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fleetfoot_model::ids::RunnerName;
use fleetfoot_model::ledger::{Ledger, LedgerError};
use fleetfoot_model::record::Index;
use fleetfoot_model::runner::Runner;
use fleetfoot_model::size::Size;
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_report::usage::{ClassUsage, MARK, Spread, Used, Verdict, classes, read};
use serde_json::json;

use crate::arguments::Format;
use crate::failure::{Failure, OrFail};
use crate::output::{self, Answer, BAD, GOOD, WAITING};
use crate::place::Location;
use crate::place::logs::Sought;
use crate::progress::Progress;
use crate::rows;
use crate::table::{Cell, table};
use crate::text::counted;
use crate::times::Times;
use crate::when::When;

/// Rows that are read at once.
const PAGE: usize = 1000;
/// The most runners that are looked at; the newest.
const MOST_RUNNERS: usize = 20_000;

/// A line is written before the fleet hears of the runner's end.
const EARLIER: SignedDuration = SignedDuration::from_mins(10);

pub(super) const EXAMPLES: &str = r#"Examples:
  fleetfoot classes usage --stack fleetfoot
  fleetfoot classes usage --since 24h
  fleetfoot classes usage --stack fleetfoot --json | jq '.classes[] | select(.verdict.is == "tooLarge")'
  aws logs filter-log-events --log-group-name /fleetfoot/fleetfoot/runners \
      --filter-pattern '"fleetfoot_agent::usage"' --query 'events[].[message]' --output text > usage.txt
  fleetfoot classes usage --stack fleetfoot --lines usage.txt

Each runner's agent writes what its job used into the runner's log: the largest working set, seen every two
seconds, and the time of all processors. A suggestion covers what 95 of 100 jobs used and a fifth more, and
all of what any used. docs/cost.md says how. Reading logs of AWS takes the longer the more runners say.

JSON:
  { "classes": [ { "class", "size": { "cpu", "memoryMib" }, "jobs", "memoryMib": { "p50", "p95", "max" },
      "vcpu": processors at work on average, as memoryMib,
      "verdict": { "is": unknown | right | tooSmall | tooLarge, "near", "killed", "size", "savedUsd" } } ],
    "isCut": whether there are logs that were not looked through }"#;

#[derive(Debug, clap::Args)]
pub(crate) struct UsageArgs {
    /// Runners that ended since: so long ago (`7d`, `24h`), or a date; rows are kept for 7 days
    #[arg(long, value_name = "TIME", default_value = "7d")]
    since: When,
    /// Read a file with lines of runners' logs instead of these; other lines in it do not matter
    #[arg(long, value_name = "FILE")]
    lines: Option<PathBuf>,
    #[command(flatten)]
    place: Location,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn usage(args: UsageArgs, times: &Times) -> Result<Answer, Failure> {
    let since = args.since.time(times)?;
    let exported = args.lines.as_deref().map(exported).transpose()?;
    let place = args.place.open().await?;
    let config = place.config().await?;
    let progress = Progress::waiting("reading the fleet's runners", args.format);
    let runners = ended(&*place.ledger()?, since, times.now).await;
    let runners = runners.or_fail("the fleet's runners cannot be read")?;
    let (lines, is_cut) = if let Some(lines) = exported {
        (lines, false)
    } else {
        // No earlier time is one that CloudWatch knows.
        let since = since.checked_sub(EARLIER).unwrap_or(since).max(Timestamp::UNIX_EPOCH);
        let sought = Sought { runners: &runners, text: MARK, since };
        place.logs()?.of_runners(sought, &progress).await?
    };
    drop(progress);
    let used: BTreeMap<RunnerName, Used> = lines.iter().filter_map(|line| read(line)).collect();
    let found = classes(&config, &runners, &used);
    if args.format.json {
        return Ok(Answer::data(output::json(&json!({ "classes": found, "isCut": is_cut }))?));
    }
    let answer = screen(&found, used.len(), runners.len());
    Ok(if is_cut {
        answer.note("there are more logs than were looked through; --since fewer, --lines an export of all")
    } else {
        answer
    })
}

/// The lines of a file.
fn exported(file: &Path) -> Result<Vec<String>, Failure> {
    let text = std::fs::read(file).map_err(|error| {
        Failure::new(format!("{} cannot be read", file.display()))
            .because(&error)
            .hint("without --lines the fleet's own logs are read")
    })?;
    // What other programs wrote between the lines need not be text.
    Ok(String::from_utf8_lossy(&text).lines().map(str::to_owned).collect())
}

/// The runners that ended within a time.
async fn ended(ledger: &dyn Ledger, since: Timestamp, now: Timestamp) -> Result<Vec<Runner>, LedgerError> {
    let mut runners = Vec::new();
    let mut after = None;
    loop {
        let page = ledger.list_between(Index::Ended, since..now, after.as_ref(), PAGE).await?;
        let is_last = page.len() < PAGE;
        after = page.last().map(|row| row.value.clone());
        runners.extend(page.into_iter().filter_map(|row| rows::runner(row.value)));
        if is_last {
            break;
        }
    }
    let older = runners.len().saturating_sub(MOST_RUNNERS);
    Ok(runners.split_off(older))
}

fn screen(found: &[ClassUsage], told: usize, runners: usize) -> Answer {
    let heading = ["CLASS", "SIZE", "JOBS", "MEMORY MIB P50/P95/MAX", "VCPU P50/P95/MAX", "WHAT TO DO"];
    let answer = Answer::data(table(heading, found.iter().map(row)));
    let seen: usize = found.iter().map(|class| class.jobs).sum();
    let ended = counted(runners, "runner");
    answer.note(match told {
        0 => format!(
            "none of {ended} that ended said what its job used; processes of one machine never do (docs/cost.md)"
        ),
        _ => format!(
            "reckoned with {seen} of {ended} that ended; others are of another size than their class, or said nothing"
        ),
    })
}

fn row(class: &ClassUsage) -> [Cell; 6] {
    let (text, style) = match &class.verdict {
        Verdict::Unknown => ("too few jobs to tell".to_owned(), WAITING),
        Verdict::Right => ("nothing".to_owned(), GOOD),
        Verdict::TooSmall { near, killed, size } => (too_small(class.jobs, *near, *killed, *size), BAD),
        Verdict::TooLarge { size, saved_usd } => {
            (format!("{} would have saved {saved_usd:.4} USD", shown(*size)), WAITING)
        }
    };
    let spread = |spread: Option<Spread>, digits: usize| {
        spread.map_or_else(
            || "-".to_owned(),
            |it| format!("{:.digits$} / {:.digits$} / {:.digits$}", it.p50, it.p95, it.max),
        )
    };
    [
        class.class.to_string().into(),
        shown(class.size).into(),
        class.jobs.to_string().into(),
        spread(class.memory_mib, 0).into(),
        spread(class.vcpu, 2).into(),
        Cell::painted(text, style),
    ]
}

fn too_small(jobs: usize, near: usize, killed: usize, size: Option<Size>) -> String {
    let near = (near > 0).then(|| format!("{near} of {jobs} jobs used more than 95% of its memory"));
    let killed = (killed > 0).then(|| format!("of {killed} of {jobs} jobs a process was killed for memory"));
    let why: Vec<String> = near.into_iter().chain(killed).collect();
    let remedy =
        size.map_or_else(|| "there is no larger size".to_owned(), |size| format!("take {}", shown(size)));
    format!("too small: {}; {remedy}", why.join(", "))
}

/// `cpu 1024, memory 2048`, as a class says it.
fn shown(size: Size) -> String {
    format!("cpu {}, memory {}", size.cpu, size.memory_mib)
}
