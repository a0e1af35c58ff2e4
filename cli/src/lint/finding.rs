//! What lint finds.

use std::sync::Arc;

use serde::Serialize;

use super::yaml::Position;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    /// The job would never run, or fail.
    Error,
    /// It may run otherwise than somebody expects.
    Warning,
    /// It cannot be told from the file.
    Note,
}

impl Severity {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) file: Arc<str>,
    pub(super) at: Position,
    pub(super) severity: Severity,
    /// Which check found it, for scripts.
    pub(super) rule: &'static str,
    /// In which job.
    pub(super) job: Option<String>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// What one check says of one place, before it is known where that is.
pub(super) fn finding(
    severity: Severity,
    rule: &'static str,
    at: Position,
    message: impl Into<String>,
) -> Finding {
    Finding { file: "".into(), at, severity, rule, job: None, message: message.into(), hint: None }
}

impl Finding {
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
