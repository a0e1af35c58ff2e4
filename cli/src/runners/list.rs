//! `fleetfoot runners list`

use fleetfoot_model::runner::{Runner, RunnerState, StopReason};
use serde_json::json;

use crate::arguments::{Format, State};
use crate::failure::Failure;
use crate::output::{self, Answer, BAD, DIM, GOOD, WAITING};
use crate::rows::{self, Listed, Selection};
use crate::table::{Cell, table};
use crate::text::{or_dash, safe};
use crate::times::Times;
use crate::view::{self, RunnerView};

pub(crate) const EXAMPLES: &str = r#"Examples:
  fleetfoot runners list
  fleetfoot runners list --all --json | jq '[.runners[].costUsd] | add'

JSON:
  { "runners": [ { "name", "state": reserved | launched | registered | busy | stopped, "job",
      "pool", "scope",
      "spec": { "class", "cpu", "memoryMib", "diskGib", "arch", "capacity", "image" },
      "labels", "task", "registration": none | pending | uncertain | present | gone, "githubId",
      "dismissed", "stopReason": { "because": done | failed | neverStarted | notLaunched |
      interrupted | stopped | lost | other, "exitCode", "reason" }, "reservedAt", "registerBy",
      "startedAt", "stoppedAt", "changedAt", "costUsd" } ],
    "isCut": whether there are more than --limit }
  Times are RFC 3339 in UTC; what is not known is null or left out."#;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    state: State,
    #[command(flatten)]
    format: Format,
}

pub(super) async fn run(args: Args, times: &Times) -> Result<Answer, Failure> {
    let ledger = args.state.ledger()?;
    let Listed { rows, is_cut } = rows::runners(&ledger, &args.selection).await?;
    if args.format.json {
        let runners: Vec<RunnerView<'_>> = rows.iter().map(RunnerView::from).collect();
        return Ok(Answer::data(output::json(&json!({ "runners": runners, "isCut": is_cut }))?));
    }
    let answer = Answer::data(table(
        ["RUNNER", "STATE", "JOB", "CLASS", "POOL", "AGE", "USD", "WHY"],
        rows.iter().map(|runner| row(runner, times)),
    ));
    Ok(match rows.len() {
        0 if args.selection.all => answer.note("there was no runner in the last 7 days"),
        0 => answer.note("there is no runner; --all lists those that have ended, too"),
        _ if is_cut => {
            answer.note(format!("there are more; --limit shows more than {}", args.selection.limit))
        }
        _ => answer,
    })
}

fn row(runner: &Runner, times: &Times) -> [Cell; 8] {
    let why = match (view::stop_reason(runner), &runner.dismissed) {
        (Some(reason), _) => reason.to_string(),
        (None, Some(reason)) => format!("being let go: {reason}"),
        (None, None) => String::new(),
    };
    [
        runner.name.to_string().into(),
        Cell::painted(runner.state.name(), style(runner)),
        or_dash(runner.job).into(),
        runner.spec.class.to_string().into(),
        or_dash(runner.pool.as_ref()).into(),
        times.age(runner.reserved_at).into(),
        or_dash(view::cost_usd(runner).map(|usd| format!("{usd:.4}"))).into(),
        safe(&why).into(),
    ]
}

/// The colour of a runner's state.
pub(super) fn style(runner: &Runner) -> anstyle::Style {
    match &runner.state {
        RunnerState::Reserved | RunnerState::Launched => WAITING,
        RunnerState::Registered | RunnerState::Busy(_) => GOOD,
        RunnerState::Stopped(StopReason::Done | StopReason::Stopped { .. }) => DIM,
        RunnerState::Stopped(_) => BAD,
    }
}
