//! The entry point of a runner's task: a ticket becomes a runner, the runner does one job.
//!
//! The agent shows its ticket to `register`, starts `run.sh` with the JIT configuration it gets, watches over it, and
//! ends only when nothing of the runner is left. What it is told and where it reports is in [`settings`], how it ends in
//! [`Exit`], what it reports in [`Report`].
//!
//! Nothing secret is written anywhere: the ticket leaves in one request and is worthless afterwards, the JIT
//! configuration goes into the environment of `run.sh` and nowhere else.

mod exit;
mod hooks;
mod lock;
mod output;
pub mod processes;
mod register;
mod report;
mod runner;
pub mod settings;
mod signals;
mod supervise;
mod verdict;

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

use crate::register::Registration;

/// How long a finished agent waits at most for threads that look up a name.
const SHUTDOWN: Duration = Duration::from_millis(100);

/// The program: reads the settings from the environment, logs to stderr, runs, and exits with [`Exit::code`].
///
/// Call it outside of any runtime.
pub fn main() -> ExitCode {
    let settings = Settings::from_environment(std::env::vars_os());
    log_to_stderr(settings.as_ref().is_ok_and(|settings| settings.debug));
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
    let (exit, ran_job, reason) = match prepare(&settings, &mut journal).await {
        Ok((mut signals, _claim)) => {
            let end = live(&settings, &mut signals, &mut journal, began).await;
            journal.end(end.exit, end.ran_job, &end.reason);
            (end.exit, end.ran_job, end.reason)
        }
        // Not written into the report: the folder may be another agent's.
        Err(end) => (end.exit, end.ran_job, end.reason),
    };
    tracing::info!(agent.exit_code = exit.code(), runner.ran_job = ?ran_job, reason, "the agent ends");
    exit
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

async fn prepare(settings: &Settings, journal: &mut Journal) -> Result<(Signals, Option<lock::Claim>), End> {
    let unusable = |reason: String| End::without_runner(Exit::Unusable, reason);
    // Before the report tells the process id: whoever reads that may send a signal.
    let signals =
        Signals::listen().map_err(|error| unusable(format!("signals cannot be received: {error}")))?;
    let claim = match &settings.lock {
        Some(path) => Some(lock::claim(path, settings.report.as_deref()).await?),
        None => None,
    };
    if !settings.run_script().is_file() {
        return Err(unusable(format!("there is no {}", settings.run_script().display())));
    }
    processes::adopt_orphans();
    journal.open().map_err(|error| unusable(format!("the report cannot be written: {error}")))?;
    Ok((signals, claim))
}

async fn live(settings: &Settings, signals: &mut Signals, journal: &mut Journal, began: Instant) -> End {
    let registration = tokio::select! {
        biased;
        () = signals.stop() => {
            return End::without_runner(Exit::Stopped, "told to stop before it was registered");
        }
        registration = register::register(settings, began + settings.register_within) => registration,
    };
    match registration {
        Registration::NoWork(reason) => End::without_runner(Exit::Done, format!("no work: {reason}")),
        Registration::Refused(reason) => End::without_runner(Exit::Refused, reason),
        Registration::Late(reason) => End::without_runner(Exit::Late, reason),
        Registration::Registered(configuration) => {
            journal.reach(Phase::Registered);
            run_job(settings, &configuration, signals, journal).await
        }
    }
}

async fn run_job(
    settings: &Settings,
    configuration: &Secret,
    signals: &mut Signals,
    journal: &mut Journal,
) -> End {
    match Supervisor::start(settings, configuration, journal) {
        Ok(supervisor) => supervisor.run(signals).await,
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
