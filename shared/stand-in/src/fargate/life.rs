//! A task's life, from its acceptance to its end.

use fleetfoot_model::ids::TaskId;
use fleetfoot_model::spec::Capacity;
use fleetfoot_model::{SignedDuration, Timestamp};

use super::task::{Stage, Stop};
use super::{FargateAction, StandInFargate, Step};

/// Why tasks never start: the stopped reason, and what the container says.
const NEVER_STARTED: [(&str, Option<&str>); 2] = [
    (
        "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref",
        Some("CannotPullContainerError: failed to resolve ref"),
    ),
    ("Timeout waiting for network interface provisioning to complete.", None),
];
/// The exit code of a container that was killed.
const KILLED: i32 = 137;

impl StandInFargate {
    /// The agent in a task ended by itself, or because it was told to.
    pub fn exit(&mut self, now: Timestamp, id: &TaskId, code: i32) {
        let now = self.advance(now);
        self.container_ended(now, id, Some(code));
    }

    pub(super) fn plan_start(&mut self, now: Timestamp, id: &TaskId) {
        let (faults, times) = (self.settings.faults.clone(), self.settings.times.clone());
        let (never, slow) = (self.dice.happens(faults.never_started), self.dice.happens(faults.slow_start));
        let takes = self.dice.between(if slow { &times.slow_start } else { &times.start });
        let given_up_after = self.dice.between(&times.giving_up);
        self.plan(now + takes / 4, id, Step::Pending(id.clone()));
        if never {
            self.plan(now + given_up_after.max(takes / 4), id, Step::GiveUp(id.clone()));
            return;
        }
        self.plan(now + takes * 2 / 3, id, Step::Pull(id.clone()));
        self.plan(now + takes, id, Step::Running(id.clone()));
    }

    pub(super) fn happen(&mut self, at: Timestamp, step: Step) {
        match step {
            Step::Tell(event) => self.act(FargateAction::Event(*event)),
            Step::Pending(id) => self.move_to(at, &id, Stage::Pending),
            Step::Pull(id) => {
                if let Some(task) = self.tasks.get_mut(&id) {
                    task.pull_started_at = Some(at);
                }
            }
            Step::Running(id) => self.run(at, &id),
            Step::GiveUp(id) => {
                self.counts.broken += 1;
                self.give_up(at, &id);
            }
            Step::Interrupt(id) => {
                self.counts.broken += 1;
                let interruption = Stop::new("SpotInterruption", "Your Spot Task was interrupted.");
                self.begin_stop(at, &id, interruption);
            }
            Step::Kill(id) => {
                self.kill(&id);
                self.container_ended(at, &id, Some(KILLED));
            }
            Step::Vanish(id) => {
                self.counts.broken += 1;
                self.kill(&id);
                self.forget_plans(&id);
                self.stopped(at, &id);
            }
            Step::Stopped(id) => {
                self.stopped(at, &id);
                self.tell(at, &id);
            }
        }
    }

    fn move_to(&mut self, at: Timestamp, id: &TaskId, stage: Stage) {
        if let Some(task) = self.tasks.get_mut(id) {
            task.stage = stage;
        }
        self.tell(at, id);
    }

