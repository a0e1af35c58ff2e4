//! Who really runs what. GitHub gives a job to any idle runner whose labels cover it, so a runner meant for one job may
//! be found running another. `in_progress` tells; what follows from it is decided here.

use crate::Timestamp;
use crate::events::{JobDescription, JobQueued, QueueCause};
use crate::job::Job;
use crate::ledger::Stored;
use crate::runner::{Runner, RunnerState};

/// Everything that a start touches. `job` is the one that started.
#[derive(Debug, Clone)]
pub struct Start {
    /// The job that started.
    pub job: Stored<Job>,
    /// The runner that has it, if it is one of ours.
    pub runner: Option<Stored<Runner>>,
    /// The runner that was meant for the job, if that is another one.
    pub own: Option<Stored<Runner>>,
    /// The job that the runner was meant for, if that is another one.
    pub victim: Option<Stored<Job>>,
}

/// What follows from a start, beside the rows themselves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Consequences {
    /// The victim looks for a runner again.
    pub queued_again: Option<JobQueued>,
    /// The victim got the runner that had been meant for the job.
    pub swapped: bool,
    /// The runner that had been meant for the job has no work any more.
    pub own_is_surplus: bool,
}

impl Start {
    /// Binds the job to its runner, and the victim to the job's own runner or to none. To be called before the job's own
    /// state moves on.
    pub fn apply(&mut self, now: Timestamp) -> Consequences {
        let job = self.job.value.id();
        let waited = self.job.value.is_queued() && self.job.value.runner().is_none();
        let mut consequences = Consequences::default();
        if let Some(runner) = &mut self.runner {
            let runner = &mut runner.value;
            runner.job = Some(job);
            runner.dismissed = None;
            if runner.is_live() && runner.state != RunnerState::Busy(job) {
                runner.move_to(RunnerState::Busy(job), now, format!("GitHub gave it job {job}"));
            }
        }
        if let Some(victim) = &mut self.victim {
            let own = self.own.as_mut().map(|own| &mut own.value);
            consequences = rehome(&mut victim.value, own, waited, now);
        }
        if let Some(own) = &mut self.own
            && !consequences.swapped
            && own.value.job == Some(job)
        {
            own.value.job = None;
            own.value.timeline.note(now, format!("job {job} started on another runner"));
            consequences.own_is_surplus = own.value.is_available();
        }
        consequences
    }
}

/// The victim takes the free runner if its labels cover it, and looks for another one if not. If the taker `waited` for a
/// runner itself, that other one is the taker's, and nothing is replaced: where jobs wait for capacity, GitHub gives one
/// runner after the other to whoever has waited longest, and a younger job must not be given up for it.
fn rehome(victim: &mut Job, own: Option<&mut Runner>, waited: bool, now: Timestamp) -> Consequences {
    if let Some(own) = own
        && own.is_available()
        && crate::spec::covers(&own.labels, &victim.description.labels)
    {
        own.job = Some(victim.id());
        victim.assign(&own.name, now, "its runner was taken by another job, whose runner it gets");
        return Consequences { swapped: true, ..Consequences::default() };
    }
    victim.replacements += u32::from(!waited);
    victim.unassign(None, now, "its runner was taken by another job");
    let queued_again =
        JobQueued { job: JobDescription::clone(&victim.description), cause: QueueCause::RunnerTaken };
    Consequences { queued_again: Some(queued_again), ..Consequences::default() }
}
