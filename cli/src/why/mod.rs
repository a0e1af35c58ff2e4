//! `fleetfoot why`: where a job is, how it came there, and what would help.

mod capacity;
mod findings;
mod heard;
mod image;
mod phases;
mod run;
mod show;
#[cfg(test)]
mod tests;
mod unknown;
mod wait;
mod wanted;

use fleetfoot_report::view::{self, JobView, RunnerDetails, StepView};
use serde::Serialize;

use self::capacity::Used;
use self::findings::Findings;
use self::heard::HeardView;
use self::image::ImageView;
use self::phases::Phase;
use self::unknown::Question;
use self::wait::Wait;
use self::wanted::{Wanted, wanted};
use crate::arguments::Format;
use crate::explain::Explanation;
use crate::failure::{Failure, OrFail};
use crate::output::{self, Answer};
use crate::place::Location;
use crate::times::Times;

pub(crate) const EXAMPLES: &str = r#"Examples:
  fleetfoot why 289782451
  fleetfoot why https://github.com/acme/app/actions/runs/2202229078/job/289782451
  fleetfoot why https://github.com/acme/app/actions/runs/2202229078      all jobs of a run
  fleetfoot why 289782451 --json | jq .wait.remedy

GitHub is asked only for a job that this fleet does not know, by its page's address.

JSON:
  { "job": as `fleetfoot jobs list --json` shows it,
    "timeline": [ { "at", "what", "sincePreviousMillis" } ],
    "runner": as `fleetfoot runners details --json` shows it, or null,
    "wait": null for a job that has left the queue, or { "kind": capacity | image | rateLimit |
      nextTry | runner | attention, "on", "since", "until": when it is tried again, "jobsBefore":
      how many are served before it if it waits for its turn, "remedy" },
    "remedy": what a person could do, of a job that waits, was rejected or was given up,
    "heard": { "at", "by": webhook | search | null, "delivery": X-GitHub-Delivery, "delayMillis",
      "repeats": how often GitHub was asked to deliver it again },
    "reading": as `fleetfoot explain --json` shows it, by today's configuration, or null,
    "image": null, or { "reference", "base", "state", "reason", "digest", "pulledFrom",
      "resolvedAt", "runnerImage", "madeAt", "build" },
    "capacity": [ { "of", "used", "limit" } ],
    "phases": [ { "name", "at", "tookMillis": since the phase before it } ],
    "arrival": of its task, null or { "createdAt", "pullStartedAt", "pullStoppedAt", "provider",
      "zone", "subnet" } }
  Of a run: { "run", "jobs" }. Of a job that only GitHub knows, with exit code 1:
  { "job": null, "atGithub": { "status", "description" }, "reading", "whyUnknown" }"#;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The job's id, or the address of its page at GitHub, or of its run's
    #[arg(value_name = "JOB", value_parser = wanted)]
    job: Wanted,
    #[command(flatten)]
    place: Location,
    #[command(flatten)]
    format: Format,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WhyView<'a> {
    job: JobView<'a>,
    timeline: Vec<StepView<'a>>,
    runner: Option<RunnerDetails<'a>>,
    wait: Option<&'a Wait>,
    remedy: Option<&'static str>,
    heard: &'a HeardView,
    reading: Option<&'a Explanation>,
    image: Option<&'a ImageView>,
    capacity: &'a [Used],
    phases: &'a [Phase],
    arrival: Option<&'a fleetfoot_model::runner::Arrival>,
}

pub(crate) async fn run(args: Args, times: &Times) -> Result<Answer, Failure> {
    let place = args.place.open().await?;
    let ledger = place.ledger()?;
    let (id, page, repository) = match args.job {
        Wanted::Run { id } => return run::jobs_of(&*ledger, id, args.format.json, times).await,
        Wanted::Job { id, page, repository } => (id, page, repository),
    };
    let cannot_read = || format!("job {id} cannot be read");
    let found = findings::find_job(&*ledger, id, page.as_deref()).await.or_fail(cannot_read())?;
    // A fleet's rows tell nearly everything; what its configuration would add is left out where there is none.
    let config = place.config().await;
    let Some(job) = found else {
        let Ok(config) = config else { return Err(unknown::unknown(id)) };
        let question = Question { id, repository: repository.as_ref(), as_json: args.format.json };
        return unknown::ask(&question, &config, &*place.github(&config), times).await;
    };
    let findings =
        findings::read(&*ledger, job, config.as_ref().ok(), times.now).await.or_fail(cannot_read())?;
    if args.format.json {
        return Ok(Answer::data(output::json(&view(&findings))?));
    }
    Ok(Answer::data(show::describe(&findings, times)))
}

fn view(findings: &Findings) -> WhyView<'_> {
    WhyView {
        job: JobView::from(&findings.job),
        timeline: view::steps(&findings.job.timeline),
        runner: findings.runner.as_ref().map(RunnerDetails::from),
        wait: findings.wait.as_ref(),
        remedy: findings.remedy(),
        heard: &findings.heard,
        reading: findings.reading.as_ref(),
        image: findings.image.as_ref(),
        capacity: &findings.capacity,
        phases: &findings.phases,
        arrival: findings.runner.as_ref().and_then(|runner| runner.arrival.as_ref()),
    }
}
