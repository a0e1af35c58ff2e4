//! A job in a line.

use std::collections::{BTreeMap, HashMap};

use fleetfoot_model::Timestamp;
use fleetfoot_model::decide::fairness;
use fleetfoot_model::ids::{JobId, Repository};
use fleetfoot_model::job::{Job, JobState, Waiting};
use fleetfoot_model::price::usd;
use fleetfoot_model::runner::Runner;
use serde::Serialize;

use super::MOST_SHOWN;
use super::lines::{brief, page};
use super::rows::Rows;
use super::wait::Wait;
use crate::view;

/// The most labels of a job in a line.
const MOST_LABELS: usize = 16;

/// Where a job is, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum JobPhase {
    /// Queued, without a runner.
    Waiting,
    /// Queued; its runner is on its way.
    Starting,
    /// GitHub gave it to a runner.
    Running,
    /// Ended with the conclusion `success`.
    Succeeded,
    /// Ended with the conclusion `failure`, `timed_out` or `startup_failure`.
    Failed,
    /// Ended with any other: `cancelled`, `skipped`, ...
    Ended,
    /// Will get no runner.
    Rejected,
    /// Given up after its time.
    Expired,
}

impl JobPhase {
    /// The phase of a job.
    pub fn of(job: &Job) -> Self {
        match &job.state {
            JobState::Queued { runner: None, .. } => Self::Waiting,
            JobState::Queued { .. } => Self::Starting,
            JobState::Running { .. } => Self::Running,
            JobState::Finished { conclusion, .. } => match conclusion.as_str() {
                "success" => Self::Succeeded,
                "failure" | "timed_out" | "startup_failure" => Self::Failed,
                _ => Self::Ended,
            },
            JobState::Rejected { .. } => Self::Rejected,
            JobState::Expired { .. } => Self::Expired,
        }
    }

    /// One word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Ended => "ended",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobLine {
    /// GitHub's id of it.
    pub id: JobId,
    /// Where it belongs.
    pub repository: Repository,
    /// Its workflow's name, cut to 200 characters; empty if it is not known.
    pub workflow: String,
    /// Its name, cut likewise.
    pub name: String,
    /// The first 16 of its labels, each cut likewise.
    pub labels: Vec<String>,
    /// Its page at GitHub, if that is an `https` address.
    pub page: Option<String>,
    /// `queued`, `running`, `finished`, `rejected` or `expired`.
    pub state: &'static str,
    /// The same in more detail.
    pub phase: JobPhase,
    /// Its class, once its labels were read.
    pub class: Option<String>,
    /// Why it was rejected or given up.
    pub reason: Option<String>,
    /// On what it waits, while it is queued.
    pub wait: Option<Wait>,
    /// Its place in the line of those that wait for capacity, from 1.
    pub turn: Option<usize>,
    /// The runner that is meant for it, has it or had it.
    pub runner: Option<String>,
    /// GitHub's word: `success`, `failure`, `cancelled`, ...
    pub conclusion: Option<String>,
    /// When GitHub created it.
    pub created_at: Timestamp,
    /// When it started, if it did.
    pub started_at: Option<Timestamp>,
    /// When it ended, if it did.
    pub ended_at: Option<Timestamp>,
    /// When its state last changed.
    pub changed_at: Timestamp,
    /// List price of its runner's time, once that stopped.
    pub cost_usd: Option<f64>,
}

/// The jobs that are shown.
pub(super) fn lines(rows: &Rows<'_>, now: Timestamp) -> Vec<JobLine> {
    let runners: HashMap<&str, &Runner> = rows.runners().map(|it| (it.name.as_str(), it)).collect();
    let turns = turns(rows, now);
    let ended = rows.ended_jobs.iter().take(MOST_SHOWN);
    rows.open_jobs
        .iter()
        .chain(ended)
        .map(|job| {
            let runner = view::runner_of(&job.state).and_then(|name| runners.get(name)).copied();
            JobLine { turn: turns.get(&job.id()).copied(), ..line(job, runner) }
        })
        .collect()
}

pub(super) fn line(job: &Job, runner: Option<&Runner>) -> JobLine {
    let description = &job.description;
    let conclusion = match &job.state {
        JobState::Finished { conclusion, .. } => Some(brief(conclusion)),
        _ => None,
    };
    let is_own = |runner: &&Runner| runner.job == Some(job.id());
    JobLine {
        id: job.id(),
        repository: description.repository.clone(),
        workflow: brief(&description.workflow),
        name: brief(&description.name),
        labels: description.labels.iter().take(MOST_LABELS).map(|label| brief(label.as_str())).collect(),
        page: page(&description.html_url),
        state: view::state_name(&job.state),
        phase: JobPhase::of(job),
        class: job.spec.as_ref().map(|spec| spec.class.to_string()),
        reason: view::reason(&job.state).map(brief),
        wait: Wait::of(job, runner),
        turn: None,
        runner: view::runner_of(&job.state).map(brief),
        conclusion,
        created_at: description.created_at,
        started_at: job.started_at,
        ended_at: job.ended_at(),
        changed_at: job.changed_at,
        cost_usd: runner.filter(is_own).and_then(|runner| runner.cost_micro_usd).map(usd),
    }
}

/// The places of those that wait for capacity, by the rule that `launch` follows.
fn turns(rows: &Rows<'_>, now: Timestamp) -> HashMap<JobId, usize> {
    let mut live: BTreeMap<Repository, u64> = BTreeMap::new();
    for runner in rows.open_runners.iter().filter(|runner| runner.is_live()) {
        if let Some(repository) = rows.repository_of(runner) {
            *live.entry(repository.clone()).or_default() += 1;
        }
    }
    let in_line = |job: &&&Job| matches!(job.waiting(), Some(Waiting::Capacity { .. }));
    let order = fairness::order(rows.open_jobs.iter().filter(in_line).copied(), &live, now);
    order.into_iter().zip(1..).collect()
}
