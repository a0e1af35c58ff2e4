//! The ledger's rows, kept as a second set of books: brief, and up to date with each write.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use fleetfoot_model::Timestamp;
use fleetfoot_model::config::Config;
use fleetfoot_model::counter::Counter;
use fleetfoot_model::ids::{JobId, RunnerName};
use fleetfoot_model::job::{Job, JobState, Waiting};
use fleetfoot_model::ledger::Stored;
use fleetfoot_model::record::Record;
use fleetfoot_model::runner::{Runner, RunnerState};
use rustc_hash::FxHashMap;

use super::Found;
use crate::watch::{Happening, Watch};

/// A live runner.
pub(super) struct Live {
    state: u8,
    job: Option<JobId>,
    pub(super) counters: Vec<Counter>,
    /// Whether it is a pool's and waits.
    pub(super) is_warm: bool,
}

pub(crate) struct Books {
    config: Arc<Config>,
    pub(super) found: Found,
    pub(super) live: FxHashMap<RunnerName, Live>,
    /// Runners that stopped. Of each that is enough.
    stopped: HashSet<RunnerName>,
    /// Runners that stopped and that GitHub may still know.
    pub(super) unsettled: BTreeSet<RunnerName>,
    meant: BTreeMap<JobId, BTreeSet<RunnerName>>,
    /// Jobs that a runner has just been meant for.
    to_judge: Vec<JobId>,
    counts: BTreeMap<Counter, u64>,
    jobs: FxHashMap<JobId, u8>,
    /// Jobs that have not ended, or of which GitHub is still to be asked or told something.
    pub(super) open_jobs: BTreeSet<JobId>,
    given: FxHashMap<RunnerName, u32>,
    pub(super) agents_up: u64,
    pub(super) registered: u64,
    /// Calls after which nobody knew what came of them.
    pub(super) unanswered: u64,
    pub(super) died: u64,
    pub(super) replaced: u64,
    /// Whether any job had to wait for a limit or an image.
    pub(super) is_held_up: bool,
}

impl Books {
    pub(super) fn new(config: Arc<Config>) -> Self {
        Self {
            config,
            found: Found::default(),
            live: FxHashMap::default(),
            stopped: HashSet::new(),
            unsettled: BTreeSet::new(),
            meant: BTreeMap::new(),
            to_judge: Vec::new(),
            counts: BTreeMap::new(),
            jobs: FxHashMap::default(),
            open_jobs: BTreeSet::new(),
            given: FxHashMap::default(),
            agents_up: 0,
            registered: 0,
            unanswered: 0,
            died: 0,
            replaced: 0,
            is_held_up: false,
        }
    }

    /// What becomes of the fleet after that is judged anew; what GitHub and the fleet gave is not forgotten.
    fn lose(&mut self) {
        self.live.clear();
        self.stopped.clear();
        self.unsettled.clear();
        self.meant.clear();
        self.counts.clear();
        self.jobs.clear();
        self.open_jobs.clear();
    }

    fn job_written(&mut self, now: Timestamp, job: &Job) {
        let id = job.id();
        if job.is_unsettled() {
            self.open_jobs.insert(id)
        } else {
            self.open_jobs.remove(&id)
        };
        self.is_held_up |= job.waiting().is_some_and(|waiting| !matches!(waiting, Waiting::Backoff { .. }));
        let state = stage(&job.state);
        let before = self.jobs.insert(id, state).unwrap_or(0);
        // What was given up here may start at GitHub all the same.
        let is_back = state < before && !(before == GIVEN_UP && state == RUNNING);
        if is_back {
            let what = format!("job {id} went back to {:?}", job.state);
            if let Some(violation) = self.found.add("states-move-forward", now, what) {
                violation.job = Some(id);
            }
        }
    }

    fn runner_written(&mut self, now: Timestamp, runner: &Runner) {
        let name = &runner.name;
        let state = rank(&runner.state);
        let before = self.live.get(name).map(|live| live.state);
        if self.stopped.contains(name) && runner.is_live() || before.is_some_and(|before| state < before) {
            let what = format!("runner {name} went back to {}", runner.state.name());
            if let Some(violation) = self.found.add("states-move-forward", now, what) {
                violation.runner = Some(name.clone());
            }
        }
        if runner.is_settled() {
            self.unsettled.remove(name)
        } else {
            runner.is_live() || self.unsettled.insert(name.clone())
        };
        let old = self.live.remove(name);
        if old.is_none() && !self.stopped.contains(name) {
            self.count(now, &runner.counters, true);
        }
        let (was_for, is_for) = (old.and_then(|old| old.job), runner.job.filter(|_| runner.is_live()));
        if was_for != is_for {
            was_for.inspect(|job| self.mean(*job, name, false));
            is_for.inspect(|job| self.mean(*job, name, true));
        }
        if !runner.is_live() {
            if self.stopped.insert(name.clone()) {
                self.count(now, &runner.counters, false);
            }
            return;
        }
        let is_warm = runner.pool.is_some() && runner.is_free();
        let (job, counters) = (runner.job, runner.counters.clone());
        self.live.insert(name.clone(), Live { state, job, counters, is_warm });
    }

