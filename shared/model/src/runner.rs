//! A runner and its states, from the reservation to the end of its task.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::counter::Counter;
use crate::foreign::TaskStateChange;
use crate::ids::{GithubRunnerId, JobId, Owner, PoolName, Repository, RunnerName, TaskId};
use crate::price::{Billed, Prices};
use crate::secret::{Ticket, TicketHash};
use crate::spec::{Capacity, Label, Spec, covers};
use crate::timeline::Timeline;
use crate::{SignedDuration, Timestamp};

/// Where a runner is registered at GitHub.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// For all repositories of an organization that its runner group allows.
    Organization(Owner),
    /// For one repository.
    Repository(Repository),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Organization(owner) => write!(f, "organization {owner}"),
            Self::Repository(repository) => write!(f, "repository {repository}"),
        }
    }
}

/// Why a runner's task ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", tag = "because")]
pub enum StopReason {
    /// The runner ended by itself with exit code 0: its job is done, or there was none.
    Done,
    /// The runner ended by itself with another exit code.
    #[serde(rename_all = "camelCase")]
    Failed {
        /// The agent's exit code, if it is known.
        exit_code: Option<i32>,
        /// What that means.
        reason: String,
    },
    /// The task never came up: image pull, network address, capacity.
    #[serde(rename_all = "camelCase")]
    NeverStarted {
        /// The fleet's words.
        reason: String,
    },
    /// The task could not be launched at all.
    #[serde(rename_all = "camelCase")]
    NotLaunched {
        /// The fleet's words.
        reason: String,
    },
    /// Spot took the capacity back.
    Interrupted,
    /// The machine below its task failed.
    #[serde(rename_all = "camelCase")]
    MachineFailed {
        /// The fleet's words.
        reason: String,
    },
    /// We stopped it.
    #[serde(rename_all = "camelCase")]
    Stopped {
        /// Why we did.
        reason: String,
    },
    /// The fleet does not know the task any more.
    Lost,
    /// Something the fleet said that we do not know.
    #[serde(rename_all = "camelCase")]
    Other {
        /// Its words.
        reason: String,
    },
}

impl StopReason {
    /// Whether the machine was taken from the runner, whatever its job did.
    pub fn is_loss(&self) -> bool {
        matches!(self, Self::Interrupted | Self::Lost | Self::MachineFailed { .. })
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Failed { exit_code: Some(code), reason } => {
                write!(f, "failed with exit code {code}: {reason}")
            }
            Self::Failed { exit_code: None, reason } => write!(f, "failed: {reason}"),
            Self::NeverStarted { reason } => write!(f, "its task never started: {reason}"),
            Self::NotLaunched { reason } => write!(f, "could not be launched: {reason}"),
            Self::Interrupted => f.write_str("interrupted by Spot"),
            Self::MachineFailed { reason } => write!(f, "its machine failed: {reason}"),
            Self::Stopped { reason } => write!(f, "stopped: {reason}"),
            Self::Lost => f.write_str("its task is gone without a word"),
            Self::Other { reason } => f.write_str(reason),
        }
    }
}

/// Where a runner is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunnerState {
    /// Its capacity is taken; its task is about to be asked for.
    Reserved,
    /// Its task was accepted.
    Launched,
    /// Its task is up and it is registered at GitHub.
    Registered,
    /// GitHub gave it a job.
    Busy(JobId),
    /// Its task ended.
    Stopped(StopReason),
}

impl RunnerState {
    /// One word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Launched => "launched",
            Self::Registered => "registered",
            Self::Busy(_) => "busy",
            Self::Stopped(_) => "stopped",
        }
    }
}

/// What is known of a runner's registration at GitHub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Registration {
    /// There never was one, and without a ticket there will be none.
    None,
    /// `register` has asked for it and not said how that ended. A lease: after a while another may ask.
    Pending {
        /// Since when.
        since: Timestamp,
    },
    /// GitHub was asked and gave no answer: it may be there. Another may ask at once.
    Uncertain,
    /// It is there.
    Present,
    /// It is gone: GitHub said so, or the runner's one job completed.
    Gone,
}

/// A runner's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runner {
    /// Its name.
    pub name: RunnerName,
    /// The pool it belongs to, if it was launched for one.
    pub pool: Option<PoolName>,
    /// Where it registers.
    pub scope: Scope,
    /// What it is.
    pub spec: Spec,
    /// What it registers with.
    pub labels: Vec<Label>,
    /// Where it is.
    pub state: RunnerState,
    /// The job it is meant for, or has.
    pub job: Option<JobId>,
    /// Hashes of the tickets that were sent with RunTask; empty once one was used.
    pub tickets: Vec<TicketHash>,
    /// Until when a ticket is good.
    pub register_by: Timestamp,
    /// Its registration at GitHub.
    pub registration: Registration,
    /// Its id at GitHub, once it was registered.
    pub github_id: Option<GithubRunnerId>,
    /// Why it is being let go, if it is. It may not register any more, and no job is meant for it.
    pub dismissed: Option<String>,
    /// Its task.
    pub task: Option<TaskId>,
    /// The highest `detail.version` of its task's events.
    pub task_version: u64,
    /// What it counts in.
    pub counters: Vec<Counter>,
    /// When its capacity was taken.
    pub reserved_at: Timestamp,
    /// When its task ran first.
    pub started_at: Option<Timestamp>,
    /// When it registered at GitHub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<Timestamp>,
    /// When its task ended.
    pub stopped_at: Option<Timestamp>,
    /// When its state last changed.
    pub changed_at: Timestamp,
    /// Where and how its task came up, as far as the fleet told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrival: Option<Arrival>,
    /// List price of its time in USD, in millionths, once it stopped.
    pub cost_micro_usd: Option<u64>,
    /// What its time was billed as, if it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billed: Option<Billed>,
    /// What happened to it.
    pub timeline: Timeline,
}

