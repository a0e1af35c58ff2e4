//! Spans of an invocation: one in the trace of each job that it was about.

use std::collections::BTreeSet;

use fleetfoot_model::Timestamp;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::events::{Fact, JobDescription};
use fleetfoot_model::ids::{JobId, Origin, RunnerName};

use super::phases::{self, Moment};
use super::span::{Attributes, Kind, Span, Value};
use super::{SpanId, TraceId};

/// In so many jobs' traces an invocation is told at most; the end of an image build can be about hundreds.
const MOST_JOBS: usize = 50;

/// What woke a function (semantic conventions, `faas.trigger`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// A request.
    Http,
    /// An event of a bus or a queue.
    Pubsub,
    /// A schedule.
    Timer,
}

impl Trigger {
    /// Of an event.
    pub fn of(event: &Envelope) -> Self {
        if event.detail_type == "Scheduled Event" { Self::Timer } else { Self::Pubsub }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Pubsub => "pubsub",
            Self::Timer => "timer",
        }
    }
}

/// What a function did with one event or request.
#[derive(Debug)]
pub struct Invocation<'a> {
    /// The function.
    pub function: &'a str,
    /// What woke it.
    pub trigger: Trigger,
    /// What the event or the request is called: the same each time it comes.
    pub id: &'a str,
    /// Its kind: a detail-type, or `webhook`, `register`.
    pub kind: &'a str,
    /// The event, if it is one of the fleet's.
    pub event: Option<&'a Fact>,
    /// What came of it.
    pub facts: &'a [Fact],
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// If it failed, as what: one word.
    pub error: Option<&'static str>,
}

impl Invocation<'_> {
    /// Its spans, and those of the jobs' phases that ended with it. An invocation that is about no job is told only if it
    /// failed: most find nothing to do.
    pub fn spans(&self) -> Vec<Span> {
        let jobs: BTreeSet<JobId> = self.event.iter().copied().chain(self.facts).filter_map(job_of).collect();
        let mut spans: Vec<Span> = jobs.into_iter().take(MOST_JOBS).map(|job| self.of_job(job)).collect();
        if spans.is_empty() && self.error.is_some() {
            spans.push(self.of_no_job());
        }
        let moment = Moment {
            function: self.function,
            ended: self.ended,
            description: self.event.and_then(description_of),
        };
        spans.extend(self.facts.iter().flat_map(|fact| phases::ended_with(fact, &moment)));
        spans
    }

    fn of_job(&self, job: JobId) -> Span {
        let trace = TraceId::of_job(job);
        let mut span = self.span(trace, Some(SpanId::root(trace)));
        span.attributes.push(("cicd.pipeline.task.run.id", Value::text(job)));
        let of_this_job = self.facts.iter().filter(|fact| job_of(fact) == Some(job));
        for waits in of_this_job.filter_map(|fact| match fact {
            Fact::JobDeferred(it) => Some(it.waiting.kind()),
            _ => None,
        }) {
            span.attributes.push(("fleetfoot.job.waiting", Value::text(waits)));
        }
        span
    }

    fn of_no_job(&self) -> Span {
        self.span(TraceId::of(&format!("{} {} {}", self.function, self.id, self.began)), None)
    }

    fn span(&self, trace: TraceId, parent: Option<SpanId>) -> Span {
        let (function, kind) = (self.function, self.kind);
        let facts: Vec<String> = self.facts.iter().map(|fact| fact.detail_type().to_owned()).collect();
        let mut attributes: Attributes = vec![
            ("faas.trigger", Value::text(self.trigger.name())),
            ("faas.invoked_name", Value::text(function)),
            ("fleetfoot.event.id", Value::text(self.id)),
            ("fleetfoot.event.kind", Value::text(kind)),
        ];
        attributes.extend((!facts.is_empty()).then_some(("fleetfoot.facts", Value::Texts(facts))));
        attributes.extend(self.error.map(|error| ("error.type", Value::text(error))));
        Span {
            function: function.to_owned(),
            trace,
            // Each try is a span of its own.
            id: SpanId::of(trace, &format!("{function} {} {}", self.id, self.began)),
            parent,
            name: format!("{function} {kind}"),
            kind: if self.trigger == Trigger::Http { Kind::Server } else { Kind::Consumer },
            began: self.began,
            ended: self.ended.max(self.began),
            attributes,
            failed: self.error.is_some(),
        }
    }
}

/// The jobs that an event and what came of it are about, for the log.
pub fn jobs_of(event: &Envelope, facts: &[Fact]) -> BTreeSet<JobId> {
    let Envelope { detail, .. } = event;
    let job = detail["job"].as_u64().or_else(|| detail["job"]["id"].as_u64()).map(JobId);
    let runner = detail["runner"].as_str().or_else(|| detail["startedBy"].as_str());
    let meant = runner.and_then(|name| meant_for(&name.parse().ok()?));
    job.or(meant).into_iter().chain(facts.iter().filter_map(job_of)).collect()
}

/// The job that a fact is about.
pub fn job_of(fact: &Fact) -> Option<JobId> {
    match fact {
        Fact::JobMatched(it) => Some(it.job),
        Fact::JobDeferred(it) => Some(it.job),
        Fact::JobRejected(it) => Some(it.job),
        Fact::JobExpired(it) => Some(it.job),
        Fact::JobFinished(it) => Some(it.job),
        Fact::JobRerunRequested(it) => Some(it.job),
        Fact::JobRerunRefused(it) => Some(it.job),
        Fact::RunnerBusy(it) => Some(it.job),
        Fact::RunnerLaunched(it) => it.job,
        Fact::RunnerRegistered(it) => it.job,
        Fact::RunnerStarted(it) => it.job.or_else(|| meant_for(&it.runner)),
        Fact::RunnerInterrupted(it) => it.job.or_else(|| meant_for(&it.runner)),
        Fact::RunnerStopped(it) => it.job.or_else(|| meant_for(&it.runner)),
        Fact::LaunchFailed(it) => it.job,
        Fact::RunnerDismissed(it) => meant_for(&it.runner),
        Fact::RunnerReleased(it) => meant_for(&it.runner),
        other => description_of(other).map(|job| job.id),
    }
}

fn meant_for(runner: &RunnerName) -> Option<JobId> {
    match runner.origin() {
        Origin::Job { job, .. } => Some(job),
        Origin::Pool { .. } => None,
    }
}

fn description_of(fact: &Fact) -> Option<&JobDescription> {
    match fact {
        Fact::JobQueued(it) => Some(&it.job),
        Fact::JobWaiting(it) => Some(&it.job),
        Fact::JobStarted(it) => Some(&it.job),
        Fact::JobCompleted(it) => Some(&it.job),
        _ => None,
    }
}
