//! From a reservation to an accepted task.
//!
//! The runner's row and its capacity are taken in one transaction before the fleet is asked, and the runner's name is the
//! fleet's idempotency token: dying between any two steps leaves at most a reservation, which the next try continues.

use fleetfoot_model::Timestamp;
use fleetfoot_model::counter::Counter;
use fleetfoot_model::events::{Fact, RunnerLaunched};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::TaskId;
use fleetfoot_model::job::{Job, Waited};
use fleetfoot_model::ledger::{self, Change, LedgerError, Stored};
use fleetfoot_model::ports::{FleetError, LaunchRequest, TaskImage};
use fleetfoot_model::runner::{Reservation, Runner, RunnerState, StopReason};
use fleetfoot_model::secret::Ticket;
use fleetfoot_model::spec::{Capacity, Spec};

use crate::Launch;

/// Of a row that was written once.
const FIRST_VERSION: u64 = 1;

/// How a start ended.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and nearly all are facts")]
pub(crate) enum Started {
    /// The task was accepted.
    Launched(Fact),
    /// A limit is reached; nothing was written.
    Full {
        /// Which.
        counter: Counter,
        /// Its limit.
        limit: u64,
    },
    /// The fleet refused; the runner's row still holds its capacity.
    Refused(FleetError),
}

/// How a task is to be launched this time.
pub(crate) struct Manner {
    /// Where to pull the image.
    pub(crate) image: Option<TaskImage>,
    /// How many launches failed before this one.
    pub(crate) failures: u32,
    /// What its job did until now.
    pub(crate) wait: Wait,
}

/// For how long and for what a job waited until its runner was launched; nothing for a pool's runner.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wait {
    pub(crate) heard_at: Option<Timestamp>,
    pub(crate) waited: Option<Waited>,
}

impl Wait {
    pub(crate) fn of(job: &Job) -> Self {
        Self { heard_at: job.heard_at, waited: job.waited() }
    }
}

impl Launch {
    /// What a runner of this spec counts in. A repository's runners are counted even without a limit, for fairness.
    pub(crate) fn counters(
        &self,
        spec: &Spec,
        repository: Option<&fleetfoot_model::ids::Repository>,
    ) -> Vec<(Counter, u64)> {
        let limits = &self.config.limits;
        let mut counters = vec![(Counter::Runners, limits.runners)];
        if let Some(most) = self.config.classes.get(&spec.class).and_then(|class| class.runners) {
            counters.push((Counter::ClassRunners(spec.class.clone()), most));
        }
        if let Some(repository) = repository {
            let most = limits.runners_per_repository.unwrap_or(u64::MAX);
            counters.push((Counter::RepositoryRunners(repository.clone()), most));
        }
        counters
    }

    /// What a launch that has not waited counts in, beside its runner: more in a minute than GitHub can register would only
    /// wait there, and cost as much as if they worked.
    pub(crate) fn burst(&self, now: Timestamp) -> (Counter, u64) {
        (Counter::launches_at(now), u64::from(self.config.limits.registrations_per_minute))
    }

    /// Takes capacity and the runner's row together with `with`, then asks for the task.
    pub(crate) async fn start(
        &self,
        reservation: Reservation,
        limits: Vec<(Counter, u64)>,
        with: Vec<Change>,
        manner: Manner,
        now: Timestamp,
    ) -> Result<Started, FunctionError> {
        let ticket = self.tickets.draw();
        let runner = Runner::reserve(reservation, &ticket, now);
        let mut changes = with;
        changes.push(ledger::change(Stored::new(runner.clone())));
        changes.extend(limits.into_iter().map(|(counter, limit)| Change::Acquire { counter, limit }));
        match self.ledger.commit(changes).await {
            Ok(()) => self.request(&runner, Some(FIRST_VERSION), ticket, manner, now).await,
            Err(LedgerError::Full { counter, limit }) => Ok(Started::Full { counter, limit }),
            Err(error) => Err(error.into()),
        }
    }

