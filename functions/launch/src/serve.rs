//! One job: from what it is to what becomes of it.

use fleetfoot_model::Timestamp;
use fleetfoot_model::counter::{BREAKER_WINDOW_SECONDS, Counter};
use fleetfoot_model::decide::{matching, pace, retry};
use fleetfoot_model::events::{BreakerOpened, Fact, JobMatched, LaunchFailed};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::RunnerName;
use fleetfoot_model::job::{Job, Waiting};
use fleetfoot_model::labels;
use fleetfoot_model::ledger::{self, Stored};
use fleetfoot_model::pause::TURN;
use fleetfoot_model::ports::{FleetError, TaskImage};
use fleetfoot_model::runner::{Registration, Reservation, Runner};
use fleetfoot_model::spec::Spec;

use crate::Launch;
use crate::assess::{Assessment, ImageAnswer, image_requested};
use crate::queue::Others;
use crate::start::{Manner, Started, Wait, launched_fact};

/// What became of a job.
pub(crate) struct Served {
    /// What to tell.
    pub(crate) facts: Vec<Fact>,
    /// Whether the fleet is full or an API's limit is used up, so that trying further jobs is pointless.
    pub(crate) none_can_be_launched: bool,
}

impl From<Vec<Fact>> for Served {
    fn from(facts: Vec<Fact>) -> Self {
        Self { facts, none_can_be_launched: false }
    }
}

impl Launch {
    /// Serves a queued job that has no runner: with one of the free runners, or with a new one.
    pub(crate) async fn serve(
        &self,
        mut job: Stored<Job>,
        others: &Others<'_>,
        now: Timestamp,
    ) -> Result<Served, FunctionError> {
        if let Some(waiting @ Waiting::Backoff { .. }) = job.value.waiting()
            && !waiting.is_over(now)
        {
            return Ok(vec![job.value.deferred(waiting.clone())].into());
        }
        let spec = match self.assess(&job.value.description, now).await? {
            Assessment::Foreign => return Ok(Vec::new().into()),
            Assessment::Refused(reason) => return Ok(self.reject(job, &reason, now).await?.into()),
            Assessment::Waits(waiting) => return Ok(self.defer(job, waiting, now).await?.into()),
            Assessment::Served(spec) => spec,
        };
        job.value.spec = Some(spec.clone());
        let scope = self.config.github.target.scope_of(&job.value.description.repository);
        if let Some(runner) =
            others.runners.iter().find(|row| row.value.suits(&scope, &job.value.description.labels))
        {
            return Ok(self.pair(job, runner.clone().owned(), now).await?.into());
        }
        let request = image_requested(&spec, Some(&job.value.description.repository));
        let (key, requested) = match self.image(&spec, now).await? {
            ImageAnswer::Ready { image, is_due } => {
                if let Some(waiting) = self.has_to_wait(&job.value, &spec, others, now) {
                    return Ok(self.defer(job, waiting, now).await?.into());
                }
                let mut served = self.launch(job, spec, image, others.has_waited, now).await?;
                served.facts.extend(request.filter(|_| is_due));
                return Ok(served);
            }
            ImageAnswer::Failed(reason) => return Ok(self.reject(job, &reason, now).await?.into()),
            ImageAnswer::Making(key) => (key, None),
            ImageAnswer::Missing(key) => (key, request),
        };
        let mut facts = self.defer(job, Waiting::Image { key }, now).await?;
        facts.extend(requested);
        Ok(facts.into())
    }

    /// For what a job waits before a task is asked for: a limit that is used up, or that others wait for already, or its
    /// turn after others took its runners. One that waits already has had that longer wait.
    fn has_to_wait(&self, job: &Job, spec: &Spec, others: &Others<'_>, now: Timestamp) -> Option<Waiting> {
        let held_up = job
            .waiting()
            .filter(|waiting| matches!(waiting, Waiting::Throttled { .. }) && !waiting.is_over(now));
        if let Some(waiting) = others.paused.as_ref().or(held_up) {
            return Some(waiting.clone());
        }
        let counters = self.counters(spec, Some(&job.description.repository));
        let limits = counters.iter().map(|(counter, limit)| Waiting::capacity(counter, *limit));
        let full = limits.into_iter().find(|limit| others.before.contains(&limit));
        full.or_else(|| {
            let waits_first = job.waiting().is_none();
            waits_first.then(|| retry::after_takeovers(job, &self.config, now)).flatten()
        })
    }

