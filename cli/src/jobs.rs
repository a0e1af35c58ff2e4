//! `fleetfoot jobs`

use fleetfoot_model::events::JobDescription;
use fleetfoot_model::job::{Job, JobState};
use fleetfoot_report::overview::Wait;
use fleetfoot_report::view::{self, JobView};

use crate::failure::Failure;
use crate::output::{Answer, BAD, GOOD, WAITING};
use crate::rows::{self, ListArgs};
use crate::table::{Cell, table};
use crate::text::{cut, or_dash, safe};
use crate::times::Times;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List jobs: open ones, oldest first
    #[command(after_long_help = EXAMPLES)]
    List(ListArgs),
}

const EXAMPLES: &str = r#"Examples:
  fleetfoot jobs list
  fleetfoot jobs list --all --limit 20
  fleetfoot jobs list --json | jq '.jobs[] | select(.waiting) | .id'

JSON:
  { "jobs": [ { "id", "runId", "runAttempt", "headSha", "repository", "public", "workflow", "name", "labels",
      "htmlUrl", "createdAt", "state": queued | running | finished | rejected | expired, "reason",
      "waiting": { "for": capacity | image | throttled | backoff, "limit", "key", "until",
      "reason" }, "runner", "conclusion",
      "spec": { "class", "cpu", "memoryMib", "diskGib", "arch", "capacity", "image" },
      "startedAt", "endedAt", "changedAt", "launches", "failures", "replacements" } ],
    "isCut": whether there are more than --limit }
  Times are RFC 3339 in UTC; what is not known is null or left out."#;

pub(crate) async fn list(args: ListArgs, times: &Times) -> Result<Answer, Failure> {
    let listed = rows::jobs(&*args.place.ledger().await?, &args).await?;
    listed.answer::<JobView<'_>>("jobs", &args, lines(&listed.rows, times))
}

/// Jobs as a table, a line each.
pub(crate) fn lines(jobs: &[Job], times: &Times) -> String {
    let heading = ["JOB", "REPOSITORY", "NAME", "STATE", "RUNNER", "AGE", "WHY"];
    table(heading, jobs.iter().map(|job| row(job, times)))
}

fn row(job: &Job, times: &Times) -> [Cell; 7] {
    let description = &job.description;
    let why = match &job.state {
        JobState::Queued { .. } => Wait::of(job, None).map(|wait| waits(&wait, times)).unwrap_or_default(),
        JobState::Running { .. } => String::new(),
        JobState::Finished { conclusion, .. } => conclusion.clone(),
        JobState::Rejected { reason, .. } | JobState::Expired { reason, .. } => reason.clone(),
    };
    [
        description.id.to_string().into(),
        cut(description.repository.as_str(), 40).into(),
        cut(&title(description), 40).into(),
        Cell::painted(view::state_name(&job.state), style(job)),
        cut(&or_dash(view::runner_of(&job.state)), 40).into(),
        times.age(description.created_at).into(),
        safe(&why).into(),
    ]
}

/// `waits to try again (failed with exit code 2), until 2026-11-20 09:11:00`
fn waits(wait: &Wait, times: &Times) -> String {
    match wait.until {
        Some(until) => format!("{}, until {}", wait.on, times.date_time(until)),
        None => wait.on.clone(),
    }
}

/// The colour of a job's state.
pub(crate) fn style(job: &Job) -> anstyle::Style {
    match &job.state {
        JobState::Queued { .. } => WAITING,
        JobState::Running { .. } => GOOD,
        JobState::Finished { conclusion, .. } if conclusion == "success" => GOOD,
        JobState::Finished { .. } => anstyle::Style::new(),
        JobState::Rejected { .. } | JobState::Expired { .. } => BAD,
    }
}

/// A workflow's and a job's name as GitHub joins them, `CI / test`, made harmless.
pub(crate) fn title(job: &JobDescription) -> String {
    if job.workflow.is_empty() {
        safe(&job.name)
    } else {
        format!("{} / {}", cut(&job.workflow, 100), safe(&job.name))
    }
}