    /// Goes on with a reservation whose task may or may not have been asked for. Its first ticket is not known any more,
    /// so a second one is good beside it: whichever request created the task, its ticket is accepted.
    pub(crate) async fn resume(
        &self,
        runner: &Runner,
        manner: Manner,
        now: Timestamp,
    ) -> Result<Started, FunctionError> {
        let ticket = self.tickets.draw();
        let hash = ticket.hash();
        let updated = ledger::update_runner(&*self.ledger, &runner.name, |runner| {
            let waits_for_its_task = runner.state == RunnerState::Reserved && runner.dismissed.is_none();
            waits_for_its_task.then(|| {
                runner.tickets.push(hash.clone());
                Vec::new()
            })
        })
        .await?;
        match updated {
            Some(runner) if runner.state == RunnerState::Reserved => {
                self.request(&runner, None, ticket, manner, now).await
            }
            _ => Err(FunctionError::Conflict(format!("runner {} changed in the meantime", runner.name))),
        }
    }

    async fn request(
        &self,
        runner: &Runner,
        version: Option<u64>,
        ticket: Ticket,
        manner: Manner,
        now: Timestamp,
    ) -> Result<Started, FunctionError> {
        let fall_back = manner.failures > 0 && runner.spec.capacity == Capacity::Spot;
        let request = LaunchRequest {
            runner: runner.name.clone(),
            spec: runner.spec.clone(),
            capacity: if fall_back { Capacity::OnDemand } else { runner.spec.capacity },
            image: manner.image,
            ticket,
            attempt: manner.failures,
            debug: self.config.debug,
        };
        match self.fleet.launch(&request).await {
            Ok(task) => Ok(Started::Launched(self.launched(runner, version, task, manner.wait, now).await?)),
            Err(FleetError::Unavailable(reason)) => Err(FunctionError::Again(reason)),
            Err(error) => Ok(Started::Refused(error)),
        }
    }

    async fn launched(
        &self,
        runner: &Runner,
        version: Option<u64>,
        task: TaskId,
        wait: Wait,
        now: Timestamp,
    ) -> Result<Fact, FunctionError> {
        let known = version.map(|version| Stored { value: runner.clone(), version });
        // The task may be up and registered already: then only its id is new.
        ledger::update_known_runner(&*self.ledger, &runner.name, known, |row| {
            if row.task.as_ref() == Some(&task) {
                return None;
            }
            row.task = Some(task.clone());
            if row.state == RunnerState::Reserved {
                row.move_to(RunnerState::Launched, now, format!("launched as task {task}"));
            }
            Some(Vec::new())
        })
        .await?;
        Ok(launched_fact(runner, task, wait))
    }

    /// Gives the capacity of a refused runner back, together with `with`.
    pub(crate) async fn abandon(
        &self,
        name: &fleetfoot_model::ids::RunnerName,
        reason: &str,
        with: &[Change],
        now: Timestamp,
    ) -> Result<(), FunctionError> {
        let reason = StopReason::NotLaunched { reason: reason.to_owned() };
        ledger::update_runner(&*self.ledger, name, |runner| {
            let released = runner.stop(reason.clone(), now);
            let mut changes: Vec<Change> = released.into_iter().map(Change::Release).collect();
            changes.extend_from_slice(with);
            Some(changes)
        })
        .await?;
        Ok(())
    }
}

/// The fact of a launch, told again for a runner that was launched before.
pub(crate) fn launched_fact(runner: &Runner, task: TaskId, wait: Wait) -> Fact {
    let job = match runner.name.origin() {
        fleetfoot_model::ids::Origin::Job { job, .. } => Some(job),
        fleetfoot_model::ids::Origin::Pool { .. } => None,
    };
    RunnerLaunched {
        runner: runner.name.clone(),
        task,
        job,
        spec: runner.spec.clone(),
        heard_at: wait.heard_at,
        reserved_at: Some(runner.reserved_at),
        waited: wait.waited,
    }
    .into()
}
