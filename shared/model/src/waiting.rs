//! What a queued job waits for, and what would help.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::counter::Counter;
use crate::ids::BaseKey;

/// What a queued job waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", tag = "for")]
pub enum Waiting {
    /// For runners to end: a limit is reached.
    #[serde(rename_all = "camelCase")]
    Capacity {
        /// Which limit, in words.
        limit: String,
    },
    /// For its image to be made.
    #[serde(rename_all = "camelCase")]
    Image {
        /// On which base.
        key: BaseKey,
    },
    /// For an API's rate limit to pass.
    #[serde(rename_all = "camelCase")]
    Throttled {
        /// When by the limit's own clock.
        until: Timestamp,
        /// Whose limit.
        reason: String,
    },
    /// For the next try after something failed.
    #[serde(rename_all = "camelCase")]
    Backoff {
        /// When.
        until: Timestamp,
        /// What failed.
        reason: String,
    },
}

/// A wait that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Waited {
    /// What for, in a word or two: `capacity`, `image`, `rate limit`, `next try`.
    #[serde(rename = "for")]
    pub kind: String,
    /// Since when.
    pub since: Timestamp,
}

impl Waiting {
    /// The wait for a limit.
    pub fn capacity(counter: &Counter, limit: u64) -> Self {
        Self::Capacity { limit: format!("{counter}: {limit} at most") }
    }

    /// One word for what it waits for.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Capacity { .. } => "capacity",
            Self::Image { .. } => "image",
            Self::Throttled { .. } => "rate limit",
            Self::Backoff { .. } => "next try",
        }
    }

    /// Whether there is a reason to try again at this time.
    pub fn is_over(&self, now: Timestamp) -> bool {
        match self {
            Self::Capacity { .. } => true,
            Self::Image { .. } => false,
            Self::Throttled { until, .. } | Self::Backoff { until, .. } => *until <= now,
        }
    }

    /// What a person could do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Capacity { .. } => {
                "raise the limit under [limits] or on the class, or wait for a runner to end"
            }
            Self::Image { .. } => {
                "wait for the build; a pool or an earlier job with this image would have it ready"
            }
            Self::Throttled { .. } => {
                "wait; a warm pool spares launches, a GitHub App has higher limits than a token"
            }
            Self::Backoff { .. } => "wait; fleetfoot runners list --all tells what ended its runners",
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capacity { limit } => write!(f, "waits for capacity ({limit})"),
            Self::Image { key } => write!(f, "waits for its image to be made (base {key:.12})"),
            Self::Throttled { until, reason } => {
                write!(f, "waits until {until:.0} for a rate limit ({reason})")
            }
            Self::Backoff { until, reason } => write!(f, "waits until {until:.0} to try again ({reason})"),
        }
    }
}
