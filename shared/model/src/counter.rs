//! Counters that bound the fleet. They change in the same transaction as the rows they count.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::ids::{ClassName, Repository};

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Counter {
    /// Live runners of the fleet.
    Runners,
    /// Live runners of a class.
    ClassRunners(ClassName),
    /// Live runners launched for a repository's jobs.
    RepositoryRunners(Repository),
    /// Image builds that run for a repository's jobs.
    RepositoryBuilds(Repository),
    /// Runners launched in place of others, in the ten minutes that begin at this multiple of 600 seconds.
    Replacements(i64),
    /// Runners launched without having waited, in the minute that begins at this multiple of 60 seconds.
    Launches(i64),
}

/// The breaker counts replacements in windows of this many seconds.
pub const BREAKER_WINDOW_SECONDS: i64 = 600;

impl Counter {
    /// The replacement counter of the window in which `now` lies.
    pub fn replacements_at(now: Timestamp) -> Self {
        Self::Replacements(now.as_second().div_euclid(BREAKER_WINDOW_SECONDS) * BREAKER_WINDOW_SECONDS)
    }

    /// The counter of launches of the minute in which `now` lies.
    pub fn launches_at(now: Timestamp) -> Self {
        Self::Launches(now.as_second().div_euclid(60) * 60)
    }

    /// When the time that it counts in began, in seconds since 1970; none if it counts what is there now. Ten minutes
    /// after its end, at the latest, it means nothing any more.
    pub fn window(&self) -> Option<i64> {
        match self {
            Self::Replacements(began) | Self::Launches(began) => Some(*began),
            Self::Runners
            | Self::ClassRunners(_)
            | Self::RepositoryRunners(_)
            | Self::RepositoryBuilds(_) => None,
        }
    }

    /// Its key in the ledger.
    pub fn key(&self) -> String {
        match self {
            Self::Runners => "counter#runners".to_owned(),
            Self::ClassRunners(class) => format!("counter#class#{class}"),
            Self::RepositoryRunners(repository) => format!("counter#repository#{repository}"),
            Self::RepositoryBuilds(repository) => format!("counter#builds#{repository}"),
            Self::Replacements(window) => format!("counter#replacements#{window}"),
            Self::Launches(window) => format!("counter#launches#{window}"),
        }
    }
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runners => f.write_str("runners of the fleet"),
            Self::ClassRunners(class) => write!(f, "runners of class {class}"),
            Self::RepositoryRunners(repository) => write!(f, "runners of {repository}"),
            Self::RepositoryBuilds(repository) => write!(f, "image builds for {repository}"),
            Self::Replacements(_) => f.write_str("replacements in ten minutes"),
            Self::Launches(_) => f.write_str("launches in a minute"),
        }
    }
}
