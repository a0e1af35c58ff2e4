//! Whether a job's labels mean anything to the fleet, by the functions that `launch` goes by.

use fleetfoot_model::Timestamp;
use fleetfoot_model::config::Config;
use fleetfoot_model::spec::{Label, Spec};

use super::finding::{Finding, Severity, finding};
use super::workflow::{Job, Placed, Variant};
use super::yaml::Position;
use crate::explain::{Explanation, Origin, Verdict, explain};

/// Labels of this fleet that a job may have.
#[derive(Debug, Clone)]
pub(super) struct Ours {
    pub(super) at: Position,
    pub(super) labels: Vec<Label>,
    pub(super) spec: Spec,
    pub(super) runner_labels: Vec<Label>,
    pub(super) names_class: bool,
}

/// What jobs are read against.
pub(super) struct Rules<'a> {
    pub(super) config: &'a Config,
    pub(super) origin: Option<&'a Origin>,
    pub(super) now: Timestamp,
    /// Whether runners have Docker.
    pub(super) has_docker: bool,
}

/// Reads every variant of a job's labels. Answers those that the fleet would serve.
pub(super) fn check(job: &Job, rules: &Rules<'_>, findings: &mut Vec<Finding>) -> Vec<Ours> {
    for (at, expression) in &job.open {
        let message = format!("where it runs is known when it runs: {expression}");
        findings.push(
            finding(Severity::Note, "undecidable", *at, message)
                .hint("`fleetfoot explain LABELS...` tells of any labels what they would get"),
        );
    }
    let mut ours = Vec::new();
    for variant in &job.variants {
        match check_variant(variant, rules) {
            Ok(read) => ours.extend(read),
            Err(finding) => findings.push(finding),
        }
    }
    findings.extend(check_group(job, !ours.is_empty(), rules));
    ours
}

fn check_variant(variant: &Variant, rules: &Rules<'_>) -> Result<Option<Ours>, Finding> {
    let mut labels = Vec::new();
    for placed in &variant.labels {
        match placed.text.parse::<Label>() {
            Ok(label) => labels.push(label),
            Err(error) => return Err(finding(Severity::Error, "label", placed.at, error.to_string())),
        }
    }
    let Some(first) = variant.labels.first() else { return Ok(None) };
    let explanation = explain(&labels, rules.origin, rules.config, rules.now);
    let reason = explanation.reason.clone().unwrap_or_default();
    match explanation.verdict {
        Verdict::Ours => Ok(explanation.runner.map(|runner| Ours {
            at: first.at,
            labels,
            names_class: !runner.is_default_class,
            spec: runner.spec,
            runner_labels: runner.labels,
        })),
        Verdict::Rejected => {
            let found = finding(Severity::Error, "rejected", place_of(&reason, &variant.labels), reason);
            Err(because_of_matrix(found, variant))
        }
        Verdict::NotOurs => foreign(&explanation, variant, rules).map_or(Ok(None), Err),
    }
}

/// The label that a message quotes.
fn place_of(message: &str, labels: &[Placed]) -> Position {
    let quoted = labels.iter().find(|label| message.contains(&format!("\"{}\"", label.text)));
    quoted.or(labels.first()).map_or(Position::START, |label| label.at)
}

fn because_of_matrix(found: Finding, variant: &Variant) -> Finding {
    match &variant.with {
        Some(with) => Finding { message: format!("{} (with {with})", found.message), ..found },
        None => found,
    }
}

/// Whether labels that are not this fleet's look as if they were meant to be.
fn foreign(explanation: &Explanation, variant: &Variant, rules: &Rules<'_>) -> Option<Finding> {
    let required = &rules.config.labels.required;
    let at = |n: usize| variant.labels.get(n).map_or(Position::START, |label| label.at);
    let has = |means: &str| explanation.labels.iter().any(|word| word.means == means);
    let is_addressed =
        required.iter().all(|label| explanation.labels.iter().any(|word| word.label == *label));
    let unknown = explanation.labels.iter().position(|word| word.means == "unknown");
    let reason = explanation.reason.clone().unwrap_or_default();
    if let (true, Some(n)) = (is_addressed, unknown) {
        let found = finding(Severity::Warning, "not-ours", at(n), reason);
        let suggestion = explanation.labels[n].suggestion.as_ref();
        let found = because_of_matrix(found, variant);
        return Some(match suggestion {
            Some(suggestion) => found.hint(format!("did you mean {suggestion}?")),
            None => found,
        });
    }
    let speaks_to_us = ["class", "image", "disk", "pin"].into_iter().any(has);
    if unknown.is_none() && speaks_to_us {
        let missing: Vec<&str> = required.iter().map(Label::as_str).collect();
        let found = finding(Severity::Error, "not-ours", at(0), reason);
        return Some(found.hint(format!("runs-on: [{}, ...]", missing.join(", "))));
    }
    let misspelt = explanation.labels.iter().position(|word| {
        let means_required = |text: &String| required.iter().any(|label| label.as_str() == text);
        word.suggestion.as_ref().is_some_and(means_required)
    })?;
    let word = &explanation.labels[misspelt];
    let message = format!("label {:?} is not known to this fleet", word.label.as_str());
    let meant = word.suggestion.clone().unwrap_or_default();
    Some(finding(Severity::Warning, "not-ours", at(misspelt), message).hint(format!("did you mean {meant}?")))
}

fn check_group(job: &Job, is_ours: bool, rules: &Rules<'_>) -> Option<Finding> {
    let (at, name) = job.group.as_ref()?;
    if is_ours {
        let id = rules.config.github.runner_group_id;
        let message = format!(
            "only runners of the group {name:?} may have it; this fleet's runners register in the group whose id is {id}"
        );
        let found = finding(Severity::Warning, "group", *at, message);
        return Some(found.hint("leave group: out, or see that it is that group: [github] runner_group_id"));
    }
    let is_bare = job.variants.iter().all(|variant| variant.labels.is_empty()) && job.open.is_empty();
    let message = format!(
        "it names the runner group {name:?} and no labels: nothing tells this fleet of a job without labels"
    );
    is_bare.then(|| {
        finding(Severity::Note, "group", *at, message)
            .hint("if it is meant for this fleet, say labels, too: `labels: [self-hosted, class:NAME]`")
    })
}
