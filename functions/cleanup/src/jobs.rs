//! Jobs that wait without a word, whose runner is gone, or whose time is over.

use std::collections::BTreeSet;
use std::sync::Arc;

use fleetfoot_model::Timestamp;
use fleetfoot_model::base::Answer;
use fleetfoot_model::decide::retry;
use fleetfoot_model::events::{Fact, QueueCause};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::{BaseKey, RunnerName};
use fleetfoot_model::job::{Job, JobState, Waiting};
use fleetfoot_model::ledger::{self, Stored};
use fleetfoot_model::record::CleanupMemory;
use fleetfoot_model::runner::{Runner, RunnerState};

use crate::budget::{self, Part, Turns};
use crate::snapshot::Snapshot;
use crate::{Cleanup, MOST_REPAIRS};

/// What a run may still do.
struct Budget<'a> {
    repairs: usize,
    /// Questions to GitHub about single jobs. Only odd ones are asked about.
    requests: &'a mut budget::Budget,
    questions: Turns,
    /// One waiting job is enough to let the queue take its turns.
    woke_queue: bool,
    /// Bases that a job asks for again.
    asked_for: BTreeSet<BaseKey>,
    /// Whether a job waits for a limit that has passed.
    is_held_up: bool,
}

impl Cleanup {
    pub(crate) async fn jobs(
        &self,
        snapshot: &Snapshot,
        memory: &mut CleanupMemory,
        requests: &mut budget::Budget,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let questions = Turns::after(memory.jobs_asked_up_to);
        let mut budget = Budget {
            repairs: MOST_REPAIRS,
            requests,
            questions,
            woke_queue: false,
            asked_for: BTreeSet::new(),
            is_held_up: false,
        };
        let mut facts = Vec::new();
        let mut oldest_first: Vec<&Stored<Arc<Job>>> = snapshot.jobs.values().collect();
        oldest_first.sort_by_key(|row| row.value.description.created_at);
        for row in oldest_first {
            if budget.repairs == 0 {
                break;
            }
            let mended = self.examine_job(row, snapshot, &mut budget, now).await?;
            budget.repairs -= usize::from(!mended.is_empty());
            facts.extend(mended);
        }
        memory.jobs_asked_up_to = budget.questions.next();
        facts.extend(self.overdue_turn(snapshot, budget.is_held_up, now).await?);
        Ok(facts)
    }

    /// A pause whose turn was lost, or that lasted too long to be watched, is told of again.
    async fn overdue_turn(
        &self,
        snapshot: &Snapshot,
        is_held_up: bool,
        now: Timestamp,
    ) -> Result<Option<Fact>, FunctionError> {
        let is_paused = snapshot.pause.as_ref().is_some_and(|pause| pause.in_force(now).is_some());
        let is_overdue = snapshot.pause.as_ref().is_some_and(|pause| pause.is_overdue(now));
        if is_overdue || (is_held_up && !is_paused) {
            return Ok(Some(ledger::pause(&*self.ledger).await?.value.fact(now)));
        }
        Ok(None)
    }

