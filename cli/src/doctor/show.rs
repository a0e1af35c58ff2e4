//! What was found, for people and for programs.

use std::fmt::Write as _;

use serde_json::json;

use super::finding::{Finding, Findings, Severity};
use crate::failure::{Exit, Failure};
use crate::output::{self, Answer, BAD, DIM, GOOD, WAITING, paint};
use crate::text::{counted, safe};

/// The guide in which each heading is explained.
pub(super) const GUIDE: &str = "docs/troubleshooting.md";

/// How it ends: a script is told of errors, with `--strict` of everything that is not well.
fn exit(findings: &Findings, is_strict: bool) -> Exit {
    match (findings.worst(), is_strict) {
        (Severity::Ok, _) | (Severity::Unknown | Severity::Warning, false) => Exit::Success,
        _ => Exit::Failure,
    }
}

pub(super) fn answer(findings: &Findings, as_json: bool, is_strict: bool) -> Result<Answer, Failure> {
    let exit = exit(findings, is_strict);
    let data = if as_json { document(findings)? } else { lines(findings) };
    let answer = Answer { exit, ..Answer::data(data) };
    Ok(if as_json { answer } else { answer.note(summary(findings)) })
}

fn document(findings: &Findings) -> Result<String, Failure> {
    let views: Vec<_> = findings.0.iter().map(view).collect();
    let count = |severity| findings.count(severity);
    output::json(&json!({
        "worst": findings.worst(),
        "counts": {
            "ok": count(Severity::Ok),
            "unknown": count(Severity::Unknown),
            "warning": count(Severity::Warning),
            "error": count(Severity::Error),
        },
        "findings": views,
    }))
}

fn view(finding: &Finding) -> serde_json::Value {
    let Finding { check, severity, what, causes, hint } = finding;
    json!({
        "check": check,
        "severity": severity,
        "what": what,
        "causes": causes,
        "hint": hint,
        "page": format!("{GUIDE}#{check}"),
    })
}

fn lines(findings: &Findings) -> String {
    let width = findings.0.iter().map(|it| it.check.len()).max().unwrap_or(0);
    findings.0.iter().map(|it| text(it, width)).collect()
}

fn text(finding: &Finding, width: usize) -> String {
    let word = finding.severity.word();
    let style = match finding.severity {
        Severity::Ok => GOOD,
        Severity::Unknown => DIM,
        Severity::Warning => WAITING,
        Severity::Error => BAD,
    };
    let Finding { check, what, causes, hint, .. } = finding;
    let mut text = format!("{}  {check:width$}  {}\n", paint(style, &format!("{word:7}")), safe(what));
    let indent = " ".repeat(7 + 2 + width + 2);
    let causes =
        causes.iter().flat_map(|cause| cause.lines()).map(|line| format!("{indent}{}\n", safe(line)));
    text.extend(causes);
    if let Some(hint) = hint {
        let _ = writeln!(text, "{indent}-> {}", safe(hint));
    }
    text
}

/// How many there are of each severity, and where they are explained.
pub(crate) fn summary(findings: &Findings) -> String {
    let count = |severity| Some(findings.count(severity)).filter(|count| *count > 0);
    let told = [
        count(Severity::Error).map(|errors| counted(errors, "error")),
        count(Severity::Warning).map(|warnings| counted(warnings, "warning")),
        count(Severity::Unknown).map(|unknown| format!("{unknown} not looked at")),
        count(Severity::Ok).map(|ok| format!("{ok} ok")),
    ];
    let told: Vec<_> = told.into_iter().flatten().collect();
    let guide = if findings.worst() == Severity::Ok {
        String::new()
    } else {
        format!("; each heading is explained in {GUIDE}")
    };
    format!("{}{guide}", told.join(", "))
}
