//! A job's way: ordered, perhaps approved, queued, completed.

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::{JobId, RunId};

use super::job::{Job, JobOrder, Stage};
use super::payload::Kind;
use super::registration::Registration;
use super::sessions::Note;
use super::{Happening, StandInGitHub};

/// By how much a job's id is ahead of its run's.
const JOBS_AHEAD: u64 = 30_000_000_000;

/// The only job of a run, in its first attempt.
pub(super) fn job_of(run: RunId) -> JobId {
    JobId(run.0.saturating_add(JOBS_AHEAD))
}

impl StandInGitHub {
    /// Someone pushes, and a job comes of it.
    pub fn queue_job(&mut self, now: Timestamp, order: JobOrder) -> JobId {
        let now = self.advance(now);
        // Ids have gaps: others use GitHub too.
        self.latest_job += 1 + self.dice.number() % 20;
        let (id, run) = (JobId(self.latest_job), RunId(self.latest_job - JOBS_AHEAD));
        let (needs_approval, cancel_after) = (order.needs_approval, order.cancel_after);
        let is_anybodys = order.public || order.head_repository.is_some();
        self.add(Job::new(id, run, order, now));
        if is_anybodys || !self.settings.is_brief {
            self.tell(now, id, Kind::RunRequested);
        }
        if let Some(after) = cancel_after {
            self.set_timer(id, now + after, Happening::Cancelled(id));
        }
        if needs_approval {
            self.tell(now, id, Kind::JobWaiting);
            let approved_at = now + self.dice.between(&self.settings.times.approval);
            self.set_timer(id, approved_at, Happening::Approved(id));
        } else {
            self.enqueue(now, id);
        }
        id
    }

    fn add(&mut self, job: Job) {
        self.by_repository.entry(job.order.repository.clone()).or_default().push(job.id);
        self.jobs.insert(job.id, job);
    }

    /// A job that ended is queued once more, in the next attempt of its run. GitHub sends no `workflow_run` for that.
    pub(super) fn queue_again(&mut self, now: Timestamp, id: JobId) {
        let Some(job) = self.jobs.get(&id) else { return };
        let (run, attempt) = (job.run, job.attempt + 1);
        let order = JobOrder { cancel_after: None, needs_approval: false, ..job.order.clone() };
        self.latest_job += 1 + self.dice.number() % 20;
        let again = JobId(self.latest_job);
        self.add(Job { attempt, ..Job::new(again, run, order, now) });
        if let Some(job) = self.jobs.get_mut(&id) {
            job.rerun_as = Some(again);
        }
        self.enqueue(now, again);
    }

    /// The job in the latest attempt of its run.
    pub(super) fn latest_of(&self, id: JobId) -> JobId {
        let mut latest = id;
        while let Some(next) = self.jobs.get(&latest).and_then(|job| job.rerun_as) {
            latest = next;
        }
        latest
    }

    /// Someone cancels a job that has not ended.
    pub fn cancel_job(&mut self, now: Timestamp, job: JobId) {
        let now = self.advance(now);
        self.cancel(now, job);
    }

    pub(super) fn approve(&mut self, now: Timestamp, job: JobId) {
        self.enqueue(now, job);
        // GitHub sends `queued` twice for some environments with approval (issue threads of several runner systems).
        if self.dice.happens(self.settings.faults.approval_doubled) {
            self.tell(now, job, Kind::JobQueued);
        }
    }

    fn enqueue(&mut self, now: Timestamp, id: JobId) {
        if let Some(job) = self.jobs.get_mut(&id) {
            job.history.queued_at = Some(now);
        }
        self.tell(now, id, Kind::JobQueued);
        self.set_timer(id, now + self.settings.times.queued, Happening::Dropped(id));
        self.find_runner_for(now, id);
    }

    /// What happens to a job unless it ends before.
    fn set_timer(&mut self, id: JobId, at: Timestamp, happening: Happening) {
        let entry = self.agenda.add(at, happening);
        if let Some(job) = self.jobs.get_mut(&id) {
            job.timers.push(entry);
        }
    }

    pub(super) fn cancel(&mut self, now: Timestamp, id: JobId) {
        match self.stage(id) {
            Some(Stage::Waiting | Stage::Queued | Stage::Assigned(_)) => self.complete(now, id, "cancelled"),
            Some(Stage::Running(runner)) => {
                // A running job ends when its runner says so.
                if let Some(job) = self.jobs.get_mut(&id) {
                    job.cancelled = true;
                }
                if let Some(session) = self.registrations.get(&runner).and_then(Registration::session) {
                    self.send(session, Note::Cancelled);
                }
            }
            Some(Stage::Completed) | None => {}
        }
    }

    /// Ends a job. A runner that was only assigned to it is idle again; one that ran it is for the caller to remove.
    pub(super) fn complete(&mut self, now: Timestamp, id: JobId, conclusion: &str) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let stage = job.stage;
        if stage == Stage::Completed {
            return;
        }
        job.stage = Stage::Completed;
        job.history.completed_at = Some(now);
        job.history.conclusion = Some(conclusion.to_owned());
        let timers = std::mem::take(&mut job.timers).into_iter().chain(job.pickup_timer.take());
        for timer in timers {
            self.agenda.cancel(timer);
        }
        self.queues.remove(job);
        self.tell(now, id, Kind::JobCompleted);
        if let Stage::Assigned(runner) = stage {
            self.free(now, runner);
        }
    }

    /// A job was queued for too long; one that runs by now is left alone.
    pub(super) fn drop_queued(&mut self, now: Timestamp, id: JobId) {
        if !matches!(self.stage(id), Some(Stage::Running(_))) {
            self.complete(now, id, "cancelled");
        }
    }

    /// The job of a runner that died has waited long enough for it.
    pub(super) fn abandon(&mut self, now: Timestamp, id: JobId) {
        let Some(Stage::Running(runner)) = self.stage(id) else { return };
        self.complete(now, id, "failure");
        if let Some(registration) = self.registrations.get_mut(&runner) {
            registration.job = None;
        }
    }

    pub(super) fn tell(&mut self, now: Timestamp, id: JobId, kind: Kind) {
        let Some(job) = self.jobs.get(&id) else { return };
        let moment = super::payload::Moment::of(job, kind);
        let Self { post, dice, settings, .. } = self;
        post.tell(now, moment, &settings.times.webhook, &settings.faults, dice);
    }
}
