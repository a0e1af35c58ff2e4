//! A fleet on one machine: every task is a local process, the runner's agent, in a folder of its own.
//!
//! All that is known of a task is in its folder, `<state>/runners/<name>/`, so a fleet that was killed at any moment goes
//! on where it was, and runners do not notice:
//!
//! | in the folder | written by | what it says |
//! |---|---|---|
//! | `task.json` | [`LocalFleet::watch`] | how far it is told on the bus |
//! | `stop.json` | [`Fleet::stop`] | since when and why it is to stop; who watches does the rest |
//! | `report.json` | the agent | how far it is, and how it ended |
//! | `lock` | the agent | held: it lives. No process id can lie about that |
//! | `runner/` | the runner | a copy of the runner's own folder, with what it writes beside itself |
//!
//! Tasks run on this machine as they are: their class is not enforced, and there are no images.
//!
//! The stories with the real agent are in `runner/agent/tests/agent/fleet`, where its program is at hand.

mod agents;
mod copy;
mod environment;
mod folder;
mod keeper;
mod leftovers;
mod record;
mod settings;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use fleetfoot_model::Timestamp;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::ids::{RunnerName, TaskId};
use fleetfoot_model::ports::{Fleet, FleetError, LaunchRequest, Task};
use fleetfoot_model::spec::Arch;
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval};

use self::agents::Agents;
use self::folder::Folders;
use self::record::{Record, Status, StopRequest, TASK_PREFIX, task_id};
pub use self::settings::{LocalFleetSettings, OpenError};

/// How often the tasks are looked at.
const POLL: Duration = Duration::from_millis(200);
/// How many runner folders are copied at a time.
const COPIES: usize = 4;

/// The fleet of one machine. Clones are the same. Dropping it leaves its runners running.
#[derive(Clone)]
pub struct LocalFleet(Arc<Inner>);

struct Inner {
    settings: LocalFleetSettings,
    folders: Folders,
    agents: Agents,
    copies: Semaphore,
    /// Who was sent SIGTERM by this process. Another one sends it once more, which does no harm.
    terminated: Mutex<Vec<RunnerName>>,
}

impl LocalFleet {
    /// Opens the fleet in a state folder, with the tasks that are there. Several processes may open it; one at a time
    /// watches over it.
    pub fn open(settings: LocalFleetSettings) -> Result<Self, OpenError> {
        Self::over(settings.checked()?)
    }

    /// Opens the fleet in a state folder without a runner: to list its tasks and to stop them. It launches none.
    pub fn open_without_runner(state_dir: &Path) -> Result<Self, OpenError> {
        Self::over(LocalFleetSettings::new(state_dir, PathBuf::new(), Vec::new(), String::new()))
    }

    /// Where a runner's log is, as long as it is one of the newest 200.
    pub fn log_file(&self, runner: &RunnerName) -> PathBuf {
        self.0.folders.log(runner)
    }

    /// Where a runner works, while its task is there: the folder of its jobs, once it has had one.
    pub fn work_folder(&self, runner: &RunnerName) -> Option<PathBuf> {
        let folder = self.0.folders.of(runner).runner_dir();
        let work = folder.join("_work");
        [work, folder].into_iter().find(|folder| folder.is_dir())
    }

    /// What of this process's environment runners inherit: nothing that looks like a secret.
    pub fn inherited_environment(&self) -> Vec<(OsString, OsString)> {
        let settings = &self.0.settings;
        let inherited = environment::inherited(&settings.environment, &settings.secret_names);
        inherited.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn over(settings: LocalFleetSettings) -> Result<Self, OpenError> {
        let folders = Folders::create(&settings.state_dir)
            .map_err(|source| OpenError::State { folder: settings.state_dir.clone(), source })?;
        let (agents, terminated) = (Agents::default(), Mutex::default());
        Ok(Self(Arc::new(Inner { settings, folders, agents, copies: Semaphore::new(COPIES), terminated })))
    }

    /// Watches over the tasks for ever: tells every step of theirs as an `ECS Task State Change`, each again and again
    /// until `publish` has taken it, ends what is to be stopped, and clears away what has ended and is told. While
    /// another process watches over the same fleet, it waits.
    ///
    /// `publish` may block. Dropping the future at any point loses nothing.
    pub async fn watch<E: std::fmt::Display>(
        &self,
        publish: impl Fn(Envelope) -> Result<(), E> + Send + Sync + 'static,
    ) {
        let publish = Arc::new(publish);
        let mut tick = interval(POLL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let watching = loop {
            tick.tick().await;
            match self.0.folders.try_watch() {
                Ok(Some(lock)) => break Arc::new(lock),
                Ok(None) => tracing::debug!("another process watches over the fleet"),
                Err(error) => tracing::error!(%error, "the fleet's folder cannot be locked"),
            }
        };
        if let Err(error) = self.0.folders.prune() {
            tracing::warn!(%error, "what is not needed any more cannot be deleted");
        }
        loop {
            let (inner, publish) = (Arc::clone(&self.0), Arc::clone(&publish));
            // A pass that outlives a dropped future is still the only one.
            let watching = Arc::clone(&watching);
            let pass = tokio::task::spawn_blocking(move || {
                inner.pass(&*publish);
                drop(watching);
            });
            if let Err(error) = pass.await {
                tracing::error!(%error, "a look at the tasks failed");
            }
            tick.tick().await;
        }
    }
}

impl Inner {
    fn now(&self) -> Timestamp {
        self.settings.clock.now()
    }

    /// A folder for the task, unless there is one. It appears whole or not at all.
    fn prepare(&self, request: &LaunchRequest) -> io::Result<()> {
        let folder = self.folders.of(&request.runner);
        if folder.exists() {
            return Ok(());
        }
        let draft = self.folders.draft(&request.runner)?;
        copy::runner(&self.settings.runner_dir, &draft.runner_dir(), &self.settings.state_dir)?;
        draft.write_record(&Record::accepted(request, self.now()))?;
        draft.create_lock()?;
        draft.publish(&folder)
    }

    /// Starts the agent, unless that was done before. A process that was killed may have started one that is not to be
    /// seen yet, so it is the agent that refuses to be the second one in a folder.
    fn start(&self, request: &LaunchRequest) -> io::Result<()> {
        let folder = self.folders.of(&request.runner);
        if folder.is_used() {
            return Ok(());
        }
        // It may have ended and been cleared away while this one was prepared.
        if self.folders.has_ended(&request.runner) {
            self.folders.remove(&folder);
            return Ok(());
        }
        let started = self.agents.start(&self.settings, &folder, &self.folders.log(&request.runner), request);
        if started.is_err() {
            self.folders.remove(&folder);
        }
        started
    }

    fn launch(&self, request: &LaunchRequest) -> Result<(), FleetError> {
        if self.folders.has_ended(&request.runner) {
            return Ok(());
        }
        self.prepare(request).map_err(|error| refusal(&error))?;
        self.start(request).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => FleetError::Impossible(error.to_string()),
            _ => refusal(&error),
        })
    }

