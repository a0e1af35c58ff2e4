//! The queue: new jobs, and waiting ones whose turn has come.

use std::collections::BTreeMap;
use std::sync::Arc;

use fleetfoot_model::Timestamp;
use fleetfoot_model::counter::Counter;
use fleetfoot_model::decide::fairness;
use fleetfoot_model::events::{Fact, JobQueued, QueueCause};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::{BaseKey, JobId, Repository};
use fleetfoot_model::job::{Heard, Job, JobState, Waiting};
use fleetfoot_model::ledger::{self, Stored};
use fleetfoot_model::pause::Pause;
use fleetfoot_model::record::Record;
use fleetfoot_model::runner::Runner;
use rustc_hash::FxHashSet;

use crate::Launch;

/// What a job finds when it comes.
#[derive(Default)]
pub(crate) struct Others<'a> {
    /// Those without a job.
    pub(crate) runners: &'a [Stored<Arc<Runner>>],
    /// What a launch has to wait for, if launches are paused.
    pub(crate) paused: Option<Waiting>,
    /// What those that came before it wait for.
    pub(crate) before: Vec<&'a Waiting>,
    /// Whether it has waited for its turn: the pace is kept already.
    pub(crate) has_waited: bool,
}

impl<'a> Others<'a> {
    fn of(unmatched: &'a Unmatched, now: Timestamp) -> Self {
        let before = unmatched.jobs.iter().filter_map(|job| job.value.waiting()).collect();
        Self { runners: &unmatched.runners, paused: unmatched.paused(now), before, has_waited: false }
    }

    fn only_runners(unmatched: &'a Unmatched) -> Self {
        Self { runners: &unmatched.runners, has_waited: true, ..Self::default() }
    }
}

/// The most jobs that one event may serve; those after them are served by the next event or by `cleanup`.
const MOST_AT_ONCE: usize = 10;

/// What looks for a partner.
#[derive(Default)]
pub(crate) struct Unmatched {
    pub(crate) jobs: Vec<Stored<Arc<Job>>>,
    pub(crate) runners: Vec<Stored<Arc<Runner>>>,
    pub(crate) pause: Option<Pause>,
}

impl Unmatched {
    fn read(rows: Vec<Stored<Record>>) -> Self {
        let mut unmatched = Self::default();
        for Stored { value, version } in rows {
            match value {
                Record::Job(value) => unmatched.jobs.push(Stored { value, version }),
                Record::Runner(value) => unmatched.runners.push(Stored { value, version }),
                Record::Pause(pause) => unmatched.pause = Some(pause),
                _ => {}
            }
        }
        // Those that are up serve a job sooner.
        unmatched.runners.sort_by_key(|row| row.value.github_id.is_none());
        unmatched
    }

    /// What a new launch has to wait for, if launches are paused.
    pub(crate) fn paused(&self, now: Timestamp) -> Option<Waiting> {
        let pause = self.pause.as_ref()?;
        pause.in_force(now).map(|until| Waiting::Throttled { until, reason: pause.reason.clone() })
    }
}

impl Launch {
    pub(crate) async fn job_queued(
        &self,
        event: JobQueued,
        heard: Option<Heard>,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let (id, cause) = (event.job.id, event.cause);
        let mut unmatched = Unmatched::read(ledger::first_unmatched(&*self.ledger).await?);
        unmatched.jobs.retain(|other| other.value.id() != id && waits_for_capacity(&other.value, now));
        let others = Others::of(&unmatched, now);
        if cause == QueueCause::Webhook {
            // Nearly every job is told of for the first time: it is served as if it were, and the condition on its first
            // write says if it was not. That saves each job a read.
            match self.serve(heard_of(event.clone(), heard.clone(), now), &others, now).await {
                Err(FunctionError::Conflict(_)) => {}
                answer => return Ok(answer?.facts),
            }
        }
        let job = ledger::job(&*self.ledger, id).await?.unwrap_or_else(|| heard_of(event, heard, now));
        match &job.value.state {
            JobState::Queued { runner: Some(name), .. } => {
                let name = name.clone();
                return self.repeat(job, &name, now).await;
            }
            JobState::Rejected { reason, .. } => return Ok(vec![job.value.rejected(reason)]),
            JobState::Queued { .. } => {}
            JobState::Running { .. } | JobState::Finished { .. } | JobState::Expired { .. } => {
                return if cause == QueueCause::Turn {
                    self.pass_turn(unmatched, now).await
                } else {
                    Ok(Vec::new())
                };
            }
        }
        if cause == QueueCause::Turn {
            return Ok(self.serve(job, &Others::only_runners(&unmatched), now).await?.facts);
        }
        if cause == QueueCause::Webhook || others.paused.is_some() || unmatched.jobs.is_empty() {
            return Ok(self.serve(job, &others, now).await?.facts);
        }
        // Others wait for capacity already: this job takes its turn among them.
        unmatched.jobs.push(job.shared());
        self.take_turns(unmatched, Some(id), now).await
    }

