//! How a command ends.

use std::error::Error;
use std::process::ExitCode;

use serde::Serialize;

use crate::remedy::remedy;

/// How the process ends, for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Exit {
    /// 0: all that was asked for was done.
    #[default]
    Success,
    /// 1: something was not, and stderr says why.
    Failure,
    /// 2: the command line cannot be understood; nothing was tried.
    Usage,
    /// 3: all was done, and what was found calls for something.
    Due,
    /// What a runner's program ends with; its caller knows the meaning.
    Runner(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::Usage => 2,
            Exit::Due => 3,
            Exit::Runner(code) => code,
        })
    }
}

/// Why a command could not do what it was asked for, in the words that a person reads: `error:`, its causes, and a
/// `hint:` where there is a remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Failure {
    /// What could not be done.
    pub(crate) what: String,
    /// Why, and why that; each may have several lines.
    pub(crate) causes: Vec<String>,
    /// What to do.
    pub(crate) hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), causes: Vec::new(), hint: None }
    }

    /// Adds an error and everything that it comes from, with the remedy that its kind has unless one is known already.
    pub(crate) fn because(mut self, error: &(dyn Error + 'static)) -> Self {
        self.hint = self.hint.or_else(|| remedy(error));
        let mut next = Some(error);
        while let Some(error) = next {
            let text = error.to_string();
            // Some errors say again what their source says.
            if !self.causes.last().is_some_and(|last| last.contains(&text) || text.contains(last)) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Whether one of its causes names this, such as the code of an error.
    pub(crate) fn says(&self, code: &str) -> bool {
        self.causes.iter().any(|cause| cause.contains(code))
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// `?` with what was being done.
pub(crate) trait OrFail<T> {
    /// Says what could not be done.
    fn or_fail(self, what: impl Into<String>) -> Result<T, Failure>;
}

impl<T, E: Error + 'static> OrFail<T> for Result<T, E> {
    fn or_fail(self, what: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(what).because(&error))
    }
}