    async fn examine_job(
        &self,
        row: &Stored<Arc<Job>>,
        snapshot: &Snapshot,
        budget: &mut Budget<'_>,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        if let Some(reason) = self.overdue(&row.value, now) {
            return self.expire(row.clone().owned(), &reason, now).await;
        }
        match &row.value.state {
            JobState::Queued { runner: None, waiting } => {
                self.examine_waiting_job(row, waiting.as_ref(), budget, now).await
            }
            JobState::Queued { runner: Some(name), .. } => {
                self.examine_launched(row, snapshot.runner(name), budget, now).await
            }
            JobState::Running { runner, since } => {
                let ours =
                    runner.parse::<RunnerName>().ok().filter(|name| name.belongs_to(&self.config.fleet));
                let is_live =
                    ours.as_ref().is_none_or(|name| snapshot.runner(name).is_some_and(Runner::is_live));
                let quiet = now > row.value.changed_at.max(*since) + self.config.timeouts.grace;
                if is_live || !quiet {
                    return Ok(Vec::new());
                }
                Ok(self.ask(&row.value, budget).await.unwrap_or_default())
            }
            _ => Ok(Vec::new()),
        }
    }

    fn overdue(&self, job: &Job, now: Timestamp) -> Option<String> {
        let (since, most, what) = match &job.state {
            JobState::Queued { .. } => (job.description.created_at, self.config.timeouts.queued, "queued"),
            JobState::Running { since, .. } => (*since, self.config.timeouts.running, "running"),
            _ => return None,
        };
        let hours = most.as_hours();
        (now > since + most)
            .then(|| format!("it was {what} for more than {hours} hours; GitHub gives such jobs up"))
    }

    async fn expire(
        &self,
        mut row: Stored<Job>,
        reason: &str,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        row.value.expire(reason, now);
        row.value.show_failure(&self.config, now);
        let fact = row.value.expired(reason);
        ledger::put(&*self.ledger, row).await?;
        Ok(vec![fact])
    }

    async fn examine_waiting_job(
        &self,
        row: &Stored<Arc<Job>>,
        waiting: Option<&Waiting>,
        budget: &mut Budget<'_>,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let quiet = now > row.value.changed_at + self.config.timeouts.grace;
        let try_again = match waiting {
            None => quiet,
            Some(Waiting::Capacity { .. }) => !std::mem::replace(&mut budget.woke_queue, true),
            Some(Waiting::Throttled { until, .. }) => {
                budget.is_held_up |= *until <= now;
                false
            }
            // It may have ended without a word here, and runners that fail are launched for nothing.
            Some(Waiting::Backoff { until, .. }) if *until <= now => {
                let told = self.ask(&row.value, budget).await.unwrap_or_default();
                if !told.is_empty() {
                    return Ok(told);
                }
                true
            }
            Some(Waiting::Backoff { .. }) => false,
            Some(Waiting::Image { key }) => {
                let base = ledger::base(&*self.ledger, key).await?;
                let answer = base.map_or(Answer::Ask, |row| row.value.answer(now));
                quiet
                    && match answer {
                        Answer::Wait => false,
                        // One asks for all: whatever comes of it is told to each.
                        Answer::Ask => budget.asked_for.insert(key.clone()),
                        Answer::Ready(_) | Answer::Refused(_) => true,
                    }
            }
        };
        let cause = if waiting.is_some() { QueueCause::Retry } else { QueueCause::Recovered };
        Ok(try_again.then(|| row.value.queued_again(cause)).into_iter().collect())
    }

    /// A queued job with a runner: is the runner still there, and if it is up, why has it not got the job?
    async fn examine_launched(
        &self,
        row: &Stored<Arc<Job>>,
        runner: Option<&Runner>,
        budget: &mut Budget<'_>,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let timeouts = &self.config.timeouts;
        let quiet_for = now.duration_since(row.value.changed_at);
        match runner {
            Some(runner) if runner.is_available() && runner.job == Some(row.value.id()) => match runner.state
            {
                RunnerState::Reserved if runner.task.is_none() && quiet_for > timeouts.grace => {
                    Ok(vec![row.value.queued_again(QueueCause::Recovered)])
                }
                RunnerState::Registered if now > runner.changed_at + timeouts.lost => {
                    Ok(self.ask(&row.value, budget).await.unwrap_or_default())
                }
                _ => Ok(Vec::new()),
            },
            _ if quiet_for <= timeouts.grace => Ok(Vec::new()),
            _ => self.replace_lost(row, budget, now).await,
        }
    }

    /// Its runner is gone or has something else to do. GitHub is asked before another one is launched.
    async fn replace_lost(
        &self,
        row: &Stored<Arc<Job>>,
        budget: &mut Budget<'_>,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        if self.has_just_ended(row.value.runner(), now).await? {
            return Ok(Vec::new());
        }
        let Some(told) = self.ask(&row.value, budget).await else { return Ok(Vec::new()) };
        if !told.is_empty() {
            return Ok(told);
        }
        let mut row = row.clone().owned();
        let fact = retry::after_failure(&mut row.value, "is gone without a word", &self.config, now);
        ledger::put(&*self.ledger, row).await?;
        Ok(vec![fact])
    }

    /// Whether the fleet's word of why the runner ended may still be on its way to `task-state`.
    async fn has_just_ended(
        &self,
        runner: Option<&RunnerName>,
        now: Timestamp,
    ) -> Result<bool, FunctionError> {
        let Some(name) = runner else { return Ok(false) };
        let row = ledger::runner(&*self.ledger, name).await?;
        Ok(row.is_some_and(|row| now <= row.value.changed_at + self.config.timeouts.grace))
    }

    /// What a lost webhook would have told of a job, if it has left the queue. None if GitHub gave no answer or was not
    /// asked: that must not hold up the other jobs.
    async fn ask(&self, job: &Job, budget: &mut Budget<'_>) -> Option<Vec<Fact>> {
        if !budget.questions.has_turn(job.id()) {
            return None;
        }
        let may_ask = budget.requests.ask(Part::Jobs, 1);
        budget.questions.asked(job.id(), may_ask);
        if !may_ask {
            return None;
        }
        match self.github.job(&job.description.repository, job.id()).await {
            Ok(report) => Some(report.fact().filter(|fact| is_news(job, fact)).into_iter().collect()),
            Err(error) => {
                tracing::warn!(job.id = %job.id(), %error, "how a job stands cannot be asked now");
                budget.requests.heed(&error);
                None
            }
        }
    }
}

fn is_news(job: &Job, fact: &Fact) -> bool {
    match fact {
        Fact::JobStarted(_) => job.is_queued(),
        _ => true,
    }
}
