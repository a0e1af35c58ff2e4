//! One readable line for each fact.

use anstyle::Style;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::events::{
    Fact, ImageRequested, JobDescription, JobFinished, LaunchFailed, QueueCause, RunRequested, RunnerBusy,
    RunnerInterrupted, RunnerLaunched, RunnerRegistered, RunnerStopped,
};
use fleetfoot_model::ids::JobId;
use fleetfoot_model::runner::StopReason;
use fleetfoot_model::{SignedDuration, Timestamp};
use jiff::tz::TimeZone;

use crate::jobs::title;
use crate::output::{BAD, DIM, GOOD, WAITING, paint};
use crate::text::{cut, labels, safe, width};
use crate::times::{span, time_of_day};

/// The widest subject that moves what follows.
const SUBJECT: usize = 24;

/// A fact as one line: when, whom it is about, what happened and why. `None` for what is not told to people: the
/// fleet's measurements, and events that are not facts.
pub(crate) fn line(envelope: &Envelope) -> Option<String> {
    line_in(envelope, &TimeZone::system())
}

/// As [`line`], with times of a zone.
pub(crate) fn line_in(envelope: &Envelope, zone: &TimeZone) -> Option<String> {
    let Telling { subject, what, style } = tell(&envelope.fact().ok()?)?;
    let time = time_of_day(envelope.time, zone);
    let gap = " ".repeat(SUBJECT.saturating_sub(width(&subject)));
    Some(format!("{}  {subject}{gap}  {}", paint(DIM, &time), paint(style, &what)))
}

struct Telling {
    subject: String,
    what: String,
    style: Style,
}

const PLAIN: Style = Style::new();

fn about(subject: String, what: impl AsRef<str>, style: Style) -> Telling {
    Telling { subject, what: safe(what.as_ref()), style }
}

fn job(id: JobId, what: impl AsRef<str>, style: Style) -> Telling {
    about(format!("job {id}"), what, style)
}

fn runner(name: &impl ToString, what: impl AsRef<str>, style: Style) -> Telling {
    about(format!("runner {}", cut(&name.to_string(), 64)), what, style)
}

fn image(image: &impl ToString, what: impl AsRef<str>, style: Style) -> Telling {
    about(format!("image {}", cut(&image.to_string(), 64)), what, style)
}

fn tell(fact: &Fact) -> Option<Telling> {
    Some(match fact {
        Fact::JobQueued(it) => job(it.job.id, queued(&it.job, it.cause), PLAIN),
        Fact::JobWaiting(it) => {
            job(it.job.id, format!("waits for an approval at GitHub: {}", described(&it.job)), WAITING)
        }
        Fact::JobStarted(it) => job(it.job.id, format!("started on runner {}", it.runner.name), GOOD),
        Fact::JobCompleted(it) => job(it.job.id, format!("completed at GitHub: {}", it.conclusion), PLAIN),
        Fact::RunRequested(it) => about(format!("run {}", it.run_id), run_requested(it), PLAIN),
        Fact::JobMatched(it) => {
            job(it.job, format!("gets runner {}, which is there already", it.runner), PLAIN)
        }
        Fact::RunnerLaunched(it) => runner(&it.runner, launched(it), PLAIN),
        Fact::JobDeferred(it) => job(it.job, it.waiting.to_string(), WAITING),
        Fact::JobRejected(it) => job(it.job, format!("rejected: {}", it.reason), BAD),
        Fact::ImageRequested(it) => image(&it.image, requested(it), PLAIN),
        Fact::LaunchFailed(it) => runner(&it.runner, launch_failed(it), BAD),
        Fact::RunnerRegistered(it) => runner(&it.runner, registered(it), PLAIN),
        Fact::RunnerDismissed(it) => runner(&it.runner, format!("sent home: {}", it.reason), PLAIN),
        Fact::RunnerBusy(it) => runner(&it.runner, busy(it), GOOD),
        Fact::RunnerReleased(it) => runner(&it.runner, format!("let go: {}", it.reason), PLAIN),
        Fact::JobFinished(it) => job(it.job, finished(it), conclusion_style(&it.conclusion)),
        Fact::RunnerStarted(it) => runner(&it.runner, "its task is up", PLAIN),
        Fact::RunnerInterrupted(it) => runner(&it.runner, interrupted(it), BAD),
        Fact::RunnerStopped(it) => runner(&it.runner, stopped(it), stop_style(&it.reason)),
        Fact::ImageBuildStarted(it) => image(&it.image, format!("being built: {}", it.build), PLAIN),
        Fact::ImageReady(it) => image(&it.image, "ready", GOOD),
        Fact::ImageFailed(it) => image(&it.image, format!("could not be built: {}", it.reason), BAD),
        Fact::RunnerReaped(it) => runner(&it.runner, format!("cleaned up: {}", it.reason), WAITING),
        Fact::JobExpired(it) => job(it.job, format!("given up: {}", it.reason), BAD),
        Fact::JobRerunRequested(it) => job(it.job, format!("to be run again: {}", it.reason), WAITING),
        Fact::JobRerunRefused(it) => job(it.job, format!("not run again: {}", it.reason), BAD),
        Fact::CheckRunsRefused(it) => {
            about("fleet".to_owned(), format!("no check runs until {}: {}", it.until, it.reason), BAD)
        }
        Fact::DeliveryRecovered(it) => about(
            "webhook".to_owned(),
            format!("{} {} was lost; asked for it again", it.event, it.guid),
            WAITING,
        ),
        Fact::RunnerWanted(it) => about(format!("pool {}", it.pool), "is short of a warm runner", PLAIN),
        Fact::LaunchesPaused(it) => {
            about("fleet".to_owned(), format!("no launches until {}: {}", it.until, it.reason), WAITING)
        }
        Fact::RunnerReleaseAging(it) => about(
            "fleet".to_owned(),
            format!(
                "GitHub serves release {} of its runner until {}; the newest is {}",
                it.version, it.served_until, it.newest
            ),
            WAITING,
        ),
        Fact::BudgetReached(it) => about(
            "fleet".to_owned(),
            format!(
                "{} percent of the budget of {} are spent: {:.2} of {:.2} USD",
                it.percent, it.period, it.spent_usd, it.budget_usd
            ),
            WAITING,
        ),
        Fact::DayReported(it) => about(
            "fleet".to_owned(),
            format!("{} cost {:.2} USD; {} jobs ran", it.digest.day, it.digest.usd, it.digest.jobs),
            PLAIN,
        ),
        Fact::BreakerOpened(it) => about("fleet".to_owned(), breaker(it.limit, it.until), BAD),
        Fact::FleetMeasured(_) => return None,
    })
}

