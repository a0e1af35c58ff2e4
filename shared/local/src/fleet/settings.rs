//! What a local fleet is told.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fleetfoot_model::ports::Clock;

use fleetfoot_shell::clock::SystemClock;

/// What a local fleet is told.
#[derive(Clone)]
pub struct LocalFleetSettings {
    /// Where it keeps folders, logs and what it knows of tasks.
    pub state_dir: PathBuf,
    /// The folder of the runner, with its `run.sh`. Copied for every task.
    pub runner_dir: PathBuf,
    /// The command that is an agent: a program and its arguments.
    pub agent_command: Vec<OsString>,
    /// Where the agents reach this fleet's `register`, such as `http://127.0.0.1:8080`.
    pub register_base_url: String,
    /// Within which time an agent has to register; 10 minutes.
    pub register_within: Duration,
    /// How long a runner may wait for its job; 1 hour, zero for ever. A pool's runners wait for ever.
    pub idle_within: Duration,
    /// How long a job has to end once it is to stop; 110 seconds.
    pub stop_within: Duration,
    /// Whether every agent and runner is to be verbose.
    pub debug: bool,
    /// The variables that hold secrets of the control plane. No runner inherits them, whatever else is allowed.
    pub secret_names: Vec<String>,
    /// The environment of which runners inherit what is allowed: this process's.
    pub environment: Vec<(OsString, OsString)>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// Why a fleet could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The runner's folder cannot be used.
    #[error(
        "{folder} is not a runner's folder: an executable run.sh is needed, as in an unpacked release of actions/runner"
    )]
    NoRunner {
        /// The folder.
        folder: PathBuf,
    },
    /// There is no command.
    #[error("the command that starts an agent is empty")]
    NoAgent,
    /// The state folder cannot be used.
    #[error("the fleet's state cannot be kept in {folder}")]
    State {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl LocalFleetSettings {
    /// With the default for everything else.
    pub fn new(
        state_dir: impl Into<PathBuf>,
        runner_dir: impl Into<PathBuf>,
        agent_command: Vec<OsString>,
        register_base_url: impl Into<String>,
    ) -> Self {
        Self {
            state_dir: state_dir.into(),
            runner_dir: runner_dir.into(),
            agent_command,
            register_base_url: register_base_url.into(),
            register_within: Duration::from_mins(10),
            idle_within: Duration::from_hours(1),
            stop_within: Duration::from_secs(110),
            debug: false,
            secret_names: Vec::new(),
            environment: std::env::vars_os().collect(),
            clock: Arc::new(SystemClock),
        }
    }

    /// With absolute paths, as agents work in folders of their own.
    pub(super) fn checked(mut self) -> Result<Self, OpenError> {
        if self.agent_command.is_empty() {
            return Err(OpenError::NoAgent);
        }
        self.check_runner()?;
        self.runner_dir = absolute(&self.runner_dir)?;
        self.state_dir = absolute(&self.state_dir)?;
        Ok(self)
    }

    /// The folder may vanish later.
    pub(super) fn check_runner(&self) -> Result<(), OpenError> {
        let script = fs::metadata(self.runner_dir.join("run.sh"));
        let is_usable = script.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
        is_usable.then_some(()).ok_or_else(|| OpenError::NoRunner { folder: self.runner_dir.clone() })
    }
}

fn absolute(path: &Path) -> Result<PathBuf, OpenError> {
    std::path::absolute(path).map_err(|source| OpenError::State { folder: path.to_owned(), source })
}
