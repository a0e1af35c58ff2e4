//! Jobs that GitHub may give each other's runners. GitHub never ties a runner to a job: it gives a runner any job whose
//! labels the runner has all of.

use std::sync::Arc;

use fleetfoot_model::config::Config;
use fleetfoot_model::spec::{Label, Spec, covers};

use super::finding::{Finding, Severity, finding};
use super::labels::Ours;

/// More kinds of labels are compared no further.
const MOST: usize = 1_000;

/// A job's labels, and where they are from.
#[derive(Debug, Clone)]
pub(super) struct Neighbour {
    pub(super) file: Arc<str>,
    pub(super) job: String,
    pub(super) ours: Ours,
}

/// Somebody else's runner that a job may be given.
struct Taken<'a> {
    whose: String,
    labels: &'a [Label],
    spec: &'a Spec,
}

/// What jobs are told whose labels let them onto runners that are not as they are meant to be.
pub(super) fn check(all: &[Neighbour], config: &Config, findings: &mut Vec<Finding>) {
    let mut kinds: Vec<&Neighbour> = Vec::new();
    for neighbour in all {
        let is_new = kinds.iter().all(|known| known.ours.labels != neighbour.ours.labels);
        if is_new && kinds.len() < MOST {
            kinds.push(neighbour);
        }
    }
    for neighbour in all {
        let others: Vec<Taken<'_>> = kinds
            .iter()
            .map(|other| Taken {
                whose: format!("of the job {:?} ({}:{})", other.job, other.file, other.ours.at.line),
                labels: &other.ours.runner_labels,
                spec: &other.ours.spec,
            })
            .chain(config.pools.iter().map(|pool| Taken {
                whose: format!("of the pool {:?}", pool.name.as_str()),
                labels: &pool.labels,
                spec: &pool.spec,
            }))
            .filter(|other| {
                other.spec != &neighbour.ours.spec && covers(other.labels, &neighbour.ours.labels)
            })
            .collect();
        findings.extend(told(neighbour, &others, config));
    }
}

fn told(neighbour: &Neighbour, others: &[Taken<'_>], config: &Config) -> Option<Finding> {
    let ours = &neighbour.ours;
    let found = if let Some(first) = others.first() {
        let more = match others.len() - 1 {
            0 => String::new(),
            1 => ", or of another one".to_owned(),
            more => format!(", or of {more} others"),
        };
        let differences = differences(&ours.spec, first.spec);
        let message =
            format!("GitHub may give it a runner {}{more}: then it runs with {differences}", first.whose);
        finding(Severity::Warning, "shared-runner", ours.at, message).hint(format!(
            "say here what differs (class:{}, image:...), or add \"pin:${{{{ github.run_id }}}}-{}\"",
            ours.spec.class, neighbour.job
        ))
    } else if !ours.names_class && config.classes.len() > 1 {
        let class = &ours.spec.class;
        let message = format!("without class: GitHub may give it a runner of any class, not only of {class}");
        finding(Severity::Warning, "no-class", ours.at, message).hint(format!("add class:{class}"))
    } else {
        return None;
    };
    Some(Finding { file: neighbour.file.clone(), job: Some(neighbour.job.clone()), ..found })
}

/// `class large instead of small`
fn differences(meant: &Spec, found: &Spec) -> String {
    let image = |spec: &Spec| spec.image.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
    let size = |spec: &Spec| format!("{} units and {} MiB", spec.cpu, spec.memory_mib);
    let pairs = [
        ("class", found.class.to_string(), meant.class.to_string()),
        ("size", size(found), size(meant)),
        ("image", image(found), image(meant)),
        ("architecture", found.arch.to_string(), meant.arch.to_string()),
        ("capacity", found.capacity.to_string(), meant.capacity.to_string()),
        ("disk", format!("{} GiB", found.disk_gib), format!("{} GiB", meant.disk_gib)),
    ];
    let differ = pairs.into_iter().filter(|(_, found, meant)| found != meant);
    let mut shown: Vec<String> =
        differ.map(|(what, found, meant)| format!("{what} {found} instead of {meant}")).collect();
    // A class tells its size.
    if shown.first().is_some_and(|first| first.starts_with("class ")) {
        shown.retain(|it| !it.starts_with("size "));
    }
    shown.join(", ")
}