fn queued(it: &JobDescription, cause: QueueCause) -> String {
    let why = match cause {
        QueueCause::Webhook => return format!("queued: {}", described(it)),
        QueueCause::RunnerTaken => "its runner was taken by another job",
        QueueCause::RunnerStopped => "its runner stopped before it ran",
        QueueCause::Retry => "its time has come",
        QueueCause::Turn => "its turn has come",
        QueueCause::Recovered => "it was found waiting",
    };
    format!("queued again: {why}")
}

fn described(it: &JobDescription) -> String {
    format!("{} {} [{}]", it.repository, title(it), labels(&it.labels))
}

fn run_requested(it: &RunRequested) -> String {
    let head = it.head_repository.as_ref().map_or("a deleted repository", |head| head.as_str());
    format!("requested in {} by {}, with code of {head}", it.repository, it.event)
}

fn launched(it: &RunnerLaunched) -> String {
    match it.job {
        Some(job) => format!("launched for job {job}: {}", it.spec),
        None => format!("launched to be warm: {}", it.spec),
    }
}

fn requested(it: &ImageRequested) -> String {
    let repository = it.repository.as_ref().map_or("a pool", |repository| repository.as_str());
    format!("asked for by {repository}, for {}", it.arch)
}

fn launch_failed(it: &LaunchFailed) -> String {
    let outlook = if it.for_good { "; trying again is pointless" } else { "" };
    format!("could not be launched: {}{outlook}", it.reason)
}

fn registered(it: &RunnerRegistered) -> String {
    match it.job {
        Some(job) => format!("registered at GitHub, meant for job {job}"),
        None => "registered at GitHub, warm".to_owned(),
    }
}

fn busy(it: &RunnerBusy) -> String {
    match it.taken_from {
        Some(other) => format!("runs job {}, though it was meant for job {other}", it.job),
        None => format!("runs job {}", it.job),
    }
}

fn finished(it: &JobFinished) -> String {
    let started = it.queue_to_start_millis.map(|millis| {
        let waited = SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
        format!(", started {} after it was queued", span(waited))
    });
    format!("finished: {}{}", it.conclusion, started.unwrap_or_default())
}

fn interrupted(it: &RunnerInterrupted) -> String {
    let job = it.job.map(|job| format!(", and job {job} with it")).unwrap_or_default();
    format!("Spot takes it back within two minutes{job}")
}

fn stopped(it: &RunnerStopped) -> String {
    format!("stopped, {} ({:.4} USD)", it.reason, it.cost_usd)
}

fn breaker(limit: u64, until: Timestamp) -> String {
    format!("more than {limit} runners had to be replaced in ten minutes; replacing is paused until {until}")
}

fn conclusion_style(conclusion: &str) -> Style {
    match conclusion {
        "success" => GOOD,
        "failure" | "timed_out" | "startup_failure" => BAD,
        _ => PLAIN,
    }
}

fn stop_style(reason: &StopReason) -> Style {
    match reason {
        StopReason::Done | StopReason::Stopped { .. } => DIM,
        _ => BAD,
    }
}

#[cfg(test)]
mod tests {
    use fleetfoot_model::events::DETAIL_TYPES;

    use super::*;
    use crate::testing::{sample, times};
    use crate::text::is_harmful;

    #[test]
    fn every_fact_is_told_in_one_line() {
        let mut told = String::new();
        for detail_type in DETAIL_TYPES {
            let envelope: Envelope = serde_json::from_str(&sample(detail_type)).unwrap();
            let line = line_in(&envelope, &times().zone).unwrap_or_else(|| "(not told)".to_owned());
            told.push_str(&line);
            told.push('\n');
        }
        let told = anstream::adapter::strip_str(&told).to_string();
        assert_eq!(told.lines().count(), DETAIL_TYPES.len());
        insta::assert_snapshot!(told);
    }

    #[test]
    fn a_hostile_fact_stays_on_its_line() {
        let hostile = crate::testing::HOSTILE.repeat(100);
        let mut envelope: Envelope = serde_json::from_str(&sample("JobRejected")).unwrap();
        envelope.detail["reason"] = hostile.into();
        let line = anstream::adapter::strip_str(&line_in(&envelope, &times().zone).unwrap()).to_string();
        assert_eq!(line.chars().find(|it| is_harmful(*it)), None);
        assert!(line.chars().count() < 600, "{line}");
    }
}
