//! The jobs of a workflow file, with what each one's `runs-on` comes to.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::expression::{Combination, Outcome, literal_beginning, resolve};
use super::finding::{Finding, Severity, finding};
use super::matrix;
use super::yaml::{Node, Position, Value};

/// A job.
#[derive(Debug)]
pub(super) struct Job {
    /// Its key under `jobs:`.
    pub(super) id: String,
    pub(super) at: Position,
    pub(super) node: Arc<Node>,
    /// The runner group that it names.
    pub(super) group: Option<(Position, String)>,
    /// What its `runs-on` comes to, each once however many combinations of its matrix come to it.
    pub(super) variants: Vec<Variant>,
    /// Why some or all of it cannot be told.
    pub(super) open: BTreeSet<(Position, String)>,
}

/// Labels that a job may have.
#[derive(Debug, Clone)]
pub(super) struct Variant {
    pub(super) labels: Vec<Placed>,
    /// The values of the matrix that lead there, as in `size = huge`.
    pub(super) with: Option<String>,
}

/// A label and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) text: String,
    pub(super) at: Position,
}

/// What a file is.
pub(super) enum Kind {
    Workflow,
    /// An action: it runs on whatever its caller runs on.
    Action,
    Other,
}

/// What a document is.
pub(super) fn kind(root: &Node) -> Kind {
    match (root.get("jobs"), root.get("runs")) {
        (Some(_), _) => Kind::Workflow,
        (None, Some(_)) => Kind::Action,
        (None, None) => Kind::Other,
    }
}

/// Reads the jobs of a workflow. What GitHub would refuse is a finding.
pub(super) fn jobs(root: &Node, findings: &mut Vec<Finding>) -> Vec<Job> {
    let Some(jobs) = root.get("jobs") else { return Vec::new() };
    if !matches!(jobs.value, Value::Map(_)) {
        findings.push(invalid(jobs.at, format!("jobs is {}; it has to be a map of jobs", jobs.kind())));
    }
    let mut read = Vec::new();
    for (key, node) in jobs.entries() {
        let Some(id) = key.text().map(str::to_owned) else { continue };
        match job(id.clone(), key.at, node) {
            Ok(job) => read.extend(job),
            Err(finding) => findings.push(Finding { job: Some(id), ..finding }),
        }
    }
    read
}

fn invalid(at: Position, message: impl Into<String>) -> Finding {
    finding(Severity::Error, "invalid-workflow", at, message)
}

/// A job with labels; `None` for one that calls another workflow, which says itself where its jobs run.
fn job(id: String, at: Position, node: &Arc<Node>) -> Result<Option<Job>, Finding> {
    if !matches!(node.value, Value::Map(_)) {
        return Err(invalid(at, format!("the job is {}; it has to be a map", node.kind())));
    }
    if node.get("uses").is_some() {
        return Ok(None);
    }
    let Some(runs_on) = node.get("runs-on").filter(|node| !node.is_nothing()) else {
        return Err(invalid(at, "the job has no runs-on").hint("runs-on: [self-hosted, class:NAME]"));
    };
    let combinations = matrix::expand(node).map_err(|broken| invalid(broken.at, broken.message))?;
    let mut job =
        Job { id, at, node: node.clone(), group: None, variants: Vec::new(), open: BTreeSet::new() };
    let labels = match &runs_on.value {
        Value::Map(_) => {
            job.group = runs_on.get("group").and_then(|group| Some((group.at, group.text()?.to_owned())));
            runs_on.get("labels").cloned()
        }
        Value::Scalar { .. } | Value::List(_) => Some(runs_on.clone()),
    };
    let Some(labels) = labels else {
        job.variants.push(Variant { labels: Vec::new(), with: None });
        return Ok(Some(job));
    };
    for combination in &combinations {
        match read_labels(&labels, combination)? {
            Ok(labels) => add(&mut job.variants, labels, combination),
            Err(open) => {
                job.open.insert(open);
            }
        }
    }
    Ok(Some(job))
}

fn add(variants: &mut Vec<Variant>, labels: Vec<Placed>, combination: &Combination) {
    let same = |variant: &Variant| {
        variant.labels.iter().map(|label| &label.text).eq(labels.iter().map(|label| &label.text))
    };
    if variants.iter().any(same) {
        return;
    }
    let values = combination.values.iter().filter_map(|(name, value)| match value {
        Outcome::Known(node) => Some(format!("{name} = {}", node.text()?)),
        Outcome::Open(_) => None,
    });
    let with: Vec<String> = values.take(5).collect();
    variants.push(Variant { labels, with: (!with.is_empty()).then(|| with.join(", ")) });
}

/// Where and which expression keeps labels open.
type Open = (Position, String);

fn read_labels(node: &Arc<Node>, matrix: &Combination) -> Result<Result<Vec<Placed>, Open>, Finding> {
    let resolved = match resolve(node, matrix) {
        Outcome::Known(resolved) => resolved,
        Outcome::Open(expression) => return Ok(Err((node.at, expression))),
    };
    // Of `runs-on: ${{ matrix.machine }}` the machine may be a map with a group, too.
    let resolved = match &resolved.value {
        Value::Map(_) => resolved.get("labels").cloned().unwrap_or(resolved),
        Value::Scalar { .. } | Value::List(_) => resolved,
    };
    if let Some(text) = resolved.text() {
        return Ok(Ok(vec![Placed { text: text.to_owned(), at: node.at }]));
    }
    if resolved.items().is_empty() {
        return Err(invalid(node.at, format!("runs-on is {}; it has to be labels", resolved.kind())));
    }
    let mut labels = Vec::new();
    for item in resolved.items() {
        match resolve(item, matrix) {
            Outcome::Known(label) => match label.text() {
                Some(text) => labels.push(Placed { text: text.to_owned(), at: item.at }),
                None => return Err(invalid(item.at, format!("{} is no label", label.kind()))),
            },
            // Whatever it comes to, it is a pin.
            Outcome::Open(_) if is_pin(item) => {
                labels.push(Placed { text: item.text().unwrap_or_default().to_owned(), at: item.at });
            }
            Outcome::Open(expression) => return Ok(Err((item.at, expression))),
        }
    }
    Ok(Ok(labels))
}

fn is_pin(node: &Node) -> bool {
    let beginning = literal_beginning(node.text().unwrap_or_default());
    beginning.get(..4).is_some_and(|key| key.eq_ignore_ascii_case("pin:"))
}
