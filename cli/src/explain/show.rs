//! An explanation as a person reads it.

use fleetfoot_model::SignedDuration;

use super::{Explanation, Verdict};
use crate::explain::verdict::{LimitsView, Prospect, Word};
use crate::output::{BAD, GOOD, HEADING, WAITING, paint};
use crate::table::{Cell, pairs, table};
use crate::text::safe;
use crate::times::span;

/// The whole answer of `explain`.
pub(crate) fn describe(explanation: &Explanation) -> String {
    let (style, verdict) = match explanation.verdict {
        Verdict::Ours => (GOOD, "ours, it would run"),
        Verdict::NotOurs => (WAITING, "not ours, it would never run here"),
        Verdict::Rejected => (BAD, "rejected, it would never run"),
    };
    let policy = match (&explanation.repository, explanation.verdict) {
        (None, _) => "not asked; --repository OWNER/NAME asks it".to_owned(),
        (Some(repository), Verdict::Ours) => format!("serves {repository}"),
        (Some(repository), _) => format!("asked for {repository}"),
    };
    let mut head = format!("{} {}\n", paint(HEADING, "A job with these labels:"), paint(style, verdict));
    head.push_str(&pairs([("reason", explanation.reason.as_deref().map(safe)), ("policy", Some(policy))]));
    let mut sections = vec![head, meanings(&explanation.labels)];
    if let Some(runner) = explanation.runner.as_ref().filter(|_| explanation.verdict == Verdict::Ours) {
        sections.push(section("What it would get", &prospect(runner, explanation)));
        sections.push(section("What limits it", &limits(&explanation.limits)));
    }
    if explanation.verdict == Verdict::Ours {
        let notes: String = explanation.notes.iter().map(|note| indented(note)).collect();
        sections.push(section("What else to know", &notes));
    }
    sections.join("\n")
}

fn indented(note: &str) -> String {
    format!("  {}\n", safe(note))
}

fn section(title: &str, text: &str) -> String {
    format!("{}\n{text}", paint(HEADING, title))
}

/// How each label is read.
pub(crate) fn meanings(words: &[Word]) -> String {
    let rows = words.iter().map(|word| {
        let text = match (word.means, &word.suggestion) {
            ("required", _) => "makes the job this fleet's".to_owned(),
            ("plain", _) => "is understood, and chooses nothing".to_owned(),
            ("class", _) => "chooses the class".to_owned(),
            ("image", _) => "chooses the base image".to_owned(),
            ("arch", _) => "chooses the processor".to_owned(),
            ("disk", _) => "chooses the disk".to_owned(),
            ("spot", _) => "asks for Spot capacity".to_owned(),
            ("pin", _) => "is there to be different from every other job's".to_owned(),
            (_, Some(suggestion)) => format!("is not known (did you mean {:?}?)", safe(suggestion)),
            (_, None) => "is not known to this fleet".to_owned(),
        };
        let style = if word.means == "unknown" { WAITING } else { anstyle::Style::new() };
        [Cell::from(safe(word.label.as_str())), Cell::painted(text, style)]
    });
    table(["LABEL", "WHAT IT SAYS"], rows)
}

fn prospect(runner: &Prospect, explanation: &Explanation) -> String {
    let spec = &runner.spec;
    let default = |is_default| if is_default { " (the fleet's default)" } else { "" };
    let vcpu = f64::from(spec.cpu) / 1024.0;
    let image = spec.image.as_ref().map_or_else(
        || {
            "none: its runner is a process of the machine; on AWS, [images] default or ubuntu:24.04"
                .to_owned()
        },
        |image| format!("{image}{}", default(runner.is_default_image)),
    );
    let pools: Vec<String> = runner
        .pools
        .iter()
        .map(|pool| format!("{} ({} of {} kept idle now)", pool.name, pool.wanted, pool.size))
        .collect();
    let pulled_from = runner.pulled_from.as_deref().filter(|_| spec.image.is_some()).map(safe);
    pairs([
        ("class", Some(format!("{}{}", spec.class, default(runner.is_default_class)))),
        ("CPU", Some(format!("{} units ({vcpu} vCPU), {}", spec.cpu, spec.arch))),
        ("memory", Some(format!("{} MiB", spec.memory_mib))),
        ("disk", Some(format!("{} GiB", spec.disk_gib))),
        ("capacity", Some(spec.capacity.to_string())),
        ("image", Some(image)),
        ("pulled from", pulled_from),
        (
            "role",
            Some(
                runner
                    .role
                    .as_ref()
                    .map_or("none: its jobs may do nothing on AWS".to_owned(), ToString::to_string),
            ),
        ),
        ("labels", Some(crate::text::labels(&runner.labels))),
        (
            "pools",
            Some(if pools.is_empty() {
                "none has such runners: it waits for its own".to_owned()
            } else {
                pools.join(", ")
            }),
        ),
        (
            "price",
            Some(format!(
                "{:.6} USD a minute, {:.4} USD an hour, list prices of {} in {}",
                runner.usd_per_minute, runner.usd_per_hour, explanation.prices_of, explanation.prices_region
            )),
        ),
    ])
}

fn limits(limits: &LimitsView) -> String {
    let hours = |seconds: i64| span(SignedDuration::from_secs(seconds));
    let most = |limit: Option<u64>| limit.map(|limit| format!("{limit} at most"));
    pairs([
        ("runners of the fleet", most(Some(limits.runners))),
        ("runners of the class", most(limits.runners_of_class)),
        ("runners of a repository", most(limits.runners_per_repository)),
        ("launches for one job", Some(format!("{} at most, if its runners fail", limits.launch_attempts))),
        ("time to register", Some(hours(limits.register_seconds))),
        ("time in the queue", Some(hours(limits.queued_seconds))),
        ("time to run", Some(hours(limits.running_seconds))),
    ])
}
