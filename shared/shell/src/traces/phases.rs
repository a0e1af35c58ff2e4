//! Spans of a job's phases, each told by the function that sees its end.

use fleetfoot_model::Timestamp;
use fleetfoot_model::events::{
    Fact, JobDescription, JobFinished, QueueCause, RunnerBusy, RunnerLaunched, RunnerStarted,
};
use fleetfoot_model::ids::{JobId, RunnerName};

use super::span::{Attributes, Kind, Span, Value};
use super::{SpanId, TraceId};

/// Of which invocation a fact is.
pub(super) struct Moment<'a> {
    pub(super) function: &'a str,
    pub(super) ended: Timestamp,
    /// What the event tells of the job.
    pub(super) description: Option<&'a JobDescription>,
}

/// The phases that a fact is the end of.
pub(super) fn ended_with(fact: &Fact, moment: &Moment<'_>) -> Vec<Span> {
    match fact {
        Fact::JobQueued(it) if it.cause == QueueCause::Webhook => {
            let queued = Phase { job: it.job.id, name: "queued", runner: None };
            queued.span(Some(it.job.created_at), Some(moment.ended), moment).into_iter().collect()
        }
        Fact::RunnerLaunched(it) => launched(it, moment),
        Fact::RunnerStarted(it) => started(it, moment).into_iter().collect(),
        Fact::RunnerBusy(it) => busy(it, moment),
        Fact::JobFinished(it) => finished(it, moment),
        Fact::JobRejected(it) => given_up(it.job, moment),
        Fact::JobExpired(it) => given_up(it.job, moment),
        _ => Vec::new(),
    }
}

fn launched(it: &RunnerLaunched, moment: &Moment<'_>) -> Vec<Span> {
    let Some(job) = it.job else { return Vec::new() };
    let phase = |name| Phase { job, name, runner: Some(&it.runner) };
    let waited_for = it.waited.as_ref().map(|waited| {
        let name = match waited.kind.as_str() {
            "image" => "waiting for its image",
            "capacity" => "waiting for capacity",
            "rate limit" => "waiting for a rate limit",
            _ => "waiting for the next try",
        };
        phase(name).span(Some(waited.since), it.reserved_at, moment)
    });
    let spans = [
        phase("waiting").span(it.heard_at, it.reserved_at, moment),
        waited_for.flatten(),
        phase("launching").span(it.reserved_at, Some(moment.ended), moment),
    ];
    spans.into_iter().flatten().collect()
}

fn started(it: &RunnerStarted, moment: &Moment<'_>) -> Option<Span> {
    Phase { job: it.job?, name: "starting", runner: Some(&it.runner) }.span(it.reserved_at, it.up_at, moment)
}

/// A runner may register before ECS has told that its task runs, so all of it is told when it gets its job.
fn busy(it: &RunnerBusy, moment: &Moment<'_>) -> Vec<Span> {
    let phase = |name| Phase { job: it.job, name, runner: Some(&it.runner) };
    let spans = [
        phase("registering").span(it.up_at, it.registered_at, moment),
        phase("waiting for GitHub").span(it.registered_at, it.started_at, moment),
    ];
    spans.into_iter().flatten().collect()
}

fn finished(it: &JobFinished, moment: &Moment<'_>) -> Vec<Span> {
    let running = Phase { job: it.job, name: "running", runner: None };
    let running = running.span(it.started_at, it.completed_at, moment);
    let mut root =
        it.created_at.zip(it.completed_at).map(|(began, ended)| root(it.job, began, ended, moment));
    if let Some(root) = &mut root {
        let result = match it.conclusion.as_str() {
            "cancelled" => "cancellation",
            "skipped" => "skip",
            "timed_out" => "timeout",
            conclusion @ ("success" | "failure") => conclusion,
            _ => "error",
        };
        root.attributes.push(("cicd.pipeline.task.run.result", Value::text(result)));
        root.attributes.extend(it.runner.as_ref().map(|name| ("cicd.worker.name", Value::text(name))));
        root.failed = result != "success" && result != "skip";
    }
    running.into_iter().chain(root).collect()
}

/// A job that gets no runner ends here, whatever GitHub does with it later.
fn given_up(job: JobId, moment: &Moment<'_>) -> Vec<Span> {
    let Some(description) = moment.description.filter(|it| it.id == job) else { return Vec::new() };
    let mut root = root(job, description.created_at, moment.ended, moment);
    root.attributes.push(("cicd.pipeline.task.run.result", Value::text("error")));
    root.failed = true;
    vec![root]
}

/// The span of the whole job.
fn root(job: JobId, began: Timestamp, ended: Timestamp, moment: &Moment<'_>) -> Span {
    let mut attributes: Attributes = vec![("cicd.pipeline.task.run.id", Value::text(job))];
    if let Some(it) = moment.description {
        attributes.extend([
            ("cicd.pipeline.name", Value::text(&it.workflow)),
            ("cicd.pipeline.run.id", Value::text(it.run_id)),
            ("cicd.pipeline.task.name", Value::text(&it.name)),
            ("cicd.pipeline.task.run.url.full", Value::text(&it.html_url)),
            ("fleetfoot.run.attempt", Value::Number(it.run_attempt.into())),
            ("vcs.repository.name", Value::text(&it.repository)),
        ]);
    }
    let trace = TraceId::of_job(job);
    Span {
        function: moment.function.to_owned(),
        trace,
        id: SpanId::root(trace),
        parent: None,
        name: "job".to_owned(),
        kind: Kind::Internal,
        began,
        ended: ended.max(began),
        attributes,
        failed: false,
    }
}

struct Phase<'a> {
    job: JobId,
    name: &'static str,
    runner: Option<&'a RunnerName>,
}

impl Phase<'_> {
    /// None without a beginning or an end, or if the clocks of two machines put the end first.
    fn span(&self, began: Option<Timestamp>, ended: Option<Timestamp>, moment: &Moment<'_>) -> Option<Span> {
        let (began, ended) = began.zip(ended).filter(|(began, ended)| began <= ended)?;
        let trace = TraceId::of_job(self.job);
        let runner = self.runner.map(ToString::to_string).unwrap_or_default();
        let mut attributes: Attributes = vec![("cicd.pipeline.task.run.id", Value::text(self.job))];
        attributes.extend(self.runner.map(|name| ("cicd.worker.name", Value::text(name))));
        Some(Span {
            function: moment.function.to_owned(),
            trace,
            id: SpanId::of(trace, &format!("{} {runner}", self.name)),
            parent: Some(SpanId::root(trace)),
            name: self.name.to_owned(),
            kind: Kind::Internal,
            began,
            ended,
            attributes,
            failed: false,
        })
    }
}
