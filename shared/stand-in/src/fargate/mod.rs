//! A Fargate with state and faults: it has capacity and limits, starts tasks that come up late or never, takes Spot
//! capacity back, and tells of it in events that are lost, doubled and unordered.

mod launch;
mod life;
mod port;
mod report;
mod settings;
mod task;

use std::collections::{BTreeMap, BTreeSet};

use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::ids::{RunnerName, TaskId};
use fleetfoot_model::secret::Ticket;
use fleetfoot_model::spec::{Capacity, Spec};
use fleetfoot_model::{SignedDuration, Timestamp};
use rustc_hash::FxHashMap;

use crate::agenda::Agenda;
use crate::bucket::TokenBucket;
use crate::dice::Dice;
use task::Task;

pub use port::InProcessFargate;
pub use report::{FargateCounts, StopCall};
pub use settings::{Faults, Limits, Settings, Times};

/// What a world is to carry out, or to pass on.
#[derive(Debug, Clone, PartialEq)]
pub enum FargateAction {
    /// An event for the default bus.
    Event(Envelope),
    /// A task runs: the world plays its agent, which has a ticket to show to `register`.
    AgentUp {
        /// The runner it was launched as.
        runner: RunnerName,
        /// The task.
        task: TaskId,
        /// What it has in its environment.
        ticket: Ticket,
        /// What it is.
        spec: Spec,
    },
    /// SIGTERM has reached the agent. It says when it ends with [`StandInFargate::exit`].
    Terminate {
        /// The runner it was launched as.
        runner: RunnerName,
        /// The task.
        task: TaskId,
    },
    /// The agent and all it started are gone: SIGKILL, or the machine is.
    Kill {
        /// The runner it was launched as.
        runner: RunnerName,
        /// The task.
        task: TaskId,
    },
}

/// A Fargate. See [`InProcessFargate`] for its port.
#[derive(Debug)]
pub struct StandInFargate {
    settings: Settings,
    dice: Dice,
    /// The latest time it was told.
    now: Timestamp,
    agenda: Agenda<Step>,
    tasks: FxHashMap<TaskId, Task>,
    /// Those that have not stopped.
    live: BTreeSet<TaskId>,
    /// Which task a client token stands for.
    tokens: FxHashMap<RunnerName, TaskId>,
    on_demand: Supply,
    spot: Supply,
    actions: TokenBucket,
    reads: TokenBucket,
    /// Waits to be told to the world.
    outbox: Vec<FargateAction>,
    counts: FargateCounts,
    launches: BTreeMap<RunnerName, u32>,
    stops: Vec<StopCall>,
}

/// How much there is of one kind of capacity.
#[derive(Debug)]
struct Supply {
    launches: TokenBucket,
    /// CPU units, 1024 to a vCPU.
    in_use: u32,
    quota: u32,
}

/// What happens by itself when its time comes.
#[derive(Debug, Clone)]
enum Step {
    Pending(TaskId),
    Pull(TaskId),
    Running(TaskId),
    /// It is given up before it ran.
    GiveUp(TaskId),
    /// Spot takes it back.
    Interrupt(TaskId),
    /// Its grace is over.
    Kill(TaskId),
    /// It is gone without a word.
    Vanish(TaskId),
    Stopped(TaskId),
    Tell(Box<Envelope>),
}

impl StandInFargate {
    /// A Fargate without tasks.
    pub fn new(settings: Settings) -> Self {
        let limits = &settings.limits;
        let second = SignedDuration::from_secs(1);
        let supply = |vcpus: u32| Supply {
            launches: TokenBucket::new(limits.launch_burst, limits.launches_per_second, second),
            in_use: 0,
            quota: vcpus.saturating_mul(1024),
        };
        Self {
            dice: Dice::new(settings.seed),
            now: Timestamp::MIN,
            agenda: Agenda::new(),
            tasks: FxHashMap::default(),
            live: BTreeSet::new(),
            tokens: FxHashMap::default(),
            on_demand: supply(limits.on_demand_vcpus),
            spot: supply(limits.spot_vcpus),
            actions: TokenBucket::new(limits.action_burst, limits.actions_per_second, second),
            reads: TokenBucket::new(limits.read_burst, limits.reads_per_second, second),
            outbox: Vec::new(),
            counts: FargateCounts::default(),
            launches: BTreeMap::new(),
            stops: Vec::new(),
            settings,
        }
    }

    /// What it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes what goes wrong from now on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.settings.faults = faults;
    }

    /// When there is something to do next.
    pub fn next_due(&self) -> Option<Timestamp> {
        let waiting = (!self.outbox.is_empty()).then_some(self.now);
        [waiting, self.agenda.next()].into_iter().flatten().min()
    }

    /// Lets happen what has come due, and answers what the world has to do, in order.
    pub fn due(&mut self, now: Timestamp) -> Vec<FargateAction> {
        self.advance(now);
        std::mem::take(&mut self.outbox)
    }

    /// Time never goes back: an earlier `now` counts as the latest.
    fn advance(&mut self, now: Timestamp) -> Timestamp {
        self.now = self.now.max(now);
        while let Some((at, step)) = self.agenda.pop(self.now) {
            self.happen(at, step);
        }
        self.now
    }

    fn supply(&mut self, capacity: Capacity) -> &mut Supply {
        match capacity {
            Capacity::OnDemand => &mut self.on_demand,
            Capacity::Spot => &mut self.spot,
        }
    }
}
