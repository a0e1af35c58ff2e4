//! Bodies of webhooks: recorded ones, with what the stand-in knows patched in.

mod job;

use std::collections::BTreeMap;

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::{GithubRunnerId, JobId, Repository};
use serde_json::{Value, json};

use self::job::JobBody;
use super::job::{Job, Stage, seconds};

/// The installation that webhooks of an App name.
const INSTALLATION: u64 = 42;

/// What a webhook tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    RunRequested,
    JobWaiting,
    JobQueued,
    JobStarted,
    JobCompleted,
}

impl Kind {
    pub(crate) fn event(self) -> &'static str {
        match self {
            Self::RunRequested => "workflow_run",
            Self::JobWaiting | Self::JobQueued | Self::JobStarted | Self::JobCompleted => "workflow_job",
        }
    }

    pub(crate) fn action(self) -> &'static str {
        match self {
            Self::RunRequested => "requested",
            Self::JobWaiting => "waiting",
            Self::JobQueued => "queued",
            Self::JobStarted => "in_progress",
            Self::JobCompleted => "completed",
        }
    }

    fn recorded(self) -> &'static str {
        match self {
            Self::RunRequested => {
                include_str!("../../../../events/foreign/github/workflow-run-requested-0.json")
            }
            Self::JobWaiting => include_str!("../../../../events/foreign/github/workflow-job-waiting-0.json"),
            Self::JobQueued => include_str!("../../../../events/foreign/github/workflow-job-queued-1.json"),
            Self::JobStarted => {
                include_str!("../../../../events/foreign/github/workflow-job-in-progress-0.json")
            }
            Self::JobCompleted => {
                include_str!("../../../../events/foreign/github/workflow-job-completed-0.json")
            }
        }
    }
}

/// A job at the moment a webhook tells of. A body is made from it when it is sent, and made again, equal, when it is
/// delivered again: ten thousand bodies would fill the memory.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    pub(crate) kind: Kind,
    pub(crate) job: JobId,
    runner: Option<(GithubRunnerId, String)>,
    conclusion: Option<String>,
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
}

impl Moment {
    pub(crate) fn of(job: &Job, kind: Kind) -> Self {
        let started = job.history.started().map(|(at, _)| at);
        Self {
            kind,
            job: job.id,
            runner: job.runner.clone().filter(|_| started.is_some()),
            conclusion: job.history.conclusion.clone(),
            started_at: started,
            completed_at: job.history.completed_at,
        }
    }

    /// How a job is now, as the REST API tells it.
    pub(crate) fn present(job: &Job) -> Self {
        let kind = match job.stage {
            Stage::Waiting => Kind::JobWaiting,
            Stage::Queued | Stage::Assigned(_) => Kind::JobQueued,
            Stage::Running(_) => Kind::JobStarted,
            Stage::Completed => Kind::JobCompleted,
        };
        Self::of(job, kind)
    }
}

/// Recorded bodies, made over to repositories of ours: once for each, since each is filled in for thousands of webhooks.
#[derive(Debug, Default)]
pub(crate) struct Templates {
    is_brief: bool,
    /// By kind, repository, whether that is public, and whether the job needed an approval.
    made: BTreeMap<(Kind, Repository, bool, bool), Template>,
}

/// A body of which a job's part is to be filled in.
#[derive(Debug)]
struct Template {
    body: Value,
    /// Where bodies are brief: what comes behind the job's part.
    rest: Option<String>,
}

impl Templates {
    pub(crate) fn new(is_brief: bool) -> Self {
        Self { is_brief, made: BTreeMap::new() }
    }

    /// The body of a webhook.
    pub(crate) fn webhook(&mut self, moment: &Moment, job: &Job) -> String {
        let Template { body, rest } = self.template(moment.kind, job);
        if let Some(rest) = rest {
            let part = serde_json::to_string(&JobBody::of(job, moment)).expect("a job is a plain structure");
            return format!("{{\"workflow_job\":{part}{rest}");
        }
        if moment.kind == Kind::RunRequested {
            fill_run(&mut body["workflow_run"], job, "queued", None, job.history.ordered_at);
            body["workflow"]["name"] = json!(job.order.workflow);
        } else {
            let target = &mut body["workflow_job"];
            fill_job(target, moment, job);
            fill_links(target, moment, job);
        }
        body.to_string()
    }

    /// A job as the REST API tells it.
    pub(crate) fn rest_job(&mut self, job: &Job) -> Value {
        let moment = Moment::present(job);
        let body = &mut self.template(moment.kind, job).body["workflow_job"];
        fill_job(body, &moment, job);
        fill_links(body, &moment, job);
        body.clone()
    }

    /// A run as the REST API tells it.
    pub(crate) fn rest_run(&mut self, job: &Job) -> Value {
        let body = &mut self.template(Kind::RunRequested, job).body["workflow_run"];
        let updated_at = job.history.completed_at.unwrap_or(job.history.ordered_at);
        fill_run(body, job, job.status(), job.history.conclusion.as_deref(), updated_at);
        body.clone()
    }

    /// The body of this kind and repository, to be filled in: what differs from job to job is still another's.
    fn template(&mut self, kind: Kind, job: &Job) -> &mut Template {
        let order = &job.order;
        let is_deployment = kind == Kind::JobQueued && order.needs_approval;
        let key = (kind, order.repository.clone(), order.public, is_deployment);
        self.made.entry(key).or_insert_with(|| {
            let mut body = make_over(kind, &order.repository, order.public);
            if kind == Kind::JobQueued && !is_deployment {
                body.as_object_mut().map(|body| body.remove("deployment"));
            }
            let rest = (self.is_brief && kind != Kind::RunRequested).then(|| rest_of(&body));
            Template { body, rest }
        })
    }
}

