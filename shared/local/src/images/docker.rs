//! `docker build` with the runner's recipe.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use fleetfoot_model::image_key::RUNNER_VERSION;
use fleetfoot_model::ports::ImagesError;
use fleetfoot_model::spec::Arch;
use tokio::process::Command;

use super::store::Build;

/// How long the engine may take to answer a question.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// How much of a failed build's log is looked at, from its end, in bytes.
const TAIL: u64 = 4096;
/// How many of its last lines become the reason.
const LAST_LINES: usize = 3;

/// A Docker engine that answered.
#[derive(Debug, Clone)]
pub struct Docker {
    program: PathBuf,
    recipe: PathBuf,
    version: String,
}

impl Docker {
    /// Asks the engine for its version. None if there is no engine, or no `Dockerfile` in the recipe's folder.
    pub async fn find(program: impl Into<PathBuf>, recipe: PathBuf) -> Option<Self> {
        if !recipe.join("Dockerfile").is_file() {
            return None;
        }
        let program = program.into();
        let asked = ask(&program, &["info", "--format", "{{.ServerVersion}}"]).await.ok()?;
        let version = asked.filter(|version| !version.is_empty())?;
        Some(Self { program, recipe, version })
    }

    /// The engine's version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether the engine has an image.
    pub(super) async fn has(&self, uri: &str) -> Result<bool, ImagesError> {
        let found = ask(&self.program, &["image", "inspect", "--format", "{{.Id}}", uri]).await;
        found.map(|id| id.is_some()).map_err(|error| ImagesError::Unavailable(error.to_string()))
    }

    /// Deletes an image. One that is not there, or that a container uses, is left as it is.
    pub(super) async fn remove(&self, uri: &str) -> Result<(), ImagesError> {
        let asked = ask(&self.program, &["image", "rm", uri]).await;
        asked.map(|_| ()).map_err(|error| ImagesError::Unavailable(error.to_string()))
    }

    /// Builds. Nothing here goes through a shell, and the base has been parsed, so no name can be an option.
    pub(super) async fn build(&self, build: &Build, uri: &str, log: PathBuf) -> Result<(), String> {
        let (arch, target) = (build.arch, build.mode.target());
        let platform = match arch {
            Arch::X64 => "linux/amd64",
            Arch::Arm64 => "linux/arm64",
        };
        let output = File::create(&log).map_err(|error| error.to_string())?;
        let errors = output.try_clone().map_err(|error| error.to_string())?;
        let status = Command::new(&self.program)
            .args(["build", "--pull", "--platform", platform, "--target", target, "--tag", uri])
            .arg(format!("--build-arg=BASE_IMAGE={}", build.base))
            .arg(format!("--build-arg=RUNNER_VERSION={RUNNER_VERSION}"))
            .arg(format!("--build-arg=ARCH={arch}"))
            .arg(&self.recipe)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .kill_on_drop(true)
            .status()
            .await
            .map_err(|error| error.to_string())?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("docker build ended with {status}: {}", tail(&log)))
        }
    }
}

/// The engine's answer to a question; none if it says no.
async fn ask(program: &Path, arguments: &[&str]) -> std::io::Result<Option<String>> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let answer = tokio::time::timeout(ANSWERS_WITHIN, command.output()).await;
    let output = answer.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(output.status.success().then_some(text))
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let mut end = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        let length = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        file.read_to_end(&mut end)
    });
    if let Err(error) = read {
        return error.to_string();
    }
    let text = String::from_utf8_lossy(&end);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join(" / ")
}
