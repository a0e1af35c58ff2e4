//! How lint answers: for people, for scripts, and as GitHub's annotations.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::finding::{Finding, Severity};
use crate::output::{BAD, DIM, HEADING, WAITING, paint};
use crate::text::{counted, is_harmful, safe};

/// A job whose labels were read.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobView {
    pub(super) file: String,
    pub(super) job: String,
    pub(super) line: usize,
    /// Whether all that it may carry is written in the file.
    pub(super) is_decidable: bool,
    /// Whether this fleet would serve it.
    pub(super) is_ours: bool,
    /// Each list of labels that it may carry.
    pub(super) labels: Vec<Vec<String>>,
}

/// `ci.yml:3:14: error: ...`, as compilers tell it.
pub(super) fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for found in findings {
        let style = match found.severity {
            Severity::Error => BAD,
            Severity::Warning => WAITING,
            Severity::Note => DIM,
        };
        let place = format!("{}:{}:{}:", safe(&found.file), found.at.line, found.at.column);
        let job = found.job.as_ref().map_or_else(String::new, |job| format!("job {}: ", safe(job)));
        let severity = paint(style, &format!("{}:", found.severity.name()));
        let _ = writeln!(text, "{} {severity} {job}{}", paint(HEADING, &place), safe(&found.message));
        if let Some(hint) = &found.hint {
            let _ = writeln!(text, "  hint: {}", safe(hint));
        }
    }
    text
}

/// Workflow commands: each shows at its line in a pull request.
pub(super) fn annotations(findings: &[Finding]) -> String {
    let mut text = String::new();
    for found in findings {
        let command = match found.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let job = found.job.as_ref().map_or_else(String::new, |job| format!("job {job}: "));
        let hint = found.hint.as_ref().map_or_else(String::new, |hint| format!("\n{hint}"));
        let _ = writeln!(
            text,
            "::{command} file={},line={},col={},title={}::{}",
            property(&found.file),
            found.at.line,
            found.at.column,
            property(&format!("fleetfoot {}", found.rule)),
            message(&format!("{job}{}{hint}", found.message)),
        );
    }
    text
}

/// Escapes as the runner's toolkit does (actions/toolkit, `command.ts`): a line of its own cannot be smuggled in.
fn message(text: &str) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    text.chars().filter(|it| !is_harmful(*it)).collect()
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

pub(super) fn document(findings: &[Finding], jobs: &[JobView], files: usize) -> Value {
    let findings: Vec<Value> = findings.iter().map(view).collect();
    let counts = counts(&findings);
    json!({ "files": files, "jobs": jobs, "findings": findings, "errors": counts.0, "warnings": counts.1 })
}

fn view(found: &Finding) -> Value {
    json!({
        "file": &*found.file, "line": found.at.line, "column": found.at.column, "severity": found.severity,
        "rule": found.rule, "job": found.job, "message": found.message, "hint": found.hint,
    })
}

fn counts(findings: &[Value]) -> (usize, usize) {
    let mut by_severity: BTreeMap<&str, usize> = BTreeMap::new();
    for found in findings {
        *by_severity.entry(found["severity"].as_str().unwrap_or_default()).or_default() += 1;
    }
    let count = |name| by_severity.get(name).copied().unwrap_or_default();
    (count("error"), count("warning"))
}

/// `2 files, 5 jobs of which 4 are this fleet's: 1 error, 2 warnings`
pub(super) fn summary(findings: &[Finding], jobs: &[JobView], files: usize) -> String {
    let of = |severity| findings.iter().filter(|found| found.severity == severity).count();
    let ours = jobs.iter().filter(|job| job.is_ours).count();
    format!(
        "{}, {} of which {ours} can be this fleet's: {}, {}, {}",
        counted(files, "file"),
        counted(jobs.len(), "job"),
        counted(of(Severity::Error), "error"),
        counted(of(Severity::Warning), "warning"),
        counted(of(Severity::Note), "note"),
    )
}