/// What this fleet reads beside the job, and what says whose webhook it is.
fn rest_of(body: &Value) -> String {
    const PARTS: &[&str] = &["action", "repository", "installation"];
    const OF_REPOSITORY: &[&str] =
        &["id", "name", "full_name", "private", "visibility", "owner", "html_url", "url"];
    let mut body = body.clone();
    keep(&mut body, |name| PARTS.contains(&name));
    keep(&mut body["repository"], |name| OF_REPOSITORY.contains(&name));
    keep(&mut body["repository"]["owner"], |name| name == "login");
    body.to_string().replacen('{', ",", 1)
}

fn keep(value: &mut Value, is_kept: impl Fn(&str) -> bool) {
    if let Some(parts) = value.as_object_mut() {
        parts.retain(|name, _| is_kept(name));
    }
}

/// Replaces the recorded repository and its owner by ours.
fn make_over(kind: Kind, repository: &Repository, public: bool) -> Value {
    let recorded: Value = serde_json::from_str(kind.recorded()).expect("the recorded bodies are JSON");
    let full_name = recorded["repository"]["full_name"].as_str().unwrap_or_default();
    let text = kind.recorded().replace(full_name, repository.as_str());
    let mut body: Value = serde_json::from_str(&text).expect("a repository's name needs no escape");
    let owner = repository.owner();
    fill_repository(&mut body["repository"], repository);
    body["repository"]["private"] = json!(!public);
    body["repository"]["visibility"] = json!(if public { "public" } else { "private" });
    body["organization"] = json!({
        "login": owner,
        "id": 33_435_655,
        "node_id": "MDEyOk9yZ2FuaXphdGlvbjMzNDM1NjU1",
        "url": format!("https://api.github.com/orgs/{owner}"),
        "repos_url": format!("https://api.github.com/orgs/{owner}/repos"),
        "events_url": format!("https://api.github.com/orgs/{owner}/events"),
        "hooks_url": format!("https://api.github.com/orgs/{owner}/hooks"),
        "issues_url": format!("https://api.github.com/orgs/{owner}/issues"),
        "members_url": format!("https://api.github.com/orgs/{owner}/members{{/member}}"),
        "public_members_url": format!("https://api.github.com/orgs/{owner}/public_members{{/member}}"),
        "avatar_url": "https://avatars.githubusercontent.com/u/33435655?v=4",
        "description": "",
    });
    body["installation"] =
        json!({ "id": INSTALLATION, "node_id": "MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9uNDI=" });
    body
}

fn fill_repository(target: &mut Value, repository: &Repository) {
    target["full_name"] = json!(repository.as_str());
    target["name"] = json!(repository.name());
    target["owner"]["login"] = json!(repository.owner());
    target["html_url"] = json!(format!("https://github.com/{repository}"));
    target["url"] = json!(format!("https://api.github.com/repos/{repository}"));
}

fn fill_run(run: &mut Value, job: &Job, status: &str, conclusion: Option<&str>, updated_at: Timestamp) {
    let repository = &job.order.repository;
    let head = job.order.head_repository.as_ref().unwrap_or(repository);
    let ordered_at = time(job.history.ordered_at);
    let api = format!("https://api.github.com/repos/{repository}/actions/runs/{}", job.run);
    run["id"] = json!(job.run);
    run["run_attempt"] = json!(job.attempt);
    run["name"] = json!(job.order.workflow);
    run["event"] = json!(if head == repository { "push" } else { "pull_request" });
    run["status"] = json!(status);
    run["conclusion"] = json!(conclusion);
    run["created_at"] = ordered_at.clone();
    run["run_started_at"] = ordered_at;
    run["updated_at"] = time(updated_at);
    run["html_url"] = json!(format!("https://github.com/{repository}/actions/runs/{}", job.run));
    for (key, end) in [
        ("url", ""),
        ("jobs_url", "/jobs"),
        ("logs_url", "/logs"),
        ("cancel_url", "/cancel"),
        ("rerun_url", "/rerun"),
        ("artifacts_url", "/artifacts"),
    ] {
        run[key] = json!(format!("{api}{end}"));
    }
    fill_repository(&mut run["repository"], repository);
    run["repository"]["private"] = json!(!job.order.public);
    fill_repository(&mut run["head_repository"], head);
}

fn fill_job(target: &mut Value, moment: &Moment, job: &Job) {
    let body = serde_json::to_value(JobBody::of(job, moment)).expect("a job is a plain structure");
    for (name, value) in body.as_object().into_iter().flatten() {
        target[name] = value.clone();
    }
}

/// Where a job's parts are, and its steps.
fn fill_links(target: &mut Value, moment: &Moment, job: &Job) {
    let api = format!("https://api.github.com/repos/{}", job.order.repository);
    target["head_branch"] = json!("main");
    target["url"] = json!(format!("{api}/actions/jobs/{}", job.id));
    target["run_url"] = json!(format!("{api}/actions/runs/{}", job.run));
    target["check_run_url"] = json!(format!("{api}/check-runs/{}", job.id));
    target["steps"] = match moment.started_at {
        None => json!([]),
        Some(at) => json!([{
            "name": "Set up job",
            "status": moment.kind.action(),
            "conclusion": moment.conclusion,
            "number": 1,
            "started_at": time(at),
            "completed_at": target["completed_at"],
        }]),
    };
}

/// A time as GitHub writes it: `2026-11-02T09:00:00Z`.
pub(crate) fn time(at: Timestamp) -> Value {
    json!(seconds(at))
}
