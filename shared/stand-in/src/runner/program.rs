//! The stand-in runner's program: connects with its configuration, runs one job, ends.

use std::io::Write;
use std::pin::pin;

use fleetfoot_model::Timestamp;
use fleetfoot_model::secret::Secret;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::hooks::Hooks;
use super::session::{Ended, Job, Session, Told};
use super::{DONE, RETRYABLE, TERMINATED};

/// Runs as the real runner does and answers its exit code: [`DONE`], [`TERMINATED`] or [`RETRYABLE`].
///
/// The configuration names the GitHub to connect to, and is good once. While it is idle, SIGTERM ends it within
/// moments; a job that it has is finished first. It says what the real one says when it listens, and when its job begins
/// and ends. The scripts in `ACTIONS_RUNNER_HOOK_JOB_STARTED` and
/// `ACTIONS_RUNNER_HOOK_JOB_COMPLETED` are run before and after the job.
pub async fn run(jit_configuration: Secret) -> i32 {
    let Ok(terminate) = signal(SignalKind::terminate()) else { return RETRYABLE };
    let code = serve(&jit_configuration, terminate).await.unwrap_or_else(|ended| {
        tracing::error!(error = %ended, "the runner gives up");
        match ended {
            Ended::Malformed | Ended::Refused(_) => TERMINATED,
            Ended::Unreachable => RETRYABLE,
        }
    });
    tracing::info!(runner.exit_code = code, "the runner ends");
    code
}

async fn serve(configuration: &Secret, mut terminate: Signal) -> Result<i32, Ended> {
    let session = {
        let opening = Session::open(configuration);
        tokio::select! {
            opened = opening => opened?,
            _ = terminate.recv() => return Ok(TERMINATED),
        }
    };
    tracing::info!(runner.name = session.name, "listening for a job");
    say("Listening for Jobs");
    match wait(&session, &mut terminate).await? {
        None => Ok(TERMINATED),
        Some(job) => work(&session, &job).await,
    }
}

/// Waits for a job; `None` if there will be none.
async fn wait(session: &Session, terminate: &mut Signal) -> Result<Option<Job>, Ended> {
    loop {
        // Not dropped on SIGTERM: its answer may be a job that is ours already.
        let mut next = pin!(session.next());
        let told = loop {
            tokio::select! {
                told = &mut next => break told?,
                _ = terminate.recv() => if session.close().await? { return Ok(None) },
            }
        };
        match told {
            Told::Job(job) => return Ok(Some(job)),
            Told::Gone => return Ok(None),
            Told::Cancelled => {}
        }
    }
}

async fn work(session: &Session, job: &Job) -> Result<i32, Ended> {
    tracing::info!(job.name = job.name, job.repository = %job.repository, "running a job");
    say(&format!("Running job: {}", job.name));
    let hooks = Hooks::from_environment();
    let mut succeeded = hooks.started(job).await;
    if succeeded {
        let _in_time = tokio::time::timeout(job.run_for, session.ended_early()).await;
    }
    succeeded &= hooks.completed(job).await;
    session.done(succeeded).await?;
    tracing::info!(job.name = job.name, job.succeeded = succeeded, "the job is done");
    let result = if succeeded { "Succeeded" } else { "Failed" };
    say(&format!("Job {} completed with result: {result}", job.name));
    Ok(DONE)
}

/// To its standard output, in the words of the real listener (actions/runner, `Runner.cs`, `JobDispatcher.cs`): an agent
/// follows them.
#[expect(clippy::disallowed_methods, reason = "a runner is a program of its own, in real time")]
fn say(words: &str) {
    let time = Timestamp::now().strftime("%Y-%m-%d %H:%M:%SZ");
    // Nobody has to listen.
    let _ = writeln!(std::io::stdout(), "{time}: {words}");
}