    fn list(&self) -> io::Result<Vec<Task>> {
        let tasks = self.folders.all()?.into_iter().map(|(runner, folder)| {
            let record = folder.record(&runner);
            Task {
                id: task_id(&runner),
                stopping: record.status == Status::Stopped || folder.stop_request().is_some(),
                created_at: record.created_at,
                runner,
            }
        });
        Ok(tasks.collect())
    }

    fn stop(&self, runner: &RunnerName, reason: &str) -> io::Result<()> {
        let folder = self.folders.of(runner);
        if !folder.exists() {
            return Ok(());
        }
        folder.request_stop(&StopRequest { at: self.now(), reason: reason.to_owned() })
    }

    fn check(&self, request: &LaunchRequest) -> Result<(), FleetError> {
        let here = match std::env::consts::ARCH {
            "x86_64" => Some(Arch::X64),
            "aarch64" => Some(Arch::Arm64),
            _ => None,
        };
        if here != Some(request.spec.arch) {
            let found = here.map_or(std::env::consts::ARCH.to_owned(), |arch| arch.to_string());
            let wanted = request.spec.arch;
            return Err(FleetError::Impossible(format!("the job wants {wanted}, this machine is {found}")));
        }
        self.settings.check_runner().map_err(|error| FleetError::Impossible(error.to_string()))
    }
}

#[async_trait]
impl Fleet for LocalFleet {
    async fn launch(&self, request: &LaunchRequest) -> Result<TaskId, FleetError> {
        self.0.check(request)?;
        let turn = self.0.copies.acquire().await.map_err(|error| unavailable(&error))?;
        let request = request.clone();
        let id = task_id(&request.runner);
        self.blocking(move |inner| inner.launch(&request)).await??;
        drop(turn);
        Ok(id)
    }

    async fn stop(&self, task: &TaskId, reason: &str) -> Result<(), FleetError> {
        let Some(runner) = task.as_str().strip_prefix(TASK_PREFIX).and_then(|name| name.parse().ok()) else {
            return Ok(());
        };
        let reason = reason.to_owned();
        self.blocking(move |inner| inner.stop(&runner, &reason)).await?.map_err(|error| unavailable(&error))
    }

    async fn list(&self) -> Result<Vec<Task>, FleetError> {
        self.blocking(Inner::list).await?.map_err(|error| unavailable(&error))
    }
}

impl LocalFleet {
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> T + Send + 'static,
    ) -> Result<T, FleetError> {
        let inner = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || work(&inner)).await.map_err(|error| unavailable(&error))
    }
}

fn unavailable(error: &dyn std::error::Error) -> FleetError {
    FleetError::Unavailable(error.to_string())
}

/// Why a task could not be launched.
fn refusal(error: &io::Error) -> FleetError {
    use io::ErrorKind::{OutOfMemory, PermissionDenied, QuotaExceeded, StorageFull, WouldBlock};
    let text = error.to_string();
    match error.kind() {
        PermissionDenied => FleetError::Impossible(text),
        // WouldBlock is EAGAIN: too many processes (Linux manual, fork(2)).
        StorageFull | QuotaExceeded | OutOfMemory | WouldBlock => FleetError::NoCapacity(text),
        _ => FleetError::Unavailable(text),
    }
}
