//! Sends spans to a collector, and never holds a function up for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use fleetfoot_model::ports::Secrets;
use fleetfoot_model::secret::{Secret, SecretReference};
use fleetfoot_model::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Invocation, Resource, Span, document};

/// So many spans wait to be sent at most; what is beyond is dropped.
const MOST_SPANS: usize = 1000;
/// How long nothing is sent after a failure: a collector that does not answer costs each function its time once a minute.
const PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// Where below a collector's base address spans are posted (OTLP specification, "OTLP/HTTP Request").
pub const PATH: &str = "/v1/traces";

/// Sends one document to one collector.
#[async_trait]
pub trait Sender: Send + Sync {
    /// The status of the collector's answer, or why there is none, without the header.
    async fn send(&self, header: Option<&Header>, document: &Value) -> Result<u16, String>;
}

/// What a collector wants to be shown.
#[derive(Debug, Clone)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Secret,
}

impl Header {
    /// Reads `Name: value`. None if it is nothing of the kind.
    pub fn read(line: &Secret) -> Option<Self> {
        let (name, value) = line.expose().trim().split_once(':')?;
        let is_name = !name.is_empty() && name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
        let value = value.trim();
        let is_value = value.bytes().all(|it| (b' '..=b'~').contains(&it));
        (is_name && is_value).then(|| Self { name: name.to_owned(), value: Secret::new(value) })
    }
}

/// Gathers spans and sends them.
pub struct Exporter {
    header: Option<SecretReference>,
    resource: Resource,
    secrets: Arc<dyn Secrets>,
    sender: Arc<dyn Sender>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    spans: Vec<Span>,
    paused_until: Option<Timestamp>,
}

impl Exporter {
    /// To a collector that wants to be shown `header`.
    pub fn new(
        header: Option<SecretReference>,
        resource: Resource,
        secrets: Arc<dyn Secrets>,
        sender: Arc<dyn Sender>,
    ) -> Self {
        Self { header, resource, secrets, sender, waiting: Mutex::default() }
    }

    /// Keeps the spans of an invocation until they are sent.
    pub fn note(&self, invocation: &Invocation<'_>) {
        let mut waiting = self.waiting();
        if waiting.paused_until.is_some_and(|until| invocation.ended < until) {
            return;
        }
        let room = MOST_SPANS.saturating_sub(waiting.spans.len());
        waiting.spans.extend(invocation.spans().into_iter().take(room));
    }

    /// Sends what waits, within a time. What is not taken is dropped: a trace is worth less than the next job's start.
    pub async fn export(&self, limit: Duration, now: Timestamp) {
        let spans = std::mem::take(&mut self.waiting().spans);
        if spans.is_empty() {
            return;
        }
        let sent = tokio::time::timeout(limit, self.send(&spans)).await;
        let sent = sent.unwrap_or_else(|_| Err(format!("no answer within {} ms", limit.as_millis())));
        if let Err(reason) = sent {
            tracing::warn!(
                spans.count = spans.len(),
                reason,
                "the collector of traces took no spans; none are sent for a minute"
            );
            self.waiting().paused_until = Some(now + PAUSE);
        }
    }

    async fn send(&self, spans: &[Span]) -> Result<(), String> {
        let header = match &self.header {
            None => None,
            Some(reference) => {
                let line = self.secrets.read(reference).await.map_err(|error| error.to_string())?;
                Some(Header::read(&line).ok_or_else(|| format!("{reference} is no `Name: value`"))?)
            }
        };
        let document = document(&self.resource, spans);
        match self.sender.send(header.as_ref(), &document).await? {
            200..=299 => Ok(()),
            status => Err(format!("it answered {status}")),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
