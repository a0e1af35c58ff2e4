//! `fleetfoot classes usage`

use std::collections::BTreeMap;
use std::path::PathBuf;

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::RunnerName;
use fleetfoot_model::ledger::{Ledger, LedgerError};
use fleetfoot_model::record::Index;
use fleetfoot_model::runner::Runner;
use fleetfoot_model::size::Size;
use fleetfoot_report::usage::{ClassUsage, Spread, Used, Verdict, classes, read};
use serde_json::json;

use crate::arguments::Format;
use crate::cost::Moment;
use crate::failure::{Failure, OrFail};
use crate::output::{self, Answer, BAD, GOOD, WAITING};
use crate::place::Location;
use crate::rows;
use crate::table::{Cell, table};
use crate::times::Times;

/// Rows that are read at once.
const PAGE: usize = 1000;
/// The most runners that are looked at; the newest.
const MOST_RUNNERS: usize = 20_000;

pub(super) const EXAMPLES: &str = r#"Examples:
  aws logs filter-log-events --log-group-name /fleetfoot/fleetfoot/runners \
      --filter-pattern '"fleetfoot_agent::usage"' --query 'events[].[message]' --output text > usage.txt
  fleetfoot classes usage --stack fleetfoot --lines usage.txt
  fleetfoot classes usage --lines usage.txt --json | jq '.classes[] | select(.verdict.is == "tooLarge")'

Each runner's agent writes what its job used into the runner's log: the largest working set, seen every two
seconds, and the time of all processors. A suggestion covers what 95 of 100 jobs used and a fifth more, and
all of what any used. docs/cost.md says how.

JSON:
  { "classes": [ { "class", "size": { "cpu", "memoryMib" }, "jobs", "memoryMib": { "p50", "p95", "max" },
      "vcpu": processors at work on average, as memoryMib,
      "verdict": { "is": unknown | right | tooSmall | tooLarge, "near", "killed", "size", "savedUsd" } } ] }"#;

#[derive(Debug, clap::Args)]
pub(crate) struct UsageArgs {
    /// Runners that ended since: so long ago (`7d`, `24h`), or a date; rows are kept for 7 days
    #[arg(long, value_name = "TIME", default_value = "7d")]
    since: Moment,
    /// A file with lines of runners' logs; other lines in it do not matter
    #[arg(long, value_name = "FILE")]
    lines: PathBuf,
    #[command(flatten)]
    place: Location,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn usage(args: UsageArgs, times: &Times) -> Result<Answer, Failure> {
    let text = std::fs::read(&args.lines).or_fail(format!("{} cannot be read", args.lines.display()))?;
    // What other programs wrote between the lines need not be text.
    let text = String::from_utf8_lossy(&text);
    let used: BTreeMap<RunnerName, Used> = text.lines().filter_map(read).collect();
    let place = args.place.open().await?;
    let config = place.config().await?;
    let runners = ended(&*place.ledger()?, args.since.at(times), times.now).await;
    let runners = runners.or_fail("the fleet's runners cannot be read")?;
    let found = classes(&config, &runners, &used);
    if args.format.json {
        return Ok(Answer::data(output::json(&json!({ "classes": found }))?));
    }
    Ok(screen(&found, used.len(), runners.len()))
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
    answer.note(format!(
        "{seen} of {runners} runners that ended are told of in {told} lines; others are of another size, or said nothing"
    ))
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
