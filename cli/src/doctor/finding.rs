//! What was found, and how badly.

use serde::Serialize;

use crate::failure::Failure;

/// How badly something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// As it should be.
    Ok,
    /// It could not be looked at.
    Unknown,
    /// It works, and may not for long or not for everybody.
    Warning,
    /// The fleet, or a part of it, does not work.
    Error,
}

impl Severity {
    /// As people are told it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Finding {
    /// What was looked at: its heading in docs/troubleshooting.md.
    pub(crate) check: &'static str,
    /// How it stands.
    pub(crate) severity: Severity,
    /// In a line.
    pub(crate) what: String,
    /// Why it could not be looked at, and why that.
    pub(crate) causes: Vec<String>,
    /// The command or the page that mends it.
    pub(crate) hint: Option<String>,
}

impl Finding {
    fn new(check: &'static str, severity: Severity, what: impl Into<String>) -> Self {
        Self { check, severity, what: what.into(), causes: Vec::new(), hint: None }
    }

    /// It is as it should be.
    pub(crate) fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, Severity::Ok, what)
    }

    /// It works, for now.
    pub(crate) fn warning(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, Severity::Warning, what)
    }

    /// It does not work.
    pub(crate) fn error(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, Severity::Error, what)
    }

    /// It could not be looked at.
    pub(crate) fn unknown(check: &'static str, failure: Failure) -> Self {
        let Failure { what, causes, hint } = failure;
        Self { causes, hint, ..Self::new(check, Severity::Unknown, what) }
    }

    /// What mends it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// It does not work, and this is why.
    pub(crate) fn broken(check: &'static str, failure: Failure) -> Self {
        Self { severity: Severity::Error, ..Self::unknown(check, failure) }
    }
}

/// Everything that was found, in the order of the checks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Findings(pub(crate) Vec<Finding>);

impl Findings {
    /// The worst of all.
    pub(crate) fn worst(&self) -> Severity {
        self.0.iter().map(|it| it.severity).max().unwrap_or(Severity::Ok)
    }

    /// How many are of a severity.
    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.0.iter().filter(|it| it.severity == severity).count()
    }
}
