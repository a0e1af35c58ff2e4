//! Who gets which job. GitHub's rule: any idle runner that is registered for the job's repository and whose labels
//! cover the job's. It knows nothing of the job that a runner was launched for.

use std::collections::{BTreeMap, BTreeSet};

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::{GithubRunnerId, JobId, Repository};
use fleetfoot_model::spec::covers;

use super::job::{Assignment, Job, Stage};
use super::registration::{Presence, Registration};
use super::sessions::Note;
use super::{Happening, SessionId, StandInGitHub};

/// Of how many of the oldest jobs a fault picks one.
const PICKED_FROM: usize = 20;

/// What makes jobs alike: their repository and their labels, sorted and in lower case.
type Likeness = (Repository, Vec<String>);

/// Queued jobs, those that the same runners can run together: a runner is compared with each kind of job, not with each
/// of ten thousand jobs.
#[derive(Debug, Default)]
pub(super) struct Queues(BTreeMap<Likeness, BTreeSet<(Timestamp, JobId)>>);

impl Queues {
    fn key(job: &Job) -> Likeness {
        let mut labels: Vec<_> =
            job.order.labels.iter().map(|label| label.as_str().to_ascii_lowercase()).collect();
        labels.sort();
        (job.order.repository.clone(), labels)
    }

    fn place(job: &Job) -> (Timestamp, JobId) {
        (job.history.queued_at.unwrap_or(job.history.ordered_at), job.id)
    }

    fn add(&mut self, job: &Job) {
        self.0.entry(Self::key(job)).or_default().insert(Self::place(job));
    }

    pub(super) fn remove(&mut self, job: &Job) {
        let key = Self::key(job);
        let Some(queue) = self.0.get_mut(&key) else { return };
        queue.remove(&Self::place(job));
        if queue.is_empty() {
            self.0.remove(&key);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }
}

fn fits(registration: &Registration, job: &Job) -> bool {
    registration.serves(&job.order.repository) && covers(&registration.labels, &job.order.labels)
}

impl StandInGitHub {
    /// A job is queued: an idle runner gets it, or it waits.
    pub(super) fn find_runner_for(&mut self, now: Timestamp, id: JobId) {
        let any = self.dice.happens(self.settings.faults.runner_swapped);
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.stage = Stage::Queued;
        let fitting = |(_, runner): &&(Timestamp, GithubRunnerId)| {
            self.registrations.get(runner).is_some_and(|registration| fits(registration, job))
        };
        let found: Vec<_> =
            self.idle.iter().filter(fitting).take(if any { PICKED_FROM } else { 1 }).copied().collect();
        if found.is_empty() {
            self.queues.add(job);
            return;
        }
        let (_, runner) = found[self.dice.below(found.len())];
        self.assign(now, id, runner);
    }

    /// A runner is idle: a queued job is given to it, or it waits.
    pub(super) fn find_job_for(&mut self, now: Timestamp, runner: GithubRunnerId) {
        let any = self.dice.happens(self.settings.faults.runner_swapped);
        let Some(registration) = self.registrations.get(&runner) else { return };
        let first_fits = |queue: &&BTreeSet<(Timestamp, JobId)>| {
            let first = queue.first().and_then(|(_, id)| self.jobs.get(id));
            first.is_some_and(|job| fits(registration, job))
        };
        let fitting: Vec<_> = self.queues.0.values().filter(first_fits).collect();
        let chosen = if any && !fitting.is_empty() {
            let queue = fitting[self.dice.below(fitting.len())];
            let place = self.dice.below(queue.len().min(PICKED_FROM));
            queue.iter().nth(place)
        } else {
            fitting.iter().filter_map(|queue| queue.first()).min()
        };
        match chosen.copied() {
            Some((_, job)) => self.assign(now, job, runner),
            None => {
                self.idle.insert((now, runner));
            }
        }
    }

    fn assign(&mut self, now: Timestamp, id: JobId, runner: GithubRunnerId) {
        self.idle.retain(|(_, idle)| *idle != runner);
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let Some(registration) = self.registrations.get_mut(&runner) else { return };
        self.queues.remove(job);
        job.stage = Stage::Assigned(runner);
        job.runner = Some((runner, registration.name.clone()));
        let runner_name = registration.name.clone();
        job.history.assignments.push(Assignment { runner: runner_name, from: now, until: None });
        job.pickup_timer = Some(self.agenda.add(now + self.settings.times.requeue, Happening::Unpicked(id)));
        registration.job = Some((id, now));
        let heard_at = now + self.dice.between(&self.settings.times.pickup);
        let unheard = self.dice.happens(self.settings.faults.assignment_lost);
        if let (Some(session), false) = (registration.session(), unheard) {
            self.agenda.add(heard_at, Happening::Offered(id, session));
        }
    }

    pub(super) fn offer(&mut self, job: JobId, session: SessionId) {
        self.send(session, Note::Offered(job));
    }

    /// Nobody picked a job up: it is queued again, and its runner gets another.
    pub(super) fn requeue(&mut self, now: Timestamp, id: JobId) {
        let Some(Stage::Assigned(runner)) = self.stage(id) else { return };
        if let Some(job) = self.jobs.get_mut(&id) {
            job.runner = None;
            job.pickup_timer = None;
            if let Some(assignment) = job.history.assignments.last_mut() {
                assignment.until = Some(now);
            }
        }
        self.find_runner_for(now, id);
        self.free(now, runner);
    }

    /// A runner that was assigned a job does not get it after all.
    pub(super) fn free(&mut self, now: Timestamp, runner: GithubRunnerId) {
        let Some(registration) = self.registrations.get_mut(&runner) else { return };
        registration.job = None;
        if let Presence::Online(_) = registration.presence {
            self.find_job_for(now, runner);
        }
    }
}
