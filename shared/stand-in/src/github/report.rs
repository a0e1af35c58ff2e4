//! What a test or a demonstration asks afterwards. None of it counts as a request.

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::ports::JobReport;
use fleetfoot_model::runner::Scope;

use super::job::Stage;
use super::{Allowance, Call, Calls, JobHistory, JobOrder, RunnerView, StandInGitHub, WebhookCounts};

impl StandInGitHub {
    /// What was asked of it, by kind of request.
    pub fn calls(&self) -> &Calls {
        &self.meter.calls
    }

    /// How often one kind of request was made.
    pub fn calls_of(&self, call: Call) -> u64 {
        self.meter.calls.get(&call).copied().unwrap_or_default()
    }

    /// How many requests counted against the installation's limits, registrations excepted.
    pub fn other_requests(&self) -> u64 {
        self.meter.others()
    }

    /// What became of its webhooks.
    pub fn webhooks(&self) -> WebhookCounts {
        self.post.counts
    }

    /// How the hourly limit stands.
    pub fn allowance(&mut self, now: Timestamp) -> Allowance {
        self.meter.allowance(now)
    }

    /// Every job, oldest first: what was ordered and what happened to it.
    pub fn jobs(&self) -> impl Iterator<Item = (JobId, &JobOrder, &JobHistory)> {
        self.jobs.values().map(|job| (job.id, &job.order, &job.history))
    }

    /// What happened to a job.
    pub fn history(&self, job: JobId) -> Option<&JobHistory> {
        self.jobs.get(&job).map(|job| &job.history)
    }

    /// How a job stands, without asking for it.
    pub fn report(&self, job: JobId) -> Option<JobReport> {
        self.jobs.get(&job).map(super::Job::report)
    }

    /// Every job that has not ended.
    pub fn open(&self) -> impl Iterator<Item = (JobId, &JobOrder)> {
        let open = self.jobs.values().filter(|job| job.stage != Stage::Completed);
        open.map(|job| (job.id, &job.order))
    }

    /// How many jobs have not ended.
    pub fn open_jobs(&self) -> usize {
        self.jobs.values().filter(|job| job.stage != Stage::Completed).count()
    }

    /// How many jobs wait for a runner.
    pub fn queued_jobs(&self) -> usize {
        self.queues.len()
    }

    /// Every registration that is left.
    pub fn registrations(&self) -> Vec<RunnerView> {
        self.registrations.values().map(|it| self.view(self.now, it)).collect()
    }

    /// Jobs that were started more than once. There is no way to do that; a test says so.
    pub fn jobs_run_twice(&self) -> Vec<JobId> {
        self.jobs.values().filter(|job| job.history.starts.len() > 1).map(|job| job.id).collect()
    }

    /// Jobs whose runner died while it ran them.
    pub fn jobs_killed(&self) -> Vec<JobId> {
        let killed = self.jobs.values().filter(|job| job.history.runner_died_at.is_some());
        killed.map(|job| job.id).collect()
    }

    /// The job that a registered runner has now, from its assignment on.
    pub fn job_of(&self, scope: &Scope, runner: &str) -> Option<JobId> {
        let id = self.names.get(&(scope.clone(), runner.to_owned()))?;
        self.registrations.get(id)?.job.map(|(job, _)| job)
    }

    /// The job that a runner had at a time: from its assignment to its end.
    pub fn job_on(&self, runner: &str, at: Timestamp) -> Option<JobId> {
        self.jobs.values().find(|job| job.history.was_on(runner, at)).map(|job| job.id)
    }
}
