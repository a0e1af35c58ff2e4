//! What a function is: one event in, facts out. The shell around it (Lambda, or the local bus) decodes, publishes,
//! reads the clock and decides when to try again.

use async_trait::async_trait;

use crate::Timestamp;
use crate::envelope::Envelope;
use crate::events::Fact;
use crate::http::{Request, Response};

/// How often an event is handled anew at once because a row changed meanwhile, before it goes back to where it came from.
pub const CONFLICT_TRIES: u32 = 8;

/// Why a function has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FunctionError {
    /// A row changed between reading and writing. Loading and deciding again at once is right.
    #[error("{0}")]
    Conflict(String),
    /// Something did not answer or changed meanwhile. The same event may succeed later.
    #[error("{0}")]
    Again(String),
    /// The event is not what it should be. It goes to the dead-letter queue with this reason.
    #[error("malformed event: {0}")]
    Malformed(String),
}

impl FunctionError {
    /// An error of a port: try again.
    pub fn again(error: &(impl std::fmt::Display + ?Sized)) -> Self {
        Self::Again(error.to_string())
    }

    /// One word for it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Conflict(_) => "conflict",
            Self::Again(_) => "again",
            Self::Malformed(_) => "malformed",
        }
    }
}

impl From<crate::ledger::LedgerError> for FunctionError {
    fn from(error: crate::ledger::LedgerError) -> Self {
        match error {
            crate::ledger::LedgerError::Conflict(_) => Self::Conflict(error.to_string()),
            other => Self::again(&other),
        }
    }
}

impl From<crate::envelope::NotAFact> for FunctionError {
    fn from(error: crate::envelope::NotAFact) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// A function woken by events of a bus, a queue or a schedule.
#[async_trait]
pub trait EventFunction: Send + Sync {
    /// Turns one event into facts. The same event twice gives the same answer.
    async fn handle(&self, event: &Envelope, now: Timestamp) -> Result<Vec<Fact>, FunctionError>;
}

/// Handles an event, anew if a row changed meanwhile. What shells call.
pub async fn handle_event(
    function: &dyn EventFunction,
    event: &Envelope,
    now: Timestamp,
) -> Result<Vec<Fact>, FunctionError> {
    let mut tries = 0;
    loop {
        match function.handle(event, now).await {
            Err(FunctionError::Conflict(_)) if tries < CONFLICT_TRIES => tries += 1,
            answer => return answer,
        }
    }
}

/// A function behind the HTTP API.
#[async_trait]
pub trait HttpFunction: Send + Sync {
    /// Answers one request. The facts are published before the answer is sent; if they cannot be, the answer is 503.
    async fn handle(&self, request: &Request, now: Timestamp) -> (Response, Vec<Fact>);
}

/// A function subscribed to the notice topic.
#[async_trait]
pub trait NotificationFunction: Send + Sync {
    /// Takes one message of the topic, as it was published.
    async fn handle(&self, message: &str, now: Timestamp) -> Result<(), FunctionError>;
}
