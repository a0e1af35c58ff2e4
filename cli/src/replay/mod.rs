//! `fleetfoot replay`: recorded events and webhooks, put back in.

mod follow;
mod recording;
mod webhook;

use std::path::{Path, PathBuf};
use std::time::Duration;

use fleetfoot_local::bus::Bus;
use fleetfoot_model::Timestamp;
use fleetfoot_model::envelope::SOURCE;
use serde_json::json;
use url::Url;

use crate::arguments::{Configuration, Format, State};
use crate::failure::{Failure, OrFail};
use crate::narrate::line_in;
use crate::output::{self, Answer, BAD, HEADING, paint};
use crate::text::safe;
use crate::times::Times;
use crate::wiring;
use follow::Followed;
use recording::Recording;
use webhook::{Reply, Sender};

pub(crate) const EXAMPLES: &str = r#"Examples:
  fleetfoot replay events/foreign/github/workflow-job-queued-1.json
  fleetfoot replay --event workflow_job recorded/*.json
  fleetfoot replay events/runner-stopped.json events/foreign/ecs/*.json
  fleetfoot replay --url https://fleet.example body.json

An event envelope, which is an object with a "detail-type", goes on the bus of the fleet in --state.
Everything else is the body of a webhook: it is signed with the configuration's secret and sent to
--url as a new delivery.

JSON:
  { "replayed": [ { "file", "kind": event | webhook, "event": detail-type or webhook's event,
      "id": event's id or delivery's GUID, "status": of the webhook's answer,
      "ignored": why it is nothing of ours, "facts": [ envelopes, as under events/ ],
      "givenUp": [ why functions could not handle it ],
      "error": null or { "what", "causes", "hint" } } ],
    "isAtRest": whether the fleet has nothing more to do, null if that cannot be seen }"#;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Event envelopes or bodies of webhooks, one in each file
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Where the fleet is reached, without /webhook
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080", value_parser = address)]
    url: Url,
    /// What the webhooks are, such as `workflow_job`; else a file's name or content tells
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
    /// How long to look for what follows
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u16).range(..=600))]
    wait: u16,
    #[command(flatten)]
    state: State,
    #[command(flatten)]
    config: Configuration,
    #[command(flatten)]
    format: Format,
}

fn address(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        Ok(_) => Err("an http:// or https:// address is allowed".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// What files are put back into. A part that is missing is only told where a file needs it.
struct Target {
    bus: Result<Bus, Failure>,
    sender: Result<Sender, Failure>,
}

/// What was put back in.
#[derive(Debug)]
enum Sent {
    Event { detail_type: String, id: String },
    Webhook { event: String, reply: Reply },
}

/// One file, and what came of it.
#[derive(Debug)]
struct Replayed {
    file: String,
    sent: Result<Sent, Failure>,
    /// None if that cannot be seen.
    followed: Option<Followed>,
}

pub(crate) async fn run(args: Args, times: &Times) -> Result<Answer, Failure> {
    let config = args.config.load()?;
    let target = Target {
        bus: args.state.database().and_then(|database| wiring::bus(&config.fleet, database)),
        sender: Sender::new(&config, &args.config, &args.url).await,
    };
    let mut replayed = Vec::new();
    for path in &args.files {
        let sent = target.replay(path, args.event.as_deref(), times.now).await;
        replayed.push(Replayed { file: path.display().to_string(), sent, followed: None });
    }
    let is_at_rest = match &target.bus {
        Ok(bus) => Some(follow(bus, &mut replayed, args.wait, times).await?),
        Err(_) => None,
    };
    let mut answer = Answer::data(if args.format.json {
        let files: Vec<_> = replayed.iter().map(Replayed::json).collect();
        output::json(&json!({ "replayed": files, "isAtRest": is_at_rest }))?
    } else {
        replayed.iter().filter_map(|it| it.text(is_at_rest == Some(true), times)).collect()
    });
    answer = match (is_at_rest, target.bus) {
        (Some(false), _) => answer.note(format!(
            "after {} seconds the fleet still has something to do; is `fleetfoot up` running?",
            args.wait
        )),
        (None, Err(failure)) if replayed.iter().any(|it| it.sent.is_ok()) => {
            answer.note(format!("what followed cannot be told: {}", failure.what))
        }
        _ => answer,
    };
    answer.failures = replayed.into_iter().filter_map(Replayed::into_failure).collect();
    Ok(answer)
}

impl Target {
    async fn replay(&self, path: &Path, event: Option<&str>, now: Timestamp) -> Result<Sent, Failure> {
        match recording::read(path, event)? {
            Recording::Event(envelope) => {
                let bus = self.bus.as_ref().map_err(Clone::clone)?;
                let sent = Sent::Event { detail_type: envelope.detail_type.clone(), id: envelope.id.clone() };
                let published = if envelope.source == SOURCE {
                    bus.publish(now, vec![*envelope])
                } else {
                    bus.publish_default(now, *envelope)
                };
                published.or_fail("the event cannot be put on the bus").map(|()| sent)
            }
            Recording::Webhook { event, body } => {
                let sender = self.sender.as_ref().map_err(Clone::clone)?;
                let reply = sender.send(&event, body).await?;
                Ok(Sent::Webhook { event, reply })
            }
        }
    }
}

/// Finds what followed from each file. Answers whether the bus came to rest in time.
async fn follow(bus: &Bus, replayed: &mut [Replayed], wait: u16, times: &Times) -> Result<bool, Failure> {
    const UNKNOWN: &str = "what followed cannot be read";
    let rested = follow::rest(bus, Duration::from_secs(wait.into())).await.or_fail(UNKNOWN)?;
    for it in replayed {
        if let Ok(sent) = &it.sent {
            it.followed = Some(follow::followed(bus, sent.id(), times.now).or_fail(UNKNOWN)?);
        }
    }
    Ok(rested)
}

impl Sent {
    /// What the facts that follow name as their cause.
    fn id(&self) -> &str {
        match self {
            Self::Event { id, .. } => id,
            Self::Webhook { reply, .. } => &reply.delivery,
        }
    }
}

impl Replayed {
    /// Failures are told on stderr.
    fn text(&self, is_at_rest: bool, times: &Times) -> Option<String> {
        let (outcome, is_for_fleet) = match self.sent.as_ref().ok()? {
            Sent::Event { detail_type, .. } => (format!("event {detail_type} put on the bus"), true),
            Sent::Webhook { event, reply: Reply { status, ignored: None, .. } } => {
                (format!("webhook {event} answered {status}"), event != "ping")
            }
            Sent::Webhook { event, reply: Reply { status, ignored: Some(why), .. } } => {
                (format!("webhook {event} answered {status}, ignored: {why}"), false)
            }
        };
        let mut lines =
            vec![format!("{} {}", paint(HEADING, &format!("{}:", safe(&self.file))), safe(&outcome))];
        if let Some(Followed { facts, given_up }) = &self.followed {
            lines.extend(
                facts.iter().filter_map(|fact| line_in(fact, &times.zone)).map(|line| format!("  {line}")),
            );
            lines.extend(given_up.iter().map(|why| paint(BAD, &format!("  given up: {}", safe(why)))));
            if is_at_rest && is_for_fleet && lines.len() == 1 {
                lines.push("  nothing followed".to_owned());
            }
        }
        Some(lines.into_iter().map(|line| line + "\n").collect())
    }

    fn json(&self) -> serde_json::Value {
        let (kind, event, status, ignored) = match &self.sent {
            Ok(Sent::Event { detail_type, .. }) => (Some("event"), Some(detail_type), None, None),
            Ok(Sent::Webhook { event, reply }) => {
                (Some("webhook"), Some(event), Some(reply.status), reply.ignored.as_deref())
            }
            Err(_) => (None, None, None, None),
        };
        json!({
            "file": self.file,
            "kind": kind,
            "event": event,
            "id": self.sent.as_ref().ok().map(Sent::id),
            "status": status,
            "ignored": ignored,
            "facts": self.followed.as_ref().map(|it| &it.facts),
            "givenUp": self.followed.as_ref().map(|it| &it.given_up),
            "error": self.sent.as_ref().err(),
        })
    }

    fn into_failure(self) -> Option<Failure> {
        let Self { file, sent, .. } = self;
        sent.err().map(|failure| Failure { what: format!("{file}: {}", failure.what), ..failure })
    }
}
