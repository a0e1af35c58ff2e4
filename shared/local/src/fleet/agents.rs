//! The agents that this process started.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fleetfoot_agent::settings::{
    DEBUG, IDLE_SECONDS, LOCK, REGISTER_SECONDS, REGISTER_URL, REPORT, RUNNER_DIR, STOP_SECONDS, TICKET,
};
use fleetfoot_model::ids::{Origin, RunnerName};
use fleetfoot_model::ports::LaunchRequest;
use process_wrap::std::{ChildWrapper, CommandWrap, ProcessSession};

use super::environment::inherited;
use super::folder::{Folder, open_log};
use super::settings::LocalFleetSettings;

/// The agents that this process started and has not seen cleared away.
#[derive(Default)]
pub(super) struct Agents(Mutex<BTreeMap<RunnerName, Agent>>);

struct Agent {
    child: Box<dyn ChildWrapper>,
    ended: Option<ExitStatus>,
}

/// How an agent's process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Process {
    /// Not started by this process.
    Unknown,
    Running,
    Ended(ExitStatus),
}

impl Agents {
    fn all(&self) -> MutexGuard<'_, BTreeMap<RunnerName, Agent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts an agent, unless this process did so before.
    pub(super) fn start(
        &self,
        settings: &LocalFleetSettings,
        folder: &Folder,
        log: &Path,
        request: &LaunchRequest,
    ) -> io::Result<()> {
        let mut agents = self.all();
        if agents.contains_key(&request.runner) {
            return Ok(());
        }
        let child = spawn(settings, folder, log, request)?;
        agents.insert(request.runner.clone(), Agent { child, ended: None });
        Ok(())
    }

    /// How an agent's process is. One that has ended is reaped by this.
    pub(super) fn process(&self, runner: &RunnerName) -> Process {
        let mut agents = self.all();
        let Some(agent) = agents.get_mut(runner) else { return Process::Unknown };
        if agent.ended.is_none() {
            agent.ended = agent.child.try_wait().ok().flatten();
        }
        agent.ended.map_or(Process::Running, Process::Ended)
    }

    /// Ends an agent's process that does not come up.
    pub(super) fn kill(&self, runner: &RunnerName) {
        if let Some(agent) = self.all().get_mut(runner) {
            // It may have ended by itself.
            let _ = agent.child.kill();
        }
    }

    /// Forgets those that have ended and whose task is not there any more.
    pub(super) fn forget(&self, is_there: impl Fn(&RunnerName) -> bool) {
        self.all().retain(|runner, agent| {
            is_there(runner) || (agent.ended.is_none() && matches!(agent.child.try_wait(), Ok(None)))
        });
    }
}

/// In a session of its own: what is sent to this process's group or terminal is not meant for runners.
fn spawn(
    settings: &LocalFleetSettings,
    folder: &Folder,
    log: &Path,
    request: &LaunchRequest,
) -> io::Result<Box<dyn ChildWrapper>> {
    let Some((program, arguments)) = settings.agent_command.split_first() else {
        return Err(io::Error::other("there is no command for an agent"));
    };
    let log = open_log(log)?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .envs(inherited(&settings.environment, &settings.secret_names))
        .env(REGISTER_URL, register_url(settings, &request.runner))
        .env(TICKET, request.ticket.expose())
        .env(RUNNER_DIR, folder.runner_dir())
        .env(REGISTER_SECONDS, settings.register_within.as_secs().to_string())
        .env(IDLE_SECONDS, idle_seconds(settings, &request.runner).to_string())
        .env(STOP_SECONDS, settings.stop_within.as_secs().to_string())
        .env(REPORT, folder.report_file())
        .env(LOCK, folder.lock_file())
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    if settings.debug || request.debug {
        command.env(DEBUG, "1");
    }
    let child = CommandWrap::from(command).wrap(ProcessSession).spawn().map_err(|error| {
        io::Error::new(error.kind(), format!("the agent {} cannot be started: {error}", program.display()))
    })?;
    // Of the wrapper around it, only the start is wanted: it would wait for the whole group.
    Ok(child.into_inner())
}

fn register_url(settings: &LocalFleetSettings, runner: &RunnerName) -> String {
    format!("{}/runners/{runner}/register", settings.register_base_url.trim_end_matches('/'))
}

/// A warm runner is there to wait; `pool` and `cleanup` decide for how long.
fn idle_seconds(settings: &LocalFleetSettings, runner: &RunnerName) -> u64 {
    match runner.origin() {
        Origin::Job { .. } => settings.idle_within.as_secs(),
        Origin::Pool { .. } => 0,
    }
}
