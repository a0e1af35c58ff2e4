//! The scripts that a runner runs before and after its job (GitHub documentation, "Running scripts before or after a
//! job").

use std::ffi::OsString;
use std::path::PathBuf;

use tokio::process::Command;

use super::session::Job;

/// Where the scripts are.
#[derive(Debug, Clone, Default)]
pub(super) struct Hooks {
    started: Option<PathBuf>,
    completed: Option<PathBuf>,
}

impl Hooks {
    /// As the environment says.
    pub(super) fn from_environment() -> Self {
        let script =
            |name: &str| std::env::var_os(name).filter(|path: &OsString| !path.is_empty()).map(PathBuf::from);
        Self {
            started: script("ACTIONS_RUNNER_HOOK_JOB_STARTED"),
            completed: script("ACTIONS_RUNNER_HOOK_JOB_COMPLETED"),
        }
    }

    /// Before the job. Answers whether it may run.
    pub(super) async fn started(&self, job: &Job) -> bool {
        run(self.started.as_ref(), job).await
    }

    /// After the job. Answers whether the job may count as a success.
    pub(super) async fn completed(&self, job: &Job) -> bool {
        run(self.completed.as_ref(), job).await
    }
}

async fn run(script: Option<&PathBuf>, job: &Job) -> bool {
    let Some(script) = script else { return true };
    let ended = Command::new("bash")
        .arg("-e")
        .arg(script)
        .env("GITHUB_REPOSITORY", job.repository.as_str())
        .env("GITHUB_RUN_ID", job.run.to_string())
        .env("GITHUB_JOB", &job.name)
        // The real runner takes it out of its environment as soon as it has read it.
        .env_remove("ACTIONS_RUNNER_INPUT_JITCONFIG")
        .status()
        .await;
    match ended {
        Ok(status) if status.success() => true,
        Ok(status) => {
            tracing::warn!(hook.script = %script.display(), hook.status = %status, "a hook failed");
            false
        }
        Err(error) => {
            tracing::warn!(hook.script = %script.display(), %error, "a hook could not be started");
            false
        }
    }
}
