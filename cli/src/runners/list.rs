//! `fleetfoot runners list`

use fleetfoot_model::runner::{Runner, RunnerState, StopReason};
use fleetfoot_report::view::{self, RunnerView};

use crate::failure::Failure;
use crate::output::{Answer, BAD, DIM, GOOD, WAITING};
use crate::rows::{self, ListArgs};
use crate::table::{Cell, table};
use crate::text::{or_dash, safe};
use crate::times::Times;

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

pub(super) async fn run(args: ListArgs, times: &Times) -> Result<Answer, Failure> {
    let listed = rows::runners(&*args.place.ledger().await?, &args).await?;
    let heading = ["RUNNER", "STATE", "JOB", "CLASS", "POOL", "AGE", "USD", "WHY"];
    let table = table(heading, listed.rows.iter().map(|runner| row(runner, times)));
    listed.answer::<RunnerView<'_>>("runners", &args, table)
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