    fn stopped(&mut self, at: Timestamp, id: &TaskId) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        task.stage = Stage::Stopped;
        self.live.remove(id);
        task.stopped_at = Some(at);
        let (capacity, cpu) = (task.capacity, task.spec.cpu);
        self.supply(capacity).in_use -= cpu;
    }

    fn run(&mut self, at: Timestamp, id: &TaskId) {
        let (faults, times) = (self.settings.faults.clone(), self.settings.times.clone());
        let (interrupted, lost) =
            (self.dice.happens(faults.spot_interrupted), self.dice.happens(faults.task_lost));
        let after = self.dice.between(&times.until_interruption);
        let Some(task) = self.tasks.get_mut(id) else { return };
        task.started_at = Some(at);
        let up = FargateAction::AgentUp {
            runner: task.runner.clone(),
            task: id.clone(),
            ticket: task.ticket.clone(),
            spec: task.spec.clone(),
        };
        let spot = task.capacity == Capacity::Spot;
        self.move_to(at, id, Stage::Running);
        self.act(up);
        if lost {
            self.plan(at + after, id, Step::Vanish(id.clone()));
        } else if interrupted && spot {
            self.plan(at + after, id, Step::Interrupt(id.clone()));
        }
    }

    fn give_up(&mut self, at: Timestamp, id: &TaskId) {
        let (reason, container_reason) = NEVER_STARTED[self.dice.below(NEVER_STARTED.len())];
        if let Some(task) = self.tasks.get_mut(id) {
            task.container_reason = container_reason;
        }
        self.begin_stop(at, id, Stop::new("TaskFailedToStart", reason));
    }

    /// A task is to stop. What runs is told; what does not run yet never will.
    pub(super) fn begin_stop(&mut self, now: Timestamp, id: &TaskId, stop: Stop) {
        let Some(task) = self.tasks.get_mut(id).filter(|task| task.is_live() && task.stop.is_none()) else {
            return;
        };
        task.stop = Some(stop);
        let (stage, runner) = (task.stage, task.runner.clone());
        match stage {
            Stage::Running => {
                self.forget_plans(id);
                self.tell(now, id);
                self.act(FargateAction::Terminate { runner, task: id.clone() });
                self.plan(now + self.settings.times.grace, id, Step::Kill(id.clone()));
            }
            Stage::Provisioning | Stage::Pending => self.container_ended(now, id, None),
            // It is stopping already, for a reason of its own.
            Stage::Deprovisioning | Stage::Stopped => {}
        }
    }

    /// There is nothing left to run in a task; it takes a while until it has stopped.
    fn container_ended(&mut self, now: Timestamp, id: &TaskId, code: Option<i32>) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        if matches!(task.stage, Stage::Deprovisioning | Stage::Stopped) {
            return;
        }
        task.exit_code = code;
        task.stop.get_or_insert_with(|| {
            Stop::new("EssentialContainerExited", "Essential container in task exited")
        });
        self.forget_plans(id);
        self.move_to(now, id, Stage::Deprovisioning);
        let stopped_at = now + self.dice.between(&self.settings.times.stop);
        self.plan(stopped_at, id, Step::Stopped(id.clone()));
    }

    fn kill(&mut self, id: &TaskId) {
        if let Some(task) = self.tasks.get(id) {
            let (runner, task) = (task.runner.clone(), id.clone());
            self.act(FargateAction::Kill { runner, task });
        }
    }

    fn forget_plans(&mut self, id: &TaskId) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        for timer in std::mem::take(&mut task.timers) {
            self.agenda.cancel(timer);
        }
    }

    /// Sends word of a change, as far as the faults let it through.
    pub(super) fn tell(&mut self, now: Timestamp, id: &TaskId) {
        let (faults, times) = (self.settings.faults.clone(), self.settings.times.clone());
        let event_id = self.dice.uuid();
        let (lost, late) = (self.dice.happens(faults.event_lost), self.dice.happens(faults.event_late));
        let doubled = self.dice.happens(faults.event_doubled);
        let latency = self.dice.between(if late { &times.late_event } else { &times.event });
        let again = self.dice.between(&(SignedDuration::ZERO..=*times.late_event.end()));
        let Some(task) = self.tasks.get_mut(id) else { return };
        task.version += 1;
        if lost {
            self.counts.events_lost += 1;
            return;
        }
        if self.settings.is_brief && !matches!(task.stage, Stage::Running | Stage::Stopped) {
            return;
        }
        let event = Box::new(task.event(event_id, now));
        if doubled {
            self.agenda.add(now + latency + again, Step::Tell(event.clone()));
        }
        self.agenda.add(now + latency, Step::Tell(event));
    }
}