    /// A job whose turn it is has got a runner meanwhile: GitHub gives the oldest job whichever runner is free. Its turn
    /// goes to one that is not about to get one, too.
    async fn pass_turn(&self, unmatched: Unmatched, now: Timestamp) -> Result<Vec<Fact>, FunctionError> {
        let Some(next) = unmatched.jobs.last().cloned() else { return Ok(Vec::new()) };
        Ok(self.serve(next.owned(), &Others::only_runners(&unmatched), now).await?.facts)
    }

    pub(crate) async fn capacity_freed(&self, now: Timestamp) -> Result<Vec<Fact>, FunctionError> {
        // Nearly always few wait, or launches are paused: to see that a look at the first of them is enough.
        let first = ledger::first_unmatched(&*self.ledger).await?;
        let are_all = first.len() < ledger::FIRST_UNMATCHED;
        let mut unmatched = Unmatched::read(first);
        if unmatched.paused(now).is_some() {
            return Ok(Vec::new());
        }
        if !are_all {
            unmatched = self.unmatched().await?;
        }
        unmatched.jobs.retain(|job| waits_for_capacity(&job.value, now));
        self.take_turns(unmatched, None, now).await
    }

    /// Serves waiting jobs in fair order until the fleet is full. `must_answer` is told about even if its turn does not
    /// come.
    async fn take_turns(
        &self,
        unmatched: Unmatched,
        must_answer: Option<JobId>,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let Unmatched { jobs, mut runners, .. } = unmatched;
        let order = fairness::order(jobs.iter().map(|job| &*job.value), &self.live(&jobs).await?, now);
        let mut jobs: BTreeMap<JobId, Stored<Arc<Job>>> =
            jobs.into_iter().map(|job| (job.value.id(), job)).collect();
        let mut facts = Vec::new();
        let mut is_full = false;
        for (turn, id) in order.into_iter().enumerate() {
            let Some(job) = jobs.remove(&id) else { continue };
            if !is_full && turn < MOST_AT_ONCE {
                let others = Others { runners: &runners, ..Others::default() };
                match self.serve(job.owned(), &others, now).await {
                    Ok(served) => {
                        runners.retain(|row| !took(&served.facts, &row.value));
                        facts.extend(served.facts);
                        is_full = served.none_can_be_launched;
                    }
                    // Another event served it meanwhile, unless it is the one that this event is about.
                    Err(FunctionError::Conflict(_)) if must_answer != Some(id) => {}
                    Err(error) => return Err(error),
                }
            } else if must_answer == Some(id) {
                let waiting = Waiting::capacity(&Counter::Runners, self.config.limits.runners);
                facts.extend(self.defer(job.owned(), waiting, now).await?);
            }
        }
        Ok(facts)
    }

    /// Every job that waits for an image goes through the queue again, each on its own.
    pub(crate) async fn image_ready(&self, key: &BaseKey) -> Result<Vec<Fact>, FunctionError> {
        let waiting = self.waiting_for(key).await?;
        Ok(waiting.into_iter().map(|job| job.value.queued_again(QueueCause::Retry)).collect())
    }

    pub(crate) async fn image_failed(
        &self,
        key: &BaseKey,
        reason: &str,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let (mut facts, reason) = (Vec::new(), format!("its image cannot be used: {reason}"));
        for job in self.waiting_for(key).await? {
            facts.extend(self.reject(job.owned(), &reason, now).await?);
        }
        Ok(facts)
    }

    async fn waiting_for(&self, key: &BaseKey) -> Result<Vec<Stored<Arc<Job>>>, FunctionError> {
        let mut jobs = self.unmatched().await?.jobs;
        jobs.retain(
            |job| matches!(job.value.waiting(), Some(Waiting::Image { key: waits_for }) if waits_for == key),
        );
        Ok(jobs)
    }

    pub(crate) async fn unmatched(&self) -> Result<Unmatched, FunctionError> {
        Ok(Unmatched::read(ledger::unmatched(&*self.ledger).await?))
    }

    pub(crate) async fn live(
        &self,
        jobs: &[Stored<Arc<Job>>],
    ) -> Result<BTreeMap<Repository, u64>, FunctionError> {
        let (mut seen, mut live) = (FxHashSet::default(), BTreeMap::new());
        for job in jobs {
            let repository = &job.value.description.repository;
            if seen.insert(repository) {
                let count = self.ledger.count(&Counter::RepositoryRunners(repository.clone())).await?;
                live.insert(repository.clone(), count);
            }
        }
        Ok(live)
    }
}

fn heard_of(event: JobQueued, heard: Option<Heard>, now: Timestamp) -> Stored<Job> {
    let mut job = Job::new(event.job, now);
    job.heard = heard;
    job.timeline.note(job.description.created_at, "queued at GitHub");
    job.timeline.note(now, "heard of");
    Stored::new(job)
}

/// Whether it could be launched if there were room.
fn waits_for_capacity(job: &Job, now: Timestamp) -> bool {
    job.waiting().is_none_or(|waiting| {
        let is_for_room = matches!(waiting, Waiting::Capacity { .. } | Waiting::Throttled { .. });
        is_for_room && waiting.is_over(now)
    })
}

fn took(facts: &[Fact], runner: &Runner) -> bool {
    facts.iter().any(|fact| matches!(fact, Fact::JobMatched(it) if it.runner == runner.name))
}
