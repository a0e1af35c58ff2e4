//! `fleetfoot why`: where a job is, how it came there, and what would help.

use std::collections::BTreeMap;

use fleetfoot_model::Timestamp;
use fleetfoot_model::counter::Counter;
use fleetfoot_model::decide::fairness;
use fleetfoot_model::ids::{JobId, Repository, RunnerName};
use fleetfoot_model::job::{Job, JobState, Waiting};
use fleetfoot_model::ledger::{self, Ledger, LedgerError};
use fleetfoot_model::record::Index;
use fleetfoot_model::runner::{Runner, RunnerState};
use serde::Serialize;

use crate::arguments::Format;
use crate::failure::{Failure, OrFail};
use crate::jobs::{style, title};
use crate::output::{self, Answer, HEADING, paint};
use crate::place::InRows;
use crate::rows;
use crate::runners::{self, timeline};
use crate::table::pairs;
use crate::text::{labels, safe};
use crate::times::Times;
use fleetfoot_report::view::{self, JobView, RunnerDetails, StepView};

pub(crate) const EXAMPLES: &str = r#"Examples:
  fleetfoot why 289782451
  fleetfoot why https://github.com/acme/app/actions/runs/2202229078/job/289782451
  fleetfoot why 289782451 --json | jq .wait.remedy

JSON:
  { "job": as `fleetfoot jobs list --json` shows it,
    "timeline": [ { "at", "what", "sincePreviousMillis" } ],
    "runner": as `fleetfoot runners details --json` shows it, or null,
    "wait": null for a job that has left the queue, or { "on", "since", "until": when it is tried
      again, "jobsBefore": how many are served before it if it waits for its turn, "remedy" } }"#;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The job's id, or the address of its page at GitHub
    #[arg(value_name = "JOB", value_parser = wanted)]
    job: Wanted,
    #[command(flatten)]
    place: InRows,
    #[command(flatten)]
    format: Format,
}

/// The job that is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    id: JobId,
    /// Its page, if that was given. On pages of old the last number is not the job's id.
    page: Option<String>,
}

/// Reads `2`, `https://github.com/acme/app/actions/runs/1/job/2?pr=3#step:4:5` or `.../actions/jobs/2`.
fn wanted(text: &str) -> Result<Wanted, String> {
    let page = text.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let mut parts = page.rsplit('/');
    let (number, kind) = (parts.next().unwrap_or_default(), parts.next());
    match (number.parse(), kind) {
        (Ok(id), None) => Ok(Wanted { id, page: None }),
        (Ok(id), Some("job" | "jobs")) => Ok(Wanted { id, page: Some(page.to_owned()) }),
        (Ok(_), Some("runs")) => {
            Err("this is the page of a whole run; open one of its jobs and take that page's address"
                .to_owned())
        }
        _ => Err("a job's id, or an address that ends with /job/ID, is allowed".to_owned()),
    }
}

/// All that is known.
struct Findings {
    job: Job,
    runner: Option<Runner>,
    wait: Option<Wait>,
}

/// What a queued job waits for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Wait {
    on: String,
    since: Timestamp,
    until: Option<Timestamp>,
    jobs_before: Option<usize>,
    remedy: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WhyView<'a> {
    job: JobView<'a>,
    timeline: Vec<StepView<'a>>,
    runner: Option<RunnerDetails<'a>>,
    wait: Option<&'a Wait>,
}

pub(crate) async fn run(args: Args, times: &Times) -> Result<Answer, Failure> {
    let ledger = args.place.ledger().await?;
    let id = args.job.id;
    let found = find(&*ledger, &args.job, times.now).await.or_fail(format!("job {id} cannot be read"))?;
    let Some(findings) = found else {
        return Err(Failure::new(format!("job {id} is not known to this fleet")).hint(
            "`fleetfoot jobs list --all` lists the jobs of the last 7 days. The id is the last number of a job's page at \
             GitHub. If GitHub shows it as queued, its webhook has not arrived or its labels are not this fleet's",
        ));
    };
    if args.format.json {
        return Ok(Answer::data(output::json(&WhyView {
            job: JobView::from(&findings.job),
            timeline: view::steps(&findings.job.timeline),
            runner: findings.runner.as_ref().map(RunnerDetails::from),
            wait: findings.wait.as_ref(),
        })?));
    }
    Ok(Answer::data(describe(&findings, times)))
}

