//! `fleetfoot explain`: what a `runs-on` would get, before anyone pushes.

mod show;
mod verdict;
mod words;

use fleetfoot_model::ids::Repository;

use crate::arguments::Format;
use crate::failure::{Exit, Failure};
use crate::output::{self, Answer};
use crate::place::Configured;
use crate::times::Times;

pub(crate) use show::{describe, meanings};
pub(crate) use verdict::{Explanation, Origin, Verdict, explain};

pub(crate) const EXAMPLES: &str = r#"Examples:
  fleetfoot explain self-hosted class:medium image:ubuntu:22.04
  fleetfoot explain '[self-hosted, class:medium]' --repository acme/app
  fleetfoot explain self-hosted,class:large --stack fleetfoot --json | jq .usdPerHour

Nothing is asked of GitHub. Exit code 1 if such a job would never run on this fleet.

JSON:
  { "verdict": ours | not-ours | rejected, "reason": why it would never run, or null,
    "labels": [ { "label", "means": required | plain | class | image | arch | disk | spot | pin |
      unknown, "suggestion": what may have been meant } ],
    "repository", "isPolicyChecked": false if none was named,
    "runner": null unless it is ours, else { "spec": { "class", "cpu", "memoryMib", "diskGib",
      "arch", "capacity", "image" }, "labels": what it registers with, "isDefaultClass",
      "isDefaultImage", "pulledFrom": after the mirrors, "role": of its jobs on AWS,
      "pools": [ { "name", "size", "wanted": idle now } ], "usdPerMinute", "usdPerHour" },
    "limits": { "runners": of the fleet, "runnersOfClass", "runnersPerRepository",
      "launchAttempts", "registerSeconds", "queuedSeconds", "runningSeconds" },
    "pricesOf": their date, "pricesRegion", "notes": [ what else to know ] }"#;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Labels: one by one, with commas, or as the list that stands behind `runs-on:`
    #[arg(value_name = "LABEL", required = true)]
    labels: Vec<String>,
    /// The repository whose job it would be: asks the policy, too
    #[arg(long, value_name = "OWNER/NAME", value_parser = str::parse::<Repository>)]
    repository: Option<Repository>,
    /// The repository is public
    #[arg(long, requires = "repository")]
    public: bool,
    /// The run's code comes from a fork
    #[arg(long, requires = "repository")]
    fork: bool,
    #[command(flatten)]
    place: Configured,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(args: Args, times: &Times) -> Result<Answer, Failure> {
    let labels = words::labels(&args.labels)?;
    let config = args.place.load().await?;
    let origin =
        args.repository.map(|repository| Origin { repository, is_public: args.public, is_fork: args.fork });
    let explanation = explain(&labels, origin.as_ref(), &config, times.now);
    let data = if args.format.json { output::json(&explanation)? } else { describe(&explanation) };
    let exit = if explanation.verdict == Verdict::Ours { Exit::Success } else { Exit::Failure };
    Ok(Answer { exit, ..Answer::data(data) })
}