/// Where and how a task came up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Arrival {
    /// When it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// When the image pull began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_started_at: Option<Timestamp>,
    /// When the image was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_stopped_at: Option<Timestamp>,
    /// How its capacity was bought: `FARGATE`, `FARGATE_SPOT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The availability zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The subnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
}

impl Arrival {
    /// What a task's event tells; none if it tells nothing.
    pub fn of(change: &TaskStateChange) -> Option<Self> {
        let arrival = Self {
            created_at: change.created_at,
            pull_started_at: change.pull_started_at,
            pull_stopped_at: change.pull_stopped_at,
            provider: change.capacity_provider_name.clone(),
            zone: change.availability_zone.clone(),
            subnet: change.subnet().map(str::to_owned),
        };
        (arrival != Self::default()).then_some(arrival)
    }
}

/// What a new runner is made from.
#[derive(Debug, Clone)]
pub struct Reservation {
    /// Its name.
    pub name: RunnerName,
    /// Its pool.
    pub pool: Option<PoolName>,
    /// Its job.
    pub job: Option<JobId>,
    /// Where it will register.
    pub scope: Scope,
    /// What it will be.
    pub spec: Spec,
    /// What it will register with.
    pub labels: Vec<Label>,
    /// What it counts in.
    pub counters: Vec<Counter>,
    /// Until when it must have registered.
    pub register_by: Timestamp,
}

impl Runner {
    /// A runner whose capacity is being taken.
    pub fn reserve(reservation: Reservation, ticket: &Ticket, now: Timestamp) -> Self {
        let Reservation { name, pool, job, scope, spec, labels, counters, register_by } = reservation;
        let mut timeline = Timeline::default();
        timeline
            .note(now, job.map_or_else(|| "reserved".to_owned(), |job| format!("reserved for job {job}")));
        Self {
            name,
            pool,
            scope,
            spec,
            labels,
            state: RunnerState::Reserved,
            job,
            tickets: vec![ticket.hash()],
            register_by,
            registration: Registration::None,
            github_id: None,
            dismissed: None,
            task: None,
            task_version: 0,
            counters,
            reserved_at: now,
            started_at: None,
            registered_at: None,
            stopped_at: None,
            changed_at: now,
            arrival: None,
            cost_micro_usd: None,
            billed: None,
            timeline,
        }
    }

    /// Whether its capacity is taken.
    pub fn is_live(&self) -> bool {
        !matches!(self.state, RunnerState::Stopped(_))
    }

    /// Whether its task is there or on its way and it has not begun a job: it could serve one.
    pub fn is_available(&self) -> bool {
        let idle =
            matches!(self.state, RunnerState::Reserved | RunnerState::Launched | RunnerState::Registered);
        idle && self.dismissed.is_none()
    }

    /// Whether it is available and no job is meant for it.
    pub fn is_free(&self) -> bool {
        self.job.is_none() && self.is_available()
    }

    /// Whether it is one of a pool's warm runners: there, and meant for no job.
    pub fn is_idle_in(&self, pool: &PoolName) -> bool {
        self.is_free() && self.pool.as_ref() == Some(pool)
    }

    /// Whether GitHub may know it.
    pub fn may_be_registered(&self) -> bool {
        matches!(
            self.registration,
            Registration::Pending { .. } | Registration::Uncertain | Registration::Present
        )
    }

    /// Whether nothing more has to be done about it, at GitHub or in the fleet.
    pub fn is_settled(&self) -> bool {
        !self.is_live() && !self.may_be_registered()
    }

    /// Whether it could serve a job: GitHub's rule of labels, at the same place.
    pub fn suits(&self, scope: &Scope, labels: &[Label]) -> bool {
        self.scope == *scope && covers(&self.labels, labels)
    }

    /// How its capacity is bought: what its task runs on, or what was asked for while that is not told. Spot may have
    /// fallen back to on demand.
    pub fn capacity(&self) -> Capacity {
        match self.arrival.as_ref().and_then(|arrival| arrival.provider.as_deref()) {
            Some("FARGATE") => Capacity::OnDemand,
            Some("FARGATE_SPOT") => Capacity::Spot,
            _ => self.spec.capacity,
        }
    }

    /// Moves to a state, with what to say about it.
    pub fn move_to(&mut self, state: RunnerState, now: Timestamp, what: impl Into<String>) {
        self.state = state;
        self.changed_at = now;
        self.timeline.note(now, what);
    }

    /// Prices its time, which ran from `began` to `ended`; nothing if it never began.
    pub fn price(&mut self, prices: &Prices, began: Option<Timestamp>, ended: Timestamp) {
        let Some(began) = began else {
            self.cost_micro_usd = Some(0);
            return;
        };
        let ran = ended.duration_since(began).max(SignedDuration::ZERO);
        let (micro_usd, billed) = prices.bill(&self.spec, self.capacity(), ran);
        (self.cost_micro_usd, self.billed) = (Some(micro_usd), Some(billed));
    }

    /// Its task ended. Answers the counters to release; none if it had ended already.
    pub fn stop(&mut self, reason: StopReason, now: Timestamp) -> Vec<Counter> {
        if !self.is_live() {
            return Vec::new();
        }
        self.tickets.clear();
        self.stopped_at = Some(now);
        let what = format!("ended: {reason}");
        self.move_to(RunnerState::Stopped(reason), now, what);
        self.counters.clone()
    }
}
