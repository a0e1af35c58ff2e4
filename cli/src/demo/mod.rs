//! `fleetfoot demo`: `up` with a stand-in GitHub that queues recorded jobs, and a stand-in runner. No account needed.

mod cast;
mod picture;
mod stage;
mod verdict;

use std::io::IsTerminal as _;

use clap::builder::RangedU64ValueParser;
use fleetfoot_stand_in::FaultLevel;

use crate::arguments::Format;
use crate::dashboard::Beside;
use crate::failure::Failure;
use crate::output::{self, Answer};
use crate::up;
use cast::Cast;
use stage::Stage;
use verdict::Verdict;

pub(crate) const EXAMPLES: &str = "\
Examples:
  fleetfoot demo
  fleetfoot demo --jobs 300 --dashboard 127.0.0.1:8081
  fleetfoot demo --jobs 200 --faults heavy --json | tail -1

Among the jobs are one with an image: label, one with a label that is refused and one that is
cancelled. Runners are real processes; only GitHub and what the jobs do are stood in for.

JSON (the last line):
  { \"jobs\", \"finished\", \"rejected\", \"cancelled\", \"unexpected\": [ reasons ], \"runnersLeft\",
    \"registrationsLeft\", \"githubCallsPerJob\", \"jitRequests\",
    \"queueToStartMillis\": { \"p50\", \"p99\" }, \"seconds\" }

Exit code 0 only if every job ended as it should and nothing is left.";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many jobs go through
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = RangedU64ValueParser::<usize>::new().range(4..=10_000))]
    jobs: usize,
    /// What chance is drawn from; the same seed queues the same jobs
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// What goes wrong at GitHub: none, some or heavy
    #[arg(long, value_name = "LEVEL", default_value = "none")]
    faults: FaultLevel,
    #[command(flatten)]
    dashboard: Beside,
    #[command(flatten)]
    format: Format,
}

/// How many columns whoever looks on has; none where the answer goes elsewhere.
fn columns() -> Option<u16> {
    let size = std::io::stdout().is_terminal().then(ratatui::crossterm::terminal::size)?;
    size.ok().map(|(columns, _)| columns)
}

pub(crate) async fn run(args: Args) -> Result<Answer, Failure> {
    let cast = Cast::of(args.jobs, args.seed);
    if !args.format.json {
        output::note(&format!("{} jobs, faults: {}; a runner for each ...", args.jobs, args.faults));
    }
    // From here on a signal ends it without leaving anything.
    let stop = up::stop_signal()?;
    let stage = Stage::build(args.seed, args.faults).await?;
    let dashboard = if args.dashboard.is_named() { stage.show(&args.dashboard).await? } else { None };
    let played = stage.play(&cast, args.faults, !args.format.json, stop).await;
    if let Some(dashboard) = dashboard {
        dashboard.end().await;
    }
    let Some(played) = played? else {
        return Err(Failure::new("the demo was stopped before its end"));
    };
    let verdict = Verdict::of(&played);
    let data = if args.format.json {
        format!("{}\n", verdict.json())
    } else {
        format!("{}\n{}", picture::draw(&played, columns()), verdict.words())
    };
    let failures = verdict.failures();
    Ok(Answer { failures, ..Answer::data(data) })
}
