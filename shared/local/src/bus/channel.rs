//! The lines in which items wait.

use std::fmt;
use std::str::FromStr;

/// A line in which items wait: one for each function that is invoked asynchronously, and one for each queue.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// To a function, by its package.
    Function(String),
    /// In a queue, by its logical id.
    Queue(String),
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function(package) => write!(f, "function {package}"),
            Self::Queue(id) => write!(f, "queue {id}"),
        }
    }
}

impl FromStr for Channel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(' ') {
            Some(("function", package)) => Ok(Self::Function(package.to_owned())),
            Some(("queue", id)) => Ok(Self::Queue(id.to_owned())),
            _ => Err(format!("{text:?} is no channel")),
        }
    }
}
