//! `RunTask`, `StopTask` and the listing of tasks.

use fleetfoot_model::ids::TaskId;
use fleetfoot_model::ports::{FleetError, LaunchRequest, Task as ListedTask};
use fleetfoot_model::size::{LEAST_DISK_GIB, MOST_DISK_GIB, Size};
use fleetfoot_model::{SignedDuration, Timestamp};

use super::task::{Stage, Stop, Task, arn};
use super::{FargateAction, StandInFargate, Step, StopCall};

/// A client token is good for 24 hours, or until an hour after its task has stopped (ECS API reference, "Ensuring
/// idempotency").
const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(24);
const TOKEN_LIFE_AFTER_STOP: SignedDuration = SignedDuration::from_hours(1);

impl StandInFargate {
    /// `RunTask`: starts a task, or finds the one started under this runner's name.
    ///
    /// # Errors
    /// See [`FleetError`].
    pub fn launch(&mut self, now: Timestamp, request: &LaunchRequest) -> Result<TaskId, FleetError> {
        self.launch_as(now, request, true)
    }

    /// `RunTask` of a fleet that has forgotten the client token: a new task each time, for tests of what finds that.
    ///
    /// # Errors
    /// See [`FleetError`].
    pub fn launch_without_token(
        &mut self,
        now: Timestamp,
        request: &LaunchRequest,
    ) -> Result<TaskId, FleetError> {
        self.launch_as(now, request, false)
    }

    fn launch_as(
        &mut self,
        now: Timestamp,
        request: &LaunchRequest,
        has_token: bool,
    ) -> Result<TaskId, FleetError> {
        let now = self.advance(now);
        self.counts.launch_calls += 1;
        throttle(
            self.actions.take(now, 1),
            "RunTask and StopTask calls a second",
            &mut self.counts.throttled,
        )?;
        let lost = self.is_answer_lost()?;
        if let Some(task) = self.known(now, request).filter(|_| has_token) {
            return answer(task, lost);
        }
        check_size(request)?;
        self.check_capacity(now, request)?;
        let id = self.start(now, request);
        answer(id, lost)
    }

    /// `StopTask`: SIGTERM, and SIGKILL after the grace. A task that is unknown or has stopped is no error.
    ///
    /// # Errors
    /// See [`FleetError`].
    pub fn stop(&mut self, now: Timestamp, id: &TaskId, reason: &str) -> Result<(), FleetError> {
        let now = self.advance(now);
        self.counts.stop_calls += 1;
        throttle(
            self.actions.take(now, 1),
            "RunTask and StopTask calls a second",
            &mut self.counts.throttled,
        )?;
        let lost = self.is_answer_lost()?;
        if let Some(task) = self.tasks.get(id).filter(|task| task.is_live()) {
            let (runner, task, reason) = (task.runner.clone(), id.clone(), reason.to_owned());
            self.stops.push(StopCall { at: now, task, runner, reason: reason.clone() });
            self.begin_stop(now, id, Stop { code: "UserInitiated", reason });
        }
        answer((), lost)
    }

    /// Every task that has not stopped, as `ListTasks` and `DescribeTasks` tell.
    ///
    /// # Errors
    /// See [`FleetError`].
    pub fn list(&mut self, now: Timestamp) -> Result<Vec<ListedTask>, FleetError> {
        let now = self.advance(now);
        let live: Vec<_> = self.live.iter().filter_map(|id| self.tasks.get(id)).collect();
        // Both list a hundred at a time.
        let calls = 2 * live.len().div_ceil(100).max(1) as u64;
        self.counts.list_calls += calls;
        let listed = live.iter().map(|task| ListedTask {
            id: task.id.clone(),
            runner: task.runner.clone(),
            created_at: task.created_at,
            stopping: task.stop.is_some() || task.stage == Stage::Deprovisioning,
        });
        let listed = listed.collect();
        throttle(
            self.reads.take(now, calls),
            "ListTasks and DescribeTasks calls a second",
            &mut self.counts.throttled,
        )?;
        let lost = self.is_answer_lost()?;
        answer(listed, lost)
    }