async fn find(ledger: &dyn Ledger, wanted: &Wanted, now: Timestamp) -> Result<Option<Findings>, LedgerError> {
    let job = match (ledger::job(ledger, wanted.id).await?, &wanted.page) {
        (Some(row), _) => Some(row.value),
        (None, Some(page)) => find_by_page(ledger, page).await?,
        (None, None) => None,
    };
    let Some(job) = job else { return Ok(None) };
    // A runner that is not ours, such as one of GitHub's own, has no row.
    let runner = match view::runner_of(&job.state).and_then(|name| name.parse::<RunnerName>().ok()) {
        Some(name) => ledger::runner(ledger, &name).await?.map(|row| row.value),
        None => None,
    };
    let wait = match &job.state {
        JobState::Queued { waiting: Some(waiting), .. } => Some(wait_on(ledger, &job, waiting, now).await?),
        JobState::Queued { runner: Some(_), .. } => Some(wait_for_runner(&job, runner.as_ref())),
        JobState::Queued { .. } => Some(Wait {
            on: "waits to be looked at".to_owned(),
            since: job.changed_at,
            until: None,
            jobs_before: None,
            remedy: "this takes moments; if it does not, is the fleet running? docs/troubleshooting.md tells where to look",
        }),
        _ => None,
    };
    Ok(Some(Findings { job, runner, wait }))
}

async fn find_by_page(ledger: &dyn Ledger, page: &str) -> Result<Option<Job>, LedgerError> {
    for index in [Index::Unmatched, Index::Active, Index::Ended] {
        let jobs = rows::of_index(ledger, index, usize::MAX, rows::job).await?;
        if let Some(job) = jobs.into_iter().find(|job| job.description.html_url == page) {
            return Ok(Some(job));
        }
    }
    Ok(None)
}

async fn wait_on(
    ledger: &dyn Ledger,
    job: &Job,
    waiting: &Waiting,
    now: Timestamp,
) -> Result<Wait, LedgerError> {
    let (until, jobs_before) = match waiting {
        Waiting::Capacity { .. } => (None, jobs_before(ledger, job.id(), now).await?),
        Waiting::Throttled { until, .. } | Waiting::Backoff { until, .. } => (Some(*until), None),
        Waiting::Image { .. } => (None, None),
    };
    Ok(Wait { on: waiting.to_string(), since: job.changed_at, until, jobs_before, remedy: waiting.remedy() })
}

fn wait_for_runner(job: &Job, runner: Option<&Runner>) -> Wait {
    let (on, remedy) = match runner.map(|runner| &runner.state) {
        Some(RunnerState::Reserved) => {
            ("waits for its runner's task to be accepted", "wait; this takes seconds")
        }
        Some(RunnerState::Launched) => {
            ("waits for its runner to come up and register", "wait; a warm pool would have one ready")
        }
        Some(RunnerState::Registered) => (
            "waits for GitHub to give it to its runner, which is registered and idle",
            "wait; if GitHub shows the job as started or ended, a webhook is late, and `cleanup` asks GitHub itself",
        ),
        Some(RunnerState::Busy(_) | RunnerState::Stopped(_)) | None => (
            "waits for another runner: the one that was meant for it is not available any more",
            "wait; `cleanup` finds this within minutes and another is launched",
        ),
    };
    Wait { on: on.to_owned(), since: job.changed_at, until: None, jobs_before: None, remedy }
}

