//! Files, put back in one after the other.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fleetfoot_model::Timestamp;
use fleetfoot_model::ledger::Ledger;
use serde_json::json;
use tokio::time::Instant;

use super::follow::{self, Outcome, Watch};
use super::recording::{self, Recording};
use super::webhook::{Reply, Sender};
use crate::failure::Failure;
use crate::narrate::line_in;
use crate::output::{BAD, HEADING, paint};
use crate::place::{EventBus, Followed};
use crate::stale;
use crate::text::safe;
use crate::times::{Times, time_of_day};

/// What files are put back into. A part that is missing is only told where a file needs it.
pub(super) struct Target {
    pub(super) bus: Result<Arc<dyn EventBus>, Failure>,
    pub(super) sender: Result<Sender, Failure>,
    /// Where a job's row is looked at, if the bus remembers nothing.
    pub(super) ledger: Option<Arc<dyn Ledger>>,
    /// Where it is looked up whether a job has gone on since, if that is known.
    pub(super) rows: Option<Arc<dyn Ledger>>,
    /// Whether what is too old to be of use is put in all the same.
    pub(super) with_stale: bool,
}

/// What was put back in.
#[derive(Debug)]
enum Sent {
    Event { detail_type: String, id: String },
    Webhook { event: String, reply: Reply },
}

/// One file, and what came of it.
#[derive(Debug)]
pub(super) struct Replayed {
    file: String,
    sent: Result<Sent, Failure>,
    watch: Option<Watch>,
    outcome: Outcome,
}

impl Target {
    /// Puts one file in.
    pub(super) async fn replay(&self, path: &Path, event: Option<&str>, now: Timestamp) -> Replayed {
        let mut watch = None;
        let sent = self.send(path, event, now, &mut watch).await;
        Replayed { file: path.display().to_string(), sent, watch, outcome: Outcome::Unknown }
    }

    async fn send(
        &self,
        path: &Path,
        event: Option<&str>,
        now: Timestamp,
        watch: &mut Option<Watch>,
    ) -> Result<Sent, Failure> {
        let recording = recording::read(path, event)?;
        self.refuse_stale(&recording, now).await?;
        if let (Some(ledger), Some(job)) = (&self.ledger, recording.job()) {
            *watch = Some(Watch { job, before: follow::steps(&**ledger, job).await? });
        }
        match recording {
            Recording::Event(envelope) => {
                let bus = self.bus.as_ref().map_err(Clone::clone)?;
                let sent = Sent::Event { detail_type: envelope.detail_type.clone(), id: envelope.id.clone() };
                bus.put(now, *envelope).await.map(|()| sent)
            }
            Recording::Webhook { event, body } => {
                let sender = self.sender.as_ref().map_err(Clone::clone)?;
                let reply = sender.send(&event, body).await?;
                Ok(Sent::Webhook { event, reply })
            }
        }
    }

    /// Refuses what is too old to be of use.
    async fn refuse_stale(&self, recording: &Recording, now: Timestamp) -> Result<(), Failure> {
        if self.with_stale {
            return Ok(());
        }
        let rows = self.rows.as_deref();
        let reason = match recording {
            Recording::Event(event) => stale::event(rows, event, now).await?,
            Recording::Webhook { body, .. } => {
                stale::webhook(rows, &serde_json::from_slice(body).unwrap_or_default(), now).await?
            }
        };
        match reason {
            None => Ok(()),
            Some(reason) => Err(Failure::new(format!("it is stale: {reason}")).hint(stale::HINT)),
        }
    }

    /// Finds what followed from each file. Answers whether the bus came to rest in time, if that can be seen.
    pub(super) async fn follow(
        &self,
        replayed: &mut [Replayed],
        wait: Duration,
        since: Timestamp,
    ) -> Result<Option<bool>, Failure> {
        let sent = replayed.iter_mut().filter(|it| it.sent.is_ok());
        if let Some(history) = self.bus.as_ref().ok().and_then(|bus| bus.history()) {
            let causes = sent.filter_map(|it| Some((it.sent.as_ref().ok()?.id(), &mut it.outcome)));
            return follow::events(history, causes, wait, since).await.map(Some);
        }
        let until = Instant::now() + wait;
        if let Some(ledger) = &self.ledger {
            for it in sent {
                if let Some(watch) = &it.watch {
                    it.outcome = follow::job(&**ledger, watch, until).await?;
                }
            }
        }
        Ok(None)
    }
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
    /// Whether it was put in.
    pub(super) fn is_sent(&self) -> bool {
        self.sent.is_ok()
    }

    /// What is shown. Failures are told on stderr.
    pub(super) fn text(&self, is_at_rest: bool, times: &Times) -> Option<String> {
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
        match &self.outcome {
            Outcome::Unknown => {}
            Outcome::Events(Followed { facts, given_up }) => {
                let told = facts.iter().filter_map(|fact| line_in(fact, &times.zone));
                lines.extend(told.map(|line| format!("  {line}")));
                lines.extend(given_up.iter().map(|why| paint(BAD, &format!("  given up: {}", safe(why)))));
                if is_at_rest && is_for_fleet && lines.len() == 1 {
                    lines.push("  nothing followed".to_owned());
                }
            }
            Outcome::Job(job, steps) if steps.is_empty() => {
                lines.push(format!("  nothing has changed for job {job}"));
            }
            Outcome::Job(job, steps) => {
                let told = steps.iter().map(|step| {
                    format!("  {}  job {job}: {}", time_of_day(step.at, &times.zone), safe(&step.what))
                });
                lines.extend(told);
            }
        }
        Some(lines.into_iter().map(|line| line + "\n").collect())
    }

    /// What `--json` shows.
    pub(super) fn json(&self) -> serde_json::Value {
        let (kind, event, status, ignored) = match &self.sent {
            Ok(Sent::Event { detail_type, .. }) => (Some("event"), Some(detail_type), None, None),
            Ok(Sent::Webhook { event, reply }) => {
                (Some("webhook"), Some(event), Some(reply.status), reply.ignored.as_deref())
            }
            Err(_) => (None, None, None, None),
        };
        let (mut followed, mut steps) = (None, None);
        match &self.outcome {
            Outcome::Unknown => {}
            Outcome::Events(it) => followed = Some(it),
            Outcome::Job(_, it) => {
                let step =
                    |step: &fleetfoot_model::timeline::Step| json!({ "at": step.at, "what": step.what });
                steps = Some(it.iter().map(step).collect::<Vec<_>>());
            }
        }
        json!({
            "file": self.file,
            "kind": kind,
            "event": event,
            "id": self.sent.as_ref().ok().map(Sent::id),
            "status": status,
            "ignored": ignored,
            "facts": followed.map(|it| &it.facts),
            "givenUp": followed.map(|it| &it.given_up),
            "steps": steps,
            "error": self.sent.as_ref().err(),
        })
    }

    /// Why it was not put in, if it was not.
    pub(super) fn into_failure(self) -> Option<Failure> {
        let Self { file, sent, .. } = self;
        sent.err().map(|failure| Failure { what: format!("{file}: {}", failure.what), ..failure })
    }
}
