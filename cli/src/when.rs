//! Times on the command line.

use std::str::FromStr;

use fleetfoot_model::Timestamp;
use jiff::{Span, SpanRelativeTo};

use crate::failure::Failure;

/// A time, or how long ago it was.
#[derive(Debug, Clone, Copy)]
pub(crate) enum When {
    /// A time.
    At(Timestamp),
    /// So long ago.
    Ago(Span),
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(time) = text.parse() {
            return Ok(Self::At(time));
        }
        let span: Result<Span, _> = text.parse();
        span.map(Self::Ago).map_err(|_| {
            "a time such as 2026-11-21T08:00:00Z, or how long ago it was, such as 90m, 2h or 3d, is allowed"
                .to_owned()
        })
    }
}

impl When {
    /// The time that is meant.
    pub(crate) fn time(self, now: Timestamp) -> Result<Timestamp, Failure> {
        let span = match self {
            Self::At(time) => return Ok(time),
            Self::Ago(span) => span,
        };
        let ago = span.to_duration(SpanRelativeTo::days_are_24_hours()).map(jiff::SignedDuration::abs);
        let time = ago.and_then(|ago| now.checked_sub(ago));
        time.map_err(|error| Failure::new("a time is too far away").because(&error))
    }
}
