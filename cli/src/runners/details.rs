//! `fleetfoot runners details`

use std::fmt::Write as _;

use fleetfoot_model::ids::RunnerName;
use fleetfoot_model::runner::{Arrival, Runner};
use fleetfoot_model::timeline::Timeline;
use fleetfoot_report::view::{self, RunnerDetails};

use super::list::style;
use crate::arguments::Format;
use crate::failure::Failure;
use crate::output::{self, Answer, HEADING, paint};
use crate::place::InRows;
use crate::table::pairs;
use crate::text::{labels, safe, width};
use crate::times::{Times, span};

pub(crate) const EXAMPLES: &str = r#"Examples:
  fleetfoot runners details ff-289782451-1
  fleetfoot runners details ff-pool-office-7 --json

JSON:
  the runner as `fleetfoot runners list --json` shows it, with
  "timeline": [ { "at", "what", "sincePreviousMillis" } ]"#;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The runner's name
    #[arg(value_name = "NAME")]
    name: RunnerName,
    #[command(flatten)]
    place: InRows,
    #[command(flatten)]
    format: Format,
}

pub(super) async fn run(args: Args, times: &Times) -> Result<Answer, Failure> {
    let runner = super::find(&*args.place.ledger().await?, &args.name).await?;
    if args.format.json {
        return Ok(Answer::data(output::json(&RunnerDetails::from(&runner))?));
    }
    let happened = timeline("What happened", &runner.timeline, times);
    Ok(Answer::data([heading(&runner), summary(&runner, times), "\n".to_owned(), happened].concat()))
}

/// `Runner ff-1-1: busy`
pub(crate) fn heading(runner: &Runner) -> String {
    let state = match (view::stop_reason(runner), &runner.dismissed) {
        (Some(reason), _) => format!("stopped, {}", safe(&reason.to_string())),
        (None, Some(reason)) => format!("{}, being let go: {}", runner.state.name(), safe(reason)),
        (None, None) => runner.state.name().to_owned(),
    };
    format!("{} {}\n", paint(HEADING, &format!("Runner {}:", runner.name)), paint(style(runner), &state))
}

/// What it is, a line for each thing that is known.
pub(crate) fn summary(runner: &Runner, times: &Times) -> String {
    let when = |time| times.date_time_and_age(time);
    let of_task = |pick: fn(&Arrival) -> Option<&str>| runner.arrival.as_ref().and_then(pick).map(safe);
    pairs([
        ("job", runner.job.map(|job| job.to_string())),
        ("pool", runner.pool.as_ref().map(ToString::to_string)),
        ("spec", Some(runner.spec.to_string())),
        ("labels", Some(labels(&runner.labels))),
        ("scope", Some(runner.scope.to_string())),
        ("task", runner.task.as_ref().map(ToString::to_string)),
        ("capacity", of_task(|task| task.provider.as_deref())),
        ("zone", of_task(|task| task.zone.as_deref())),
        ("subnet", of_task(|task| task.subnet.as_deref())),
        ("registration", Some(registration(runner))),
        ("reserved", Some(when(runner.reserved_at))),
        ("started", runner.started_at.map(when)),
        ("stopped", runner.stopped_at.map(when)),
        ("cost", view::cost_usd(runner).map(|usd| format!("{usd:.4} USD by list price"))),
    ])
}

fn registration(runner: &Runner) -> String {
    let name = view::registration_name(runner.registration);
    runner.github_id.map_or_else(|| name.to_owned(), |id| format!("{name}, id {id} at GitHub"))
}

/// A timeline under a title: when, how long after the step before, what.
pub(crate) fn timeline(title: &str, timeline: &Timeline, times: &Times) -> String {
    let mut text = format!("{} (times in {})\n", paint(HEADING, title), times.zone_name());
    let steps: Vec<_> = view::with_spans(timeline)
        .map(|(step, since)| {
            let sign = if since.is_some_and(|since| since.is_negative()) { '-' } else { '+' };
            (step, since.map(|since| format!("{sign}{}", span(since))).unwrap_or_default())
        })
        .collect();
    let wide = steps.iter().map(|(_, since)| width(since)).max().unwrap_or(0);
    for (step, since) in steps {
        let _ = writeln!(text, "  {}  {since:>wide$}  {}", times.date_time(step.at), safe(&step.what));
    }
    text
}
