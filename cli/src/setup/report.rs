//! How each step stands, told as it happens and once more at the end.

use serde::Serialize;

use super::people::People;
use crate::output::{DIM, GOOD, HEADING, WAITING, paint};
use crate::text::safe;

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum State {
    /// It was done now.
    Done,
    /// There was nothing to do.
    WasDone,
    /// It is not wanted.
    Skipped,
    /// A person has to do it.
    Left,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Outcome {
    pub(super) state: State,
    pub(super) about: String,
}

impl Outcome {
    pub(super) fn done(about: impl Into<String>) -> Self {
        Self { state: State::Done, about: about.into() }
    }

    pub(super) fn was_done(about: impl Into<String>) -> Self {
        Self { state: State::WasDone, about: about.into() }
    }

    pub(super) fn skipped(about: impl Into<String>) -> Self {
        Self { state: State::Skipped, about: about.into() }
    }

    pub(super) fn left(about: impl Into<String>) -> Self {
        Self { state: State::Left, about: about.into() }
    }
}

/// A step and what became of it.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    step: &'static str,
    #[serde(flatten)]
    outcome: Outcome,
}

/// All steps so far.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(super) struct Steps(Vec<Step>);

impl Steps {
    /// Tells what became of a step, and remembers it.
    pub(super) fn tell(&mut self, people: &dyn People, step: &'static str, outcome: Outcome) {
        let (mark, style) = match outcome.state {
            State::Done => ("+", GOOD),
            State::WasDone => ("=", GOOD),
            State::Skipped => ("-", DIM),
            State::Left => ("!", WAITING),
        };
        let name = paint(HEADING, &format!("{step:<14}"));
        people.say(&format!("{} {name} {}", paint(style, mark), safe(&outcome.about)));
        self.0.push(Step { step, outcome });
    }

    /// How many a person has to do yet.
    pub(super) fn left(&self) -> usize {
        self.0.iter().filter(|step| step.outcome.state == State::Left).count()
    }
}
