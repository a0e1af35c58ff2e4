//! The entry point of a runner's task: a ticket becomes a runner, the runner does one job.
//!
//! The agent shows its ticket to `register`, starts `run.sh` with the JIT configuration it gets, watches over it, and
//! ends only when nothing of the runner is left. What it is told and where it reports is in [`settings`], how it ends in
//! [`Exit`], what it reports in [`Report`].
//!
//! # Secrets
//!
//! Nothing secret is written anywhere. The ticket is taken out of the environment by starting the program anew, leaves in
//! one request, and is worthless afterwards. The JIT configuration goes into the environment of `run.sh` and nowhere else.
//! The agent's memory is closed to other processes of its user.
//!
//! # How the control plane hears of it
//!
//! The agent's only request is the one to `register`. Whatever else there is to tell costs nothing: each phase is a line in
//! the task's log ([`report`]), as is what the runner used ([`usage`]), and how it ended is the exit code, which `ECS Task State Change` carries to `task-state`
//! together with the reason of a stop, Spot's included. A request of its own on SIGTERM or at a bad end would tell nothing
//! that this event does not tell within moments, could be lost where the event is not, and would need a secret that
//! outlives the ticket in a place that jobs can reach.
//!
//! # Which images it runs in
//!
//! Built with `runner/Makefile` the program needs glibc 2.17 and its loader, nothing else: no OpenSSL (TLS is within), no
//! shell. It holds 6 MB while a job runs (`benches/agent-memory.sh`). `run.sh` needs bash. In an image that was not made
//! for a runner (`images.mode = "inject"`):
//!
//! | if the image has | then |
//! |---|---|
//! | root as its user | `RUNNER_ALLOW_RUNASROOT=1` |
//! | no home for its user that can be written to, or no such user in `/etc/passwd` | the runner gets one below `TMPDIR`, `/tmp` or `/var/tmp` |
//! | a runner folder that cannot be written to | the runner works in a copy there, with `externals` linked |
//! | no ICU | `DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1`, for the runner and its job |
//! | no root certificates | `SSL_CERT_FILE` is `ca-certificates.crt` beside the agent's program, if that is there |
//!
//! What the user sets is left as it is, but for a home that cannot be used.

mod begin;
mod exit;
mod hooks;
mod lock;
mod output;
pub mod processes;
mod register;
pub mod report;
mod runner;
pub mod settings;
mod signals;
mod supervise;
pub mod usage;
mod verdict;
mod workplace;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use fleetfoot_model::secret::Secret;

pub use exit::Exit;
pub use hooks::marker;
use report::{Journal, Phase};
pub use report::{Phases, Report, write_atomically};
use settings::Settings;
use signals::Signals;
use supervise::Supervisor;
use workplace::Workplace;

use crate::register::Registration;

/// How long a finished agent waits at most for threads that look up a name.
const SHUTDOWN: Duration = Duration::from_millis(100);

/// The program: reads the settings from the environment, logs to stderr, runs, and exits with [`Exit::code`].
///
/// Call it outside of any runtime.
pub fn main() -> ExitCode {
    let begun = begin::begin_anew();
    let settings = Settings::from_environment(std::env::vars_os(), std::io::stdin());
    log_to_stderr(settings.as_ref().is_ok_and(|settings| settings.debug));
    if let Err(error) = begun {
        tracing::warn!(%error, "the agent's environment stays as it was given, with the ticket");
    }
    processes::close_memory();
    let settings = match settings {
        Ok(settings) => settings,
        Err(error) => {
            tracing::error!(%error, "the agent cannot be set up");
            return Exit::Unusable.into();
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "there is no runtime");
            return Exit::Unusable.into();
        }
    };
    let exit = runtime.block_on(run(settings));
    runtime.shutdown_timeout(SHUTDOWN);
    exit.into()
}

/// Runs the agent to its end. Takes over the process's signals and children: do nothing else in it.
pub async fn run(settings: Settings) -> Exit {
    let began = Instant::now();
    let mut journal = Journal::new(settings.report.clone());
    let end = match prepare(&settings, &mut journal).await {
        Ok(mut ready) => {
            let end = live(&settings, &mut ready, &mut journal, began).await;
            journal.end(&end);
            end
        }
        Err(end) => {
            // Not written into the report: the folder may be another agent's.
            journal.tell(&end);
            end
        }
    };
    end.exit
}

/// How it ended, and why in words.
pub(crate) struct End {
    pub(crate) exit: Exit,
    /// Whether the runner had a job; `None` if that cannot be known.
    pub(crate) ran_job: Option<bool>,
    pub(crate) reason: String,
}

impl End {
    /// An end before there was a runner.
    fn without_runner(exit: Exit, reason: impl Into<String>) -> Self {
        Self { exit, ran_job: Some(false), reason: reason.into() }
    }
}

/// What an agent needs before it asks for work.
struct Ready {
    signals: Signals,
    workplace: Workplace,
    _claim: Option<lock::Claim>,
}

async fn prepare(settings: &Settings, journal: &mut Journal) -> Result<Ready, End> {
    let unusable = |reason: String| End::without_runner(Exit::Unusable, reason);
    // Before the report tells the process id: whoever reads that may send a signal.
    let signals =
        Signals::listen().map_err(|error| unusable(format!("signals cannot be received: {error}")))?;
    let claim = match &settings.lock {
        Some(path) => Some(lock::claim(path, settings.report.as_deref()).await?),
        None => None,
    };
    workplace::check(&settings.run_script()).map_err(unusable)?;
    let workplace = Workplace::prepare(settings)
        .map_err(|error| unusable(format!("there is no place for the runner to work in: {error}")))?;
    processes::adopt_orphans();
    journal
        .open(settings.runner_name())
        .map_err(|error| unusable(format!("the report cannot be written: {error}")))?;
    Ok(Ready { signals, workplace, _claim: claim })
}

async fn live(settings: &Settings, ready: &mut Ready, journal: &mut Journal, began: Instant) -> End {
    let registration = tokio::select! {
        biased;
        () = ready.signals.stop() => {
            return End::without_runner(Exit::Stopped, "told to stop before it was registered");
        }
        registration = register::register(settings, began + settings.register_within) => registration,
    };
    match registration {
        Registration::NoWork(reason) => End::without_runner(Exit::Done, format!("no work: {reason}")),
        Registration::Refused(reason) => End::without_runner(Exit::Refused, reason),
        Registration::Impossible(reason) => End::without_runner(Exit::Unusable, reason),
        Registration::Late(reason) => End::without_runner(Exit::Late, reason),
        Registration::Registered(configuration) => {
            journal.reach(Phase::Registered);
            run_job(settings, configuration, ready, journal).await
        }
    }
}

async fn run_job(
    settings: &Settings,
    configuration: Secret,
    ready: &mut Ready,
    journal: &mut Journal,
) -> End {
    match Supervisor::start(settings, configuration, &ready.workplace, journal) {
        Ok(supervisor) => supervisor.run(&mut ready.signals).await,
        Err(error) => {
            End::without_runner(Exit::RunnerFailed, format!("run.sh could not be started: {error}"))
        }
    }
}

/// One line an event, of the agent's own only: what a library logs when verbose may hold what was sent.
fn log_to_stderr(debug: bool) {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::prelude::*;
    let level = if debug { LevelFilter::DEBUG } else { LevelFilter::INFO };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let own = Targets::new().with_target("fleetfoot_agent", level);
    // Fails only if the caller logs already: then that stays.
    let _ = tracing_subscriber::registry().with(lines).with(own).try_init();
}
