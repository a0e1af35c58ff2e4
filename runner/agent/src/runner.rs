//! The runner's process.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use fleetfoot_model::secret::Secret;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::hooks::Hooks;
use crate::output::{self, Said};
use crate::settings::Settings;
use crate::workplace::Workplace;

/// Read, masked and removed from its environment by the runner (actions/runner, `CommandSettings.cs`).
const JIT_CONFIGURATION: &str = "ACTIONS_RUNNER_INPUT_JITCONFIG";

/// What `run.sh` is told beside it, unless the user says otherwise.
const DEFAULTS: [(&str, &str); 2] = [
    // Otherwise a release that GitHub does not serve any more looks like a job well done (`run-helper.sh`).
    ("ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE", "1"),
    // Otherwise `run.sh` dies of SIGTERM without a word to the listener, and ends with 0 whatever happened (`run.sh`).
    ("RUNNER_MANUALLY_TRAP_SIG", "1"),
];

/// Prints the runner's diagnostic log.
const VERBOSE: (&str, &str) = ("ACTIONS_RUNNER_PRINT_LOG_TO_STDOUT", "1");

/// A started `run.sh`, the leader of a process group.
pub(crate) struct Runner {
    pub(crate) pid: Pid,
    pub(crate) said: UnboundedReceiver<Said>,
}

impl Runner {
    /// Starts it. The configuration is in its environment only, and not kept.
    #[expect(clippy::needless_pass_by_value, reason = "nobody needs the configuration after this")]
    pub(crate) fn start(
        settings: &Settings,
        configuration: Secret,
        workplace: &Workplace,
        hooks: &Hooks,
    ) -> io::Result<Self> {
        let debug = settings.debug.then_some(VERBOSE);
        let mut child = Command::new("./run.sh")
            .current_dir(&workplace.runner_dir)
            .env_clear()
            .envs(DEFAULTS.into_iter().chain(debug))
            .envs(settings.environment.iter().map(|(name, value)| (name, value)))
            .envs(workplace.variables())
            .envs(hooks.variables())
            .env(JIT_CONFIGURATION, configuration.expose())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let (Some(pid), Some(stdout)) = (pid, child.stdout.take()) else {
            return Err(io::Error::other("a child without an id or an output"));
        };
        Ok(Self { pid, said: output::follow(stdout) })
    }

    /// Sends a signal to its process group. A group that is gone needs none.
    pub(crate) fn signal(&self, signal: Signal) {
        let _ = kill_process_group(self.pid, signal);
    }
}
