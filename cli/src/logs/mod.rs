//! `fleetfoot logs`

mod functions;
mod runners;
mod show;

use std::time::Duration;

use fleetfoot_model::ids::{JobId, RunnerName};

use crate::arguments::Format;
use crate::failure::Failure;
use crate::output::Answer;
use crate::place::Location;
use crate::place::logs::FUNCTIONS;
use crate::times::Times;
use crate::when::When;

pub(crate) use runners::{known, ran_by};

pub(crate) const EXAMPLES: &str = r#"Examples:
  fleetfoot logs ff-289782451-1 --follow        what a runner says, until it ends
  fleetfoot logs 289782451                      the same of a job's runners, one after the other
  fleetfoot logs --function launch --since 15m --stack ff
  fleetfoot logs --job 289782451 --stack ff     a job's way through all functions

What a job prints is at GitHub; here is what its runner says. Functions of a fleet on this machine
keep no log: `fleetfoot up` logs to its stderr.

JSON (a document a line):
  { "at": when, or null, "source": the function, or the container of a task, "runner": its name,
    for a runner's, "text" }"#;

/// How often what is followed is looked at.
const PACE: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A runner's name, a job's id, or the address of the job's page at GitHub
    #[arg(value_name = "RUNNER|JOB", value_parser = target, required_unless_present_any = ["function", "job"])]
    target: Option<Target>,
    /// The log of a function instead; may be repeated
    #[arg(long, value_name = "NAME", conflicts_with = "target", value_parser = function)]
    function: Vec<&'static str>,
    /// Only lines of functions that name this job; of all functions unless --function names some
    #[arg(long, value_name = "ID", conflicts_with = "target", value_parser = job)]
    job: Option<JobId>,
    /// From then on: `15m` ago, or `2026-11-21T08:00:00Z`; of functions the last hour unless given
    #[arg(long, value_name = "TIME")]
    since: Option<When>,
    /// Show this many lines at most, the first of them
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    /// Go on with what comes, until the runner has ended or Ctrl-C
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    place: Location,
    #[command(flatten)]
    format: Format,
}

/// A runner, or a job's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Runner(RunnerName),
    Job(JobId),
}

/// Reads `ff-2-1`, `2`, or `https://github.com/acme/app/actions/runs/1/job/2?pr=3`.
pub(crate) fn target(text: &str) -> Result<Target, String> {
    if let Ok(job) = job(text) {
        return Ok(Target::Job(job));
    }
    text.parse().map(Target::Runner).map_err(|_| {
        "a runner's name such as ff-289782451-1, a job's id, or an address that ends with /job/ID, is allowed"
            .to_owned()
    })
}

fn job(text: &str) -> Result<JobId, String> {
    let page = text.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let id = match page.rsplit_once('/') {
        None => page,
        Some((before, id)) if before.ends_with("/job") || before.ends_with("/jobs") => id,
        Some(_) => "",
    };
    id.parse().map(JobId).map_err(|_| "a job's id, or the address of its page, is allowed".to_owned())
}

fn function(text: &str) -> Result<&'static str, String> {
    let found = FUNCTIONS.into_iter().find(|name| *name == text);
    found.ok_or_else(|| format!("allowed are {}", FUNCTIONS.join(", ")))
}

pub(crate) async fn run(args: Args, times: &Times) -> Result<Answer, Failure> {
    let since = args.since.map(|since| since.time(times)).transpose()?;
    let place = args.place.open().await?;
    let shown = show::Shown {
        json: args.format.json,
        zone: times.zone.clone(),
        most: args.limit as usize,
        at_once: args.follow,
        kept: String::new(),
    };
    if let Some(target) = args.target {
        let reading = runners::Reading { place: &*place, since, follow: args.follow, shown };
        return reading.run(&target).await;
    }
    let named = if args.function.is_empty() { FUNCTIONS.to_vec() } else { args.function };
    let reading = functions::Reading { place: &*place, functions: named, job: args.job, shown };
    reading.run(since, args.follow, times.now).await
}

/// Waits for more to be logged. Answers whether to go on: not after Ctrl-C.
#[expect(clippy::disallowed_methods, reason = "others write the log; all that is left here is to wait")]
async fn pause() -> bool {
    tokio::select! {
        () = tokio::time::sleep(PACE) => true,
        _ = tokio::signal::ctrl_c() => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runners_and_jobs_are_told_apart() {
        for (text, wanted) in [
            ("ff-289782451-1", Target::Runner("ff-289782451-1".parse().unwrap())),
            ("289782451", Target::Job(JobId(289_782_451))),
            ("https://github.com/a/b/actions/runs/1/job/2?pr=3#step:4:5", Target::Job(JobId(2))),
            ("https://github.com/a/b/actions/runs/1/jobs/2/", Target::Job(JobId(2))),
        ] {
            assert_eq!(target(text), Ok(wanted));
        }
        for text in ["", "-1", "https://github.com/a/b/actions/runs/1", "FF 1", "../etc/passwd"] {
            assert!(target(text).is_err(), "{text}");
        }
    }
}