    pub(super) fn warm(&self) -> usize {
        self.live.values().filter(|live| live.is_warm).count()
    }

    fn mean(&mut self, job: JobId, runner: &RunnerName, is_meant: bool) {
        let meant = self.meant.entry(job).or_default();
        if is_meant {
            meant.insert(runner.clone());
            self.to_judge.push(job);
            return;
        }
        meant.remove(runner);
        if meant.is_empty() {
            self.meant.remove(&job);
        }
    }

    /// What is written at once is judged when all of it is written.
    fn written(&mut self, now: Timestamp, rows: &[Stored<Record>]) {
        for row in rows {
            match &row.value {
                Record::Job(job) => self.job_written(now, job),
                Record::Runner(runner) => self.runner_written(now, runner),
                Record::Pause(_) => self.is_held_up = true,
                _ => {}
            }
        }
        for job in std::mem::take(&mut self.to_judge) {
            let Some(meant) = self.meant.get(&job).filter(|meant| meant.len() > 1) else { continue };
            let what = format!("job {job} has live runners {meant:?}");
            if let Some(violation) = self.found.add("one-runner-per-job", now, what) {
                violation.job = Some(job);
            }
        }
    }

    fn count(&mut self, now: Timestamp, counters: &[Counter], up: bool) {
        for counter in counters {
            let count = self.counts.entry(counter.clone()).or_default();
            *count = if up { *count + 1 } else { count.saturating_sub(1) };
            let limits = &self.config.limits;
            let most = match counter {
                Counter::Runners => Some(limits.runners),
                Counter::ClassRunners(class) => {
                    self.config.classes.get(class).and_then(|class| class.runners)
                }
                Counter::RepositoryRunners(_) => limits.runners_per_repository,
                Counter::RepositoryBuilds(_) => Some(limits.builds_per_repository),
                Counter::Replacements(_) | Counter::Launches(_) => None,
            };
            if let Some(most) = most.filter(|most| up && *count > *most) {
                let what = format!("{count} {counter}, {most} are allowed");
                self.found.add("limits-hold", now, what);
            }
        }
    }
}

const RUNNING: u8 = 1;
const GIVEN_UP: u8 = 2;

fn stage(state: &JobState) -> u8 {
    match state {
        JobState::Queued { .. } => 0,
        JobState::Running { .. } => RUNNING,
        JobState::Rejected { .. } | JobState::Expired { .. } => GIVEN_UP,
        JobState::Finished { .. } => 3,
    }
}

fn rank(state: &RunnerState) -> u8 {
    match state {
        RunnerState::Reserved => 0,
        RunnerState::Launched => 1,
        RunnerState::Registered => 2,
        RunnerState::Busy(_) => 3,
        RunnerState::Stopped(_) => 4,
    }
}

impl Watch for Books {
    fn happened(&mut self, now: Timestamp, what: &Happening<'_>) {
        match what {
            Happening::Written(rows) => self.written(now, rows),
            Happening::Lost => self.lose(),
            Happening::Stopped(runner, Some(job)) => {
                let what = format!("runner {runner} was stopped while it had job {job}");
                if let Some(violation) = self.found.add("busy-runners-live", now, what) {
                    violation.job = Some(*job);
                    violation.runner = Some((*runner).clone());
                }
            }
            Happening::AgentUp(_) => self.agents_up += 1,
            Happening::Registered(_, Ok(_)) => self.registered += 1,
            Happening::Registered(_, Err(_)) => self.unanswered += 1,
            Happening::Died => self.died += 1,
            Happening::ConfigurationGiven(runner, _) => {
                let given = self.given.entry((*runner).clone()).or_default();
                *given += 1;
                if *given > 1 {
                    let what = format!("runner {runner} was given {given} configurations");
                    if let Some(violation) = self.found.add("one-configuration-per-task", now, what) {
                        violation.runner = Some((*runner).clone());
                    }
                }
            }
            Happening::Published(event) if event.envelope.detail_type == "RunnerBusy" => {
                self.replaced += u64::from(event.envelope.detail.get("takenFrom").is_some());
            }
            _ => {}
        }
    }
}