    /// Whether the answer to a request is to be lost.
    fn is_answer_lost(&mut self) -> Result<bool, FleetError> {
        let failed = self.dice.happens(self.settings.faults.request_failed);
        let lost = self.dice.happens(self.settings.faults.answer_lost);
        if failed {
            return Err(FleetError::Unavailable("500 ServerException".to_owned()));
        }
        Ok(lost)
    }

    fn known(&self, now: Timestamp, request: &LaunchRequest) -> Option<TaskId> {
        let task = self.tasks.get(self.tokens.get(&request.runner)?)?;
        let forgotten = task.stopped_at.is_some_and(|at| at + TOKEN_LIFE_AFTER_STOP <= now);
        (!forgotten && task.created_at + TOKEN_LIFE > now).then(|| task.id.clone())
    }

    fn check_capacity(&mut self, now: Timestamp, request: &LaunchRequest) -> Result<(), FleetError> {
        if self.dice.happens(self.settings.faults.no_capacity) {
            self.counts.without_capacity += 1;
            let text = "Capacity is unavailable at this time. Please try again later or in a different \
                        availability zone";
            return Err(FleetError::NoCapacity(text.to_owned()));
        }
        let supply = self.supply(request.capacity);
        if supply.in_use + request.spec.cpu > supply.quota {
            self.counts.without_capacity += 1;
            let text = "You've reached the limit on the number of vCPUs you can run concurrently";
            return Err(FleetError::NoCapacity(text.to_owned()));
        }
        let taken = supply.launches.take(now, 1);
        throttle(taken, "task launches a second", &mut self.counts.throttled)
    }

    fn start(&mut self, now: Timestamp, request: &LaunchRequest) -> TaskId {
        let id = arn(self.dice.bytes());
        self.supply(request.capacity).in_use += request.spec.cpu;
        *self.launches.entry(request.runner.clone()).or_default() += 1;
        self.tokens.insert(request.runner.clone(), id.clone());
        let task = Task {
            id: id.clone(),
            runner: request.runner.clone(),
            spec: request.spec.clone(),
            capacity: request.capacity,
            ticket: request.ticket.clone(),
            stage: Stage::Provisioning,
            version: 0,
            created_at: now,
            pull_started_at: None,
            started_at: None,
            stopped_at: None,
            stop: None,
            exit_code: None,
            container_reason: None,
            timers: Vec::new(),
        };
        self.live.insert(id.clone());
        self.tasks.insert(id.clone(), task);
        self.tell(now, &id);
        self.plan_start(now, &id);
        id
    }

    pub(super) fn act(&mut self, action: FargateAction) {
        self.outbox.push(action);
    }

    /// Lets something happen to a task later, unless it stops before.
    pub(super) fn plan(&mut self, at: Timestamp, id: &TaskId, step: Step) {
        let entry = self.agenda.add(at, step);
        if let Some(task) = self.tasks.get_mut(id) {
            task.timers.push(entry);
        }
    }
}

fn answer<T>(answer: T, lost: bool) -> Result<T, FleetError> {
    if lost {
        return Err(FleetError::Unavailable("the connection was closed before an answer came".to_owned()));
    }
    Ok(answer)
}

fn throttle(taken: Result<(), Timestamp>, reason: &str, throttled: &mut u64) -> Result<(), FleetError> {
    taken.map_err(|until| {
        *throttled += 1;
        FleetError::Throttled { until, reason: reason.to_owned() }
    })
}

fn check_size(request: &LaunchRequest) -> Result<(), FleetError> {
    let spec = &request.spec;
    Size::new(spec.cpu, spec.memory_mib).map_err(|error| FleetError::Impossible(error.to_string()))?;
    if !(LEAST_DISK_GIB..=MOST_DISK_GIB).contains(&spec.disk_gib) {
        let text = format!("ephemeral storage is {LEAST_DISK_GIB} to {MOST_DISK_GIB} GiB");
        return Err(FleetError::Impossible(text));
    }
    Ok(())
}
