//! The answer as a person reads it: where the job is, how it came there, what would help.

use fleetfoot_model::job::{Job, JobState};
use fleetfoot_model::runner::Runner;
use fleetfoot_report::view;

use super::findings::Findings;
use super::phases;
use super::wait::Wait;
use crate::explain::{Explanation, Verdict, meanings};
use crate::jobs::{style, title};
use crate::output::{HEADING, paint};
use crate::runners::{self, timeline};
use crate::table::pairs;
use crate::text::{labels, safe};
use crate::times::Times;

/// Everything about a job.
pub(super) fn describe(findings: &Findings, times: &Times) -> String {
    let Findings { job, runner, wait, .. } = findings;
    let mut sections = vec![summary(findings, times)];
    if let Some(wait) = wait {
        sections.push(section("Why it waits", &explain_wait(wait, times)));
    }
    sections.push(decision(findings, times));
    if let Some(image) = &findings.image {
        sections.push(section("What its runner starts from, now", &image.describe(times)));
    }
    if !findings.capacity.is_empty() {
        let used = findings.capacity.iter().map(|used| (used.of.as_str(), Some(used.describe())));
        sections.push(section("What its runner counts in", &pairs(used)));
    }
    sections.push(section(
        &format!("What took how long (times in {})", times.zone_name()),
        &phases::describe(&findings.phases, times),
    ));
    sections.push(timeline("What happened to the job", &job.timeline, times));
    if let Some(runner) = runner {
        sections.push([runners::heading(runner), runners::summary(runner, times)].concat());
        sections.push(timeline("What happened to the runner", &runner.timeline, times));
    }
    sections.join("\n")
}

fn section(title: &str, text: &str) -> String {
    format!("{}\n{text}", paint(HEADING, title))
}

fn summary(findings: &Findings, times: &Times) -> String {
    let Findings { job, wait, heard, .. } = findings;
    let description = &job.description;
    let state = match (&job.state, wait) {
        (_, Some(wait)) => format!("queued, {}", safe(&wait.wait.on)),
        (JobState::Finished { conclusion, .. }, _) => format!("finished, {}", safe(conclusion)),
        (state, _) => view::state_name(state).to_owned(),
    };
    let heading = format!("Job {}:", description.id);
    let mut text = format!("{} {}\n", paint(HEADING, &heading), paint(style(job), &state));
    text.push_str(&pairs([
        ("reason", view::reason(&job.state).map(safe)),
        ("what helps", findings.remedy().filter(|_| wait.is_none()).map(str::to_owned)),
        ("repository", Some(description.repository.to_string())),
        ("name", Some(title(description))),
        ("labels", Some(labels(&description.labels))),
        ("spec", job.spec.as_ref().map(ToString::to_string)),
        ("runner", view::runner_of(&job.state).map(safe)),
        ("queued", Some(times.date_time_and_age(description.created_at))),
        ("heard of", Some(heard.describe())),
        ("started", job.started_at.map(|at| times.date_time_and_age(at))),
        ("launches", launches(job)),
        ("cost", cost(findings.runner.as_ref())),
        ("run", Some(format!("{}, attempt {}", description.run_id, description.run_attempt))),
        ("page", Some(safe(&description.html_url)).filter(|page| !page.is_empty())),
    ]));
    text
}

/// `2, of which 1 failed`
fn launches(job: &Job) -> Option<String> {
    let failed = (job.failures > 0).then(|| format!(", of which {} failed", job.failures));
    let taken = (job.replacements > 0).then(|| format!(", replaced {} times", job.replacements));
    (job.launches > 0)
        .then(|| [Some(job.launches.to_string()), failed, taken].into_iter().flatten().collect())
}

fn cost(runner: Option<&Runner>) -> Option<String> {
    let runner = runner?;
    let usd = view::cost_usd(runner)?;
    let billed = runner.billed.as_ref().map_or_else(String::new, |billed| {
        format!(" ({} s {}, list prices of {})", billed.seconds, billed.capacity, billed.prices)
    });
    Some(format!("{usd:.6} USD for its runner{billed}"))
}

/// How its labels were read, and what was decided.
fn decision(findings: &Findings, times: &Times) -> String {
    let Findings { job, reading, run, .. } = findings;
    let Some(reading) = reading else {
        let text = "  not known here: the fleet's configuration cannot be read (--config names it)\n";
        return section("How its labels are read", text);
    };
    let code = run.as_ref().map(|run| {
        let head = run.head_repository.as_ref().map_or("a deleted repository", |head| head.as_str());
        format!("{head}, heard of {}", times.date_time_and_age(run.heard_at))
    });
    let mut table = String::new();
    for line in meanings(&reading.labels).lines() {
        table.extend(["  ", line, "\n"]);
    }
    let text = table + &pairs([("code from", code), ("decision", Some(decided(job, reading)))]);
    section("How its labels are read", &text)
}

fn decided(job: &Job, reading: &Explanation) -> String {
    let is = match reading.verdict {
        Verdict::Ours => "served".to_owned(),
        Verdict::NotOurs => "not ours".to_owned(),
        Verdict::Rejected => "rejected".to_owned(),
    };
    let reason = reading.reason.as_deref().map(|reason| format!(": {}", safe(reason))).unwrap_or_default();
    let now = reading.runner.as_ref().map(|runner| &runner.spec);
    let changed = match (&job.spec, now) {
        (Some(then), Some(now)) if then != now => {
            format!("; the configuration has changed since: today it would be {now}")
        }
        _ => String::new(),
    };
    let default = match &reading.runner {
        Some(runner) if runner.is_default_class => format!(" as {}, the default class", runner.spec.class),
        Some(runner) => format!(" as {}", runner.spec.class),
        None => String::new(),
    };
    format!("{is}{}{reason}{changed}", if reading.verdict == Verdict::Ours { default } else { String::new() })
}

fn explain_wait(wait: &Wait, times: &Times) -> String {
    let before = wait.jobs_before.map(|before| match before {
        0 => "none, it is the next".to_owned(),
        1 => "1 job".to_owned(),
        more => format!("{more} jobs"),
    });
    pairs([
        ("on", Some(safe(&wait.wait.on))),
        ("since", Some(times.date_time_and_age(wait.wait.since))),
        ("until", wait.wait.until.map(|until| times.date_time_and_age(until))),
        ("before it", before),
        ("what helps", Some(wait.wait.remedy.to_owned())),
    ])
}