/// How many jobs are served before this one, by the rule that `launch` follows.
async fn jobs_before(ledger: &dyn Ledger, id: JobId, now: Timestamp) -> Result<Option<usize>, LedgerError> {
    let mut waiting = rows::of_index(ledger, Index::Unmatched, usize::MAX, rows::job).await?;
    // `launch` takes turns among those that wait for capacity; the others come with events of their own.
    waiting.retain(|job| matches!(job.waiting(), None | Some(Waiting::Capacity { .. })));
    let mut live: BTreeMap<Repository, u64> = BTreeMap::new();
    for job in &waiting {
        let repository = &job.description.repository;
        if !live.contains_key(repository) {
            let count = ledger.count(&Counter::RepositoryRunners(repository.clone())).await?;
            live.insert(repository.clone(), count);
        }
    }
    Ok(fairness::order(&waiting, &live, now).iter().position(|next| *next == id))
}

fn describe(findings: &Findings, times: &Times) -> String {
    let Findings { job, runner, wait } = findings;
    let mut sections =
        vec![summary(job, wait.as_ref(), times), timeline("What happened to the job", &job.timeline, times)];
    if let Some(runner) = runner {
        sections.push([runners::heading(runner), runners::summary(runner, times)].concat());
        sections.push(timeline("What happened to the runner", &runner.timeline, times));
    }
    if let Some(wait) = wait {
        sections.push(format!("{}\n{}", paint(HEADING, "Why it waits"), explain(wait, times)));
    }
    sections.join("\n")
}

fn summary(job: &Job, wait: Option<&Wait>, times: &Times) -> String {
    let description = &job.description;
    let state = match (&job.state, wait) {
        (_, Some(wait)) => format!("queued, {}", safe(&wait.on)),
        (JobState::Finished { conclusion, .. }, _) => format!("finished, {}", safe(conclusion)),
        (state, _) => view::state_name(state).to_owned(),
    };
    let heading = format!("Job {}:", description.id);
    let mut text = format!("{} {}\n", paint(HEADING, &heading), paint(style(job), &state));
    text.push_str(&pairs([
        ("reason", view::reason(&job.state).map(safe)),
        ("repository", Some(description.repository.to_string())),
        ("name", Some(title(description))),
        ("labels", Some(labels(&description.labels))),
        ("spec", job.spec.as_ref().map(ToString::to_string)),
        ("runner", view::runner_of(&job.state).map(safe)),
        ("queued", Some(times.date_time_and_age(description.created_at))),
        ("started", job.started_at.map(|at| times.date_time_and_age(at))),
        ("run", Some(format!("{}, attempt {}", description.run_id, description.run_attempt))),
        ("page", Some(safe(&description.html_url)).filter(|page| !page.is_empty())),
    ]));
    text
}

fn explain(wait: &Wait, times: &Times) -> String {
    let before = wait.jobs_before.map(|before| match before {
        0 => "none, it is the next".to_owned(),
        1 => "1 job".to_owned(),
        more => format!("{more} jobs"),
    });
    pairs([
        ("on", Some(safe(&wait.on))),
        ("since", Some(times.date_time_and_age(wait.since))),
        ("until", wait.until.map(|until| times.date_time_and_age(until))),
        ("before it", before),
        ("what helps", Some(wait.remedy.to_owned())),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_named_by_its_id_or_its_page() {
        assert_eq!(wanted("2"), Ok(Wanted { id: JobId(2), page: None }));
        for text in [
            "https://github.com/acme/app/actions/runs/1/job/2",
            "https://github.com/acme/app/actions/runs/1/job/2/",
            "https://github.com/acme/app/actions/runs/1/job/2?pr=3#step:4:5",
            "https://github.example/api/v3/repos/acme/app/actions/jobs/2",
            "/jobs/2",
        ] {
            assert_eq!(wanted(text).map(|it| it.id), Ok(JobId(2)), "{text}");
        }
        let run = wanted("https://github.com/acme/app/actions/runs/1").unwrap_err();
        assert!(run.contains("whole run"), "{run}");
        for text in
            ["", "x", "-1", "2.5", "https://github.com/acme/app/pull/7", "99999999999999999999999", "job/"]
        {
            assert!(wanted(text).is_err(), "{text}");
        }
    }
}
