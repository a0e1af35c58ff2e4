//! What happened to a job or a runner, with every reason, kept in its row.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// The most entries a row keeps; the oldest but the first go first.
pub const LONGEST_TIMELINE: usize = 40;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// What, in words.
    pub what: String,
}

/// Steps in the order in which the fleet learned of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timeline(#[serde(with = "crate::shared")] Arc<Vec<Step>>);

impl Timeline {
    /// Adds a step, unless the last one says the same.
    pub fn note(&mut self, at: Timestamp, what: impl Into<String>) {
        let what = what.into();
        if self.0.last().is_some_and(|last| last.what == what) {
            return;
        }
        let steps = Arc::make_mut(&mut self.0);
        if steps.len() >= LONGEST_TIMELINE {
            steps.remove(1);
        }
        steps.push(Step { at, what });
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}
