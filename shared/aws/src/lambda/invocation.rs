//! One invocation, as the runtime hands it over.

use std::time::Duration;

use fleetfoot_model::Timestamp;
use fleetfoot_model::envelope::{Envelope, SOURCE};
use fleetfoot_model::function::FunctionError;
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What is kept of an invocation's time to tell how it ended.
const REST: Duration = Duration::from_millis(500);

/// One invocation.
pub(crate) struct Invocation {
    /// What the function was invoked with.
    pub(crate) payload: Value,
    /// Its id, for the log.
    pub(crate) id: String,
    /// When Lambda ends it.
    pub(super) deadline: Timestamp,
}

impl From<LambdaEvent<Value>> for Invocation {
    fn from(event: LambdaEvent<Value>) -> Self {
        let deadline = i64::try_from(event.context.deadline).ok();
        let deadline = deadline.and_then(|millis| Timestamp::from_millisecond(millis).ok());
        Self {
            payload: event.payload,
            id: event.context.request_id,
            deadline: deadline.unwrap_or(Timestamp::MAX),
        }
    }
}

impl Invocation {
    /// How long a handler may take from now on.
    pub(crate) fn time_left(&self, now: Timestamp) -> Duration {
        let left = Duration::try_from(self.deadline.duration_since(now)).unwrap_or_default();
        left.saturating_sub(REST)
    }
}

/// Reads a payload; the error says where it does not fit.
pub(crate) fn decode<T: DeserializeOwned>(payload: Value) -> Result<T, FunctionError> {
    serde_path_to_error::deserialize(payload).map_err(|error| FunctionError::Malformed(error.to_string()))
}

/// Reads an event. A fact of ours keeps the id it was given by whoever told it, which is the same each time it is told;
/// the bus gives each telling an id of its own.
pub(crate) fn decode_event(payload: Value) -> Result<Envelope, FunctionError> {
    let mut event: Envelope = decode(payload)?;
    if event.source == SOURCE
        && let Some(meta) = event.meta()
    {
        event.id = meta.event_id;
    }
    Ok(event)
}

/// An error as Lambda keeps it, in logs and in what an on-failure destination is sent.
pub(crate) fn diagnostic(error: &FunctionError) -> Diagnostic {
    let kind = match error {
        FunctionError::Malformed(_) => "Malformed",
        FunctionError::Again(_) | FunctionError::Conflict(_) => "Again",
    };
    Diagnostic { error_type: kind.to_owned(), error_message: error.to_string() }
}
