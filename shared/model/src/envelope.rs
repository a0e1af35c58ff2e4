//! The envelope in which `EventBridge` carries an event, and what the fleet adds to a detail.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::Timestamp;
use crate::events::Fact;

/// The `source` of the fleet's own events.
pub const SOURCE: &str = "fleetfoot";

/// The version of the details; it grows only if a change could not be additive.
pub const SCHEMA: u32 = 1;

/// An `EventBridge` event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Always `"0"`.
    pub version: String,
    /// The event's id; for a fact the same as `detail.meta.eventId`.
    pub id: String,
    /// The kind of event.
    #[serde(rename = "detail-type")]
    pub detail_type: String,
    /// Who says so.
    pub source: String,
    /// The AWS account, or twelve zeros.
    pub account: String,
    /// When it was published.
    pub time: Timestamp,
    /// The AWS region, or `local`.
    pub region: String,
    /// The ARNs it is about.
    #[serde(default)]
    pub resources: Vec<String>,
    /// Set by `EventBridge` on events that come from an archive.
    #[serde(rename = "replay-name", default, skip_serializing_if = "Option::is_none")]
    pub replay_name: Option<String>,
    /// What happened.
    pub detail: Value,
}

/// What every fact carries beside its own fields, as `detail.meta`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// Derived from the cause and the fact, so that handling the same event twice gives the same id.
    pub event_id: String,
    /// The event or delivery that caused this one.
    pub causation_id: String,
    /// The version of the details.
    pub schema: u32,
}

/// Why an envelope is not a fact of ours.
#[derive(Debug, thiserror::Error)]
pub enum NotAFact {
    /// An unknown detail-type.
    #[error("detail-type {0:?} is not one of the fleet's")]
    DetailType(String),
    /// The detail does not fit its type. Names the path.
    #[error("{detail_type}: detail.{path}: {message}")]
    Detail {
        /// Which type was expected.
        detail_type: String,
        /// Where in the detail.
        path: String,
        /// What is wrong there.
        message: String,
    },
}

impl Envelope {
    /// Puts a fact into an envelope. The n-th fact of one cause always gets the same id.
    ///
    /// # Panics
    /// Never: every fact is a JSON object.
    pub fn of(fact: &Fact, causation_id: &str, n: usize, now: Timestamp) -> Self {
        let name = format!("{causation_id}/{n}/{}", fact.detail_type());
        let event_id = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string();
        let mut detail = fact.detail().expect("a fact is a plain structure");
        let meta = Meta { event_id: event_id.clone(), causation_id: causation_id.to_owned(), schema: SCHEMA };
        detail["meta"] = serde_json::to_value(meta).expect("meta is a plain structure");
        Self {
            version: "0".to_owned(),
            id: event_id,
            detail_type: fact.detail_type().to_owned(),
            source: SOURCE.to_owned(),
            account: "000000000000".to_owned(),
            time: now,
            region: "local".to_owned(),
            resources: Vec::new(),
            replay_name: None,
            detail,
        }
    }

    /// Reads the fact.
    ///
    /// # Errors
    /// See [`NotAFact`].
    pub fn fact(&self) -> Result<Fact, NotAFact> {
        match Fact::decode(&self.detail_type, &self.detail) {
            None => Err(NotAFact::DetailType(self.detail_type.clone())),
            Some(Ok(fact)) => Ok(fact),
            Some(Err(error)) => Err(NotAFact::Detail {
                detail_type: self.detail_type.clone(),
                path: error.path().to_string(),
                message: error.inner().to_string(),
            }),
        }
    }

    /// Reads `detail.meta`, if the event is ours.
    pub fn meta(&self) -> Option<Meta> {
        Meta::deserialize(self.detail.get("meta")?).ok()
    }

    /// What facts caused by this event name as their cause: the event's own id, which for a fact is the same each
    /// time it is told.
    pub fn causation_id(&self) -> &str {
        &self.id
    }
}