    /// A runner is there already, warm or left over: it is meant for this job now.
    async fn pair(
        &self,
        mut job: Stored<Job>,
        mut runner: Stored<Runner>,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let fact = matching::pair(&mut job.value, &mut runner.value, "a free runner suits it", now);
        self.ledger.commit(vec![ledger::change(job), ledger::change(runner)]).await?;
        Ok(vec![fact])
    }

    async fn launch(
        &self,
        job: Stored<Job>,
        spec: Spec,
        image: Option<TaskImage>,
        has_waited: bool,
        now: Timestamp,
    ) -> Result<Served, FunctionError> {
        let attempts = self.config.limits.launch_attempts;
        if job.value.failures >= attempts {
            let reason = format!(
                "{attempts} runners were launched for it and none could run it; the last: {}",
                last_words(&job.value)
            );
            return Ok(self.reject(job, &reason, now).await?.into());
        }
        let before = job.clone();
        let (job, reservation, mut limits) = self.reservation(job, spec, now);
        limits.extend((!has_waited).then(|| self.burst(now)));
        let (name, failures) = (reservation.name.clone(), job.value.failures);
        let manner = Manner { image, failures, wait: Wait::of(&before.value) };
        match self.start(reservation, limits, vec![ledger::change(job)], manner, now).await? {
            Started::Launched(fact) => Ok(vec![fact].into()),
            Started::Full { counter: Counter::Replacements(window), limit } => {
                Ok(self.breaker_open(before, window, limit, now).await?.into())
            }
            Started::Full { counter: Counter::Launches(_), limit } => {
                let (until, reason) = (now + TURN, pace::reason(limit));
                let mut facts: Vec<Fact> = self.pause(until, &reason, now).await?.into_iter().collect();
                facts.extend(self.defer(before, Waiting::Throttled { until, reason }, now).await?);
                Ok(Served { facts, none_can_be_launched: true })
            }
            Started::Full { counter, limit } => {
                let facts = self.defer(before, Waiting::capacity(&counter, limit), now).await?;
                Ok(Served { facts, none_can_be_launched: counter == Counter::Runners })
            }
            Started::Refused(error) => {
                let none_can_be_launched = matches!(error, FleetError::Throttled { .. });
                let facts = self.refused(&name, before.value.id(), error, now).await?;
                Ok(Served { facts, none_can_be_launched })
            }
        }
    }

    fn reservation(
        &self,
        mut job: Stored<Job>,
        spec: Spec,
        now: Timestamp,
    ) -> (Stored<Job>, Reservation, Vec<(Counter, u64)>) {
        job.value.launches += 1;
        let description = &job.value.description;
        let mut limits = self.counters(&spec, Some(&description.repository));
        let reservation = Reservation {
            name: RunnerName::for_job(&self.config.fleet, description.id, job.value.launches),
            pool: None,
            job: Some(description.id),
            scope: self.config.github.target.scope_of(&description.repository),
            labels: labels::of_runner(&description.labels, &spec),
            spec,
            counters: limits.iter().map(|(counter, _)| counter.clone()).collect(),
            register_by: now + self.config.timeouts.register,
        };
        // A launch that was only throttled replaces nothing.
        if job.value.failures + job.value.replacements > 0 {
            limits.push((Counter::replacements_at(now), self.config.limits.replacements));
        }
        job.value.assign(&reservation.name, now, "capacity is taken");
        (job, reservation, limits)
    }

    /// A job that has a runner: goes on with a reservation, or tells again what was told.
    pub(crate) async fn repeat(
        &self,
        job: Stored<Job>,
        name: &RunnerName,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let id = job.value.id();
        let Some(runner) =
            ledger::runner(&*self.ledger, name).await?.map(|row| row.value).filter(Runner::is_available)
        else {
            return self.forget_runner(job, now).await;
        };
        let image = match self.image(&runner.spec, now).await? {
            ImageAnswer::Ready { image, .. } => image,
            _ => None,
        };
        let launched_for_it =
            matches!(name.origin(), fleetfoot_model::ids::Origin::Job { job, .. } if job == id);
        match &runner.task {
            _ if !launched_for_it => Ok(vec![JobMatched { job: id, runner: name.clone() }.into()]),
            Some(task) => Ok(vec![launched_fact(&runner, task.clone(), Wait::of(&job.value))]),
            // Up and registered before the answer to RunTask was written down.
            None if runner.registration != Registration::None => Ok(Vec::new()),
            None => {
                let manner = Manner { image, failures: job.value.failures, wait: Wait::of(&job.value) };
                match self.resume(&runner, manner, now).await? {
                    Started::Launched(fact) => Ok(vec![fact]),
                    Started::Full { .. } => Ok(Vec::new()),
                    Started::Refused(error) => self.refused(name, id, error, now).await,
                }
            }
        }
    }

