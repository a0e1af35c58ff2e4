//! A dead letter, wherever it is kept.

use fleetfoot_model::Timestamp;
use fleetfoot_model::envelope::Envelope;
use serde_json::{Value, json};

/// What could not be handled.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Letter {
    /// Unique where it is kept.
    pub(crate) id: String,
    /// The queue that it is in, as the template calls it.
    pub(crate) queue: String,
    /// The function or queue that it was meant for, where that is known.
    pub(crate) meant_for: Option<String>,
    /// Why it was not handled, where that is known.
    pub(crate) reason: Option<String>,
    /// How often it was tried, where that is known.
    pub(crate) attempts: Option<u64>,
    /// Since when it is here.
    pub(crate) since: Timestamp,
    /// What it is.
    pub(crate) content: Content,
}

/// What a letter is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    /// An event of a bus.
    Event(Box<Envelope>),
    /// A message to people.
    Notice(String),
    /// Nothing that a function could have read.
    Unreadable(String),
}

impl Content {
    /// What text holds.
    pub(crate) fn read(text: &str) -> Self {
        match serde_json::from_str::<Envelope>(text) {
            Ok(envelope) => Self::Event(Box::new(envelope)),
            Err(_) => Self::Unreadable(text.to_owned()),
        }
    }

    /// One word for it.
    pub(crate) fn kind(&self) -> &str {
        match self {
            Self::Event(event) => &event.detail_type,
            Self::Notice(_) => "notice",
            Self::Unreadable(_) => "unreadable",
        }
    }

    /// What it is about, if it is about one thing.
    pub(crate) fn about(&self) -> Option<String> {
        let Self::Event(event) = self else { return None };
        let detail = &event.detail;
        let job = detail.pointer("/job/id").or_else(|| detail.get("job")).and_then(Value::as_u64);
        let text = |key: &str| detail.get(key).and_then(Value::as_str);
        job.map(|id| format!("job {id}"))
            .or_else(|| text("runner").or_else(|| text("startedBy")).map(|name| format!("runner {name}")))
    }

    /// As a document.
    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Event(event) => json!(event),
            Self::Notice(text) | Self::Unreadable(text) => {
                serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str()))
            }
        }
    }
}

impl Letter {
    /// What `--json` shows of it; `content` only of one.
    pub(crate) fn json(&self, with_content: bool) -> Value {
        let event = match &self.content {
            Content::Event(event) => Some(event),
            _ => None,
        };
        let mut view = json!({
            "id": self.id,
            "queue": self.queue,
            "meantFor": self.meant_for,
            "reason": self.reason,
            "attempts": self.attempts,
            "since": self.since,
            "kind": self.content.kind(),
            "about": self.content.about(),
            "eventId": event.map(|it| &it.id),
            "eventTime": event.map(|it| it.time),
        });
        if with_content {
            view["content"] = self.content.json();
        }
        view
    }
}
