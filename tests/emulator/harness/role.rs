//! This program is also what a task runs: a real agent, and a stand-in runner below it. A test has no path to the
//! programs of other packages.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use fleetfoot_model::secret::Secret;

const AGENT: &str = "--play-agent";
const RUNNER: &str = "--play-runner";

/// Plays the part that the first argument names, if any.
pub(crate) fn play() -> Option<ExitCode> {
    match std::env::args().nth(1)?.as_str() {
        AGENT => Some(fleetfoot_agent::main()),
        RUNNER => Some(run()),
        _ => None,
    }
}

/// The command that is an agent.
pub(crate) fn agent() -> Vec<OsString> {
    let program = std::env::current_exe().expect("a test has a binary");
    vec![program.into(), AGENT.into()]
}

/// Writes a runner's folder: a `run.sh` that starts the stand-in runner.
pub(crate) fn write_runner(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let program = std::env::current_exe().expect("a test has a binary");
    let script = folder.join("run.sh");
    std::fs::write(&script, format!("#!/bin/sh\nexec '{}' {RUNNER}\n", program.display())).expect("a script");
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).expect("a script can be run");
}

#[expect(clippy::disallowed_methods, reason = "a runner takes its configuration from its environment")]
fn run() -> ExitCode {
    let configuration = Secret::new(std::env::var("ACTIONS_RUNNER_INPUT_JITCONFIG").unwrap_or_default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return ExitCode::FAILURE };
    let code = runtime.block_on(fleetfoot_stand_in::runner::run(configuration));
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}