    /// The runner is busy with something else, let go or gone; what tells the job so has not arrived.
    async fn forget_runner(&self, mut job: Stored<Job>, now: Timestamp) -> Result<Vec<Fact>, FunctionError> {
        job.value.unassign(None, now, "its runner is not available any more");
        ledger::put(&*self.ledger, job).await?;
        Err(FunctionError::Conflict("the job lost its runner in the meantime".to_owned()))
    }

    /// The fleet refused a task: the capacity is given back, and the job waits or is given up.
    async fn refused(
        &self,
        name: &RunnerName,
        id: fleetfoot_model::ids::JobId,
        error: FleetError,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let reason = error.to_string();
        let for_good = matches!(error, FleetError::Impossible(_));
        let Some(mut job) = ledger::job(&*self.ledger, id).await? else { return Ok(Vec::new()) };
        if job.value.runner() != Some(name) {
            // Refused twice, and the job was seen to after the first time: it may have another runner by now.
            self.abandon(name, &reason, &[], now).await?;
            return Ok(vec![LaunchFailed { runner: name.clone(), job: Some(id), reason, for_good }.into()]);
        }
        let becomes_of_job = match error {
            FleetError::Throttled { until, reason } => {
                return self.throttled(job, name, until, reason, now).await;
            }
            FleetError::Impossible(reason) => {
                let fact = job.value.rejected(&reason);
                job.value.reject(&reason, now);
                job.value.show_failure(&self.config, now);
                fact
            }
            _ => retry::after_failure(
                &mut job.value,
                &format!("could not be launched: {reason}"),
                &self.config,
                now,
            ),
        };
        self.abandon(name, &reason, &[ledger::change(job)], now).await?;
        Ok(vec![
            LaunchFailed { runner: name.clone(), job: Some(id), reason, for_good }.into(),
            becomes_of_job,
        ])
    }

    /// The fleet's limit is used up: the capacity is given back, and whoever comes next waits without asking.
    async fn throttled(
        &self,
        mut job: Stored<Job>,
        name: &RunnerName,
        until: Timestamp,
        reason: String,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let words = format!("throttled: {reason}");
        let mut facts: Vec<Fact> = self.pause(until, &reason, now).await?.into_iter().collect();
        facts.push(job.value.defer(Waiting::Throttled { until, reason }, now));
        self.abandon(name, &words, &[ledger::change(job)], now).await?;
        Ok(facts)
    }

    /// Too many runners had to be replaced; those that replace wait for the next window.
    async fn breaker_open(
        &self,
        job: Stored<Job>,
        window: i64,
        limit: u64,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let until = Timestamp::from_second(window + BREAKER_WINDOW_SECONDS).unwrap_or(now);
        let reason =
            format!("{limit} runners had to be replaced within ten minutes; something is wrong with them");
        let mut facts = self.defer(job, Waiting::Backoff { until, reason }, now).await?;
        facts.push(BreakerOpened { limit, until }.into());
        Ok(facts)
    }

    pub(crate) async fn reject(
        &self,
        mut job: Stored<Job>,
        reason: &str,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let fact = job.value.rejected(reason);
        job.value.reject(reason, now);
        job.value.show_failure(&self.config, now);
        ledger::put(&*self.ledger, job).await?;
        Ok(vec![fact])
    }

    pub(crate) async fn defer(
        &self,
        mut job: Stored<Job>,
        waiting: Waiting,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let fact = job.value.deferred(waiting.clone());
        if job.value.wait(waiting, now) {
            ledger::put(&*self.ledger, job).await?;
        }
        Ok(vec![fact])
    }
}

fn last_words(job: &Job) -> String {
    job.timeline.steps().last().map_or_else(String::new, |step| step.what.clone())
}
