//! `fleetfoot replay`: recorded events and webhooks, put back in.

mod archive;
mod files;
mod follow;
mod recording;
mod webhook;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use url::Url;

use crate::arguments::{self, Format};
use crate::failure::Failure;
use crate::output::{self, Answer};
use crate::place::{Location, Webhook};
use crate::progress::Progress;
use crate::times::Times;
use files::{Replayed, Target};
use webhook::Sender;

pub(crate) const EXAMPLES: &str = r#"Examples:
  fleetfoot replay --event workflow_job recorded/*.json
  fleetfoot replay --stale events/foreign/github/workflow-job-queued-1.json
  fleetfoot replay --stale events/runner-stopped.json events/foreign/ecs/*.json
  fleetfoot replay --url https://fleet.example body.json
  fleetfoot replay --stack fleetfoot events/job-queued.json
  fleetfoot replay --stack fleetfoot --since 2h --rule JobsAndCapacity

An event envelope, which is an object with a "detail-type", goes on the bus of the fleet in --state,
or on that of --stack, where only the fleet's own events can be put: those of AWS come from AWS.
Everything else is the body of a webhook: it is signed with the configuration's secret and sent to
--url, or to the stack's webhook, as a new delivery.

What is stale is refused unless --stale asks for it: what happened more than 24 hours ago, which is
when GitHub drops a queued job, and what tells of a job that has ended or, to queue it, runs.

With --since no file is read: EventBridge replays the archive of the stack's bus, in any order.
Handling an event twice changes nothing. It may take ten minutes until an event is in the archive.
Ctrl-C ends the looking on, not the replay.

JSON:
  { "replayed": [ { "file", "kind": event | webhook, "event": detail-type or webhook's event,
      "id": event's id or delivery's GUID, "status": of the webhook's answer,
      "ignored": why it is nothing of ours, "facts": [ envelopes, as under events/ ],
      "givenUp": [ why functions could not handle it ],
      "steps": with --stack, whose bus keeps no history, instead of these two what its job's
      timeline says since: [ { "at", "what" } ],
      "error": null or { "what", "causes", "hint" } } ],
    "isAtRest": whether the fleet has nothing more to do, null if that cannot be seen }
  with --since { "replay": its name, "state": STARTING | RUNNING | COMPLETED | CANCELLING |
    CANCELLED | FAILED, "reason", "from", "until", "reached": the time of the last event replayed }"#;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Event envelopes or bodies of webhooks, one in each file
    #[arg(value_name = "FILE", required_unless_present = "since", conflicts_with = "since")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    place: Location,
    /// Where the fleet is reached, without /webhook
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080", value_parser = arguments::address)]
    url: Url,
    /// What the webhooks are, such as `workflow_job`; else a file's name or content tells
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
    /// How long to look for what follows
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u16).range(..=600))]
    wait: u16,
    /// Also what is too old to be of use
    #[arg(long)]
    stale: bool,
    #[command(flatten)]
    archive: archive::Period,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(args: Args, times: &Times) -> Result<Answer, Failure> {
    if let Some(span) = args.archive.span(times, args.stale)? {
        return archive::run(&args.place.remote, &span, args.format, times).await;
    }
    let (wait, url) = (Duration::from_secs(args.wait.into()), args.url);
    let target = target(args.place, &url, args.stale).await?;
    let mut replayed = Vec::new();
    let progress = Progress::steps(args.files.len(), "files were put back in", args.format);
    for path in &args.files {
        replayed.push(target.replay(path, args.event.as_deref(), times.now).await);
        progress.step();
    }
    progress.says("files were put back in; looking for what follows");
    let is_at_rest = target.follow(&mut replayed, wait, times.now).await?;
    drop(progress);
    let mut answer = Answer::data(if args.format.json {
        let files: Vec<_> = replayed.iter().map(Replayed::json).collect();
        output::json(&json!({ "replayed": files, "isAtRest": is_at_rest }))?
    } else {
        replayed.iter().filter_map(|it| it.text(is_at_rest == Some(true), times)).collect()
    });
    let is_sent = replayed.iter().any(Replayed::is_sent);
    answer = match (is_at_rest, target.bus) {
        (Some(false), _) => answer.note(format!(
            "after {} seconds the fleet still has something to do; is `fleetfoot up` running?",
            args.wait
        )),
        (None, Err(failure)) if is_sent => {
            answer.note(format!("what followed cannot be told: {}", failure.what))
        }
        (None, Ok(_)) if is_sent && !args.format.json => answer.note(format!(
            "looked at jobs for {} seconds at most; the functions' logs tell of every fact that followed",
            args.wait
        )),
        _ => answer,
    };
    answer.failures = replayed.into_iter().filter_map(Replayed::into_failure).collect();
    Ok(answer)
}

async fn target(place: Location, url: &Url, with_stale: bool) -> Result<Target, Failure> {
    let place = place.open().await?;
    let config = place.config().await?;
    let bus = place.bus(&config.fleet);
    let to = place.webhook()?.unwrap_or_else(|| Webhook {
        address: format!("{}/webhook", url.as_str().trim_end_matches('/')),
        if_silent: "is `fleetfoot up` running there? --url names another address",
    });
    let has_history = bus.as_ref().is_ok_and(|bus| bus.history().is_some());
    let ledger = if has_history { None } else { place.ledger().ok() };
    let (rows, sender) = (place.ledger().ok(), Sender::new(&config, &*place.secrets(), to).await);
    Ok(Target { bus, sender, ledger, rows, with_stale })
}
