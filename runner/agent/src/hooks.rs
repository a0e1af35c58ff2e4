//! How the agent learns that a job began: scripts that the runner runs before and after it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use fleetfoot_model::Timestamp;

use crate::settings::Settings;
use crate::workplace::temporary_folder;

/// Runs before the job (GitHub documentation, "Running scripts before or after a job").
const JOB_STARTED: &str = "ACTIONS_RUNNER_HOOK_JOB_STARTED";
/// Runs after the job.
const JOB_COMPLETED: &str = "ACTIONS_RUNNER_HOOK_JOB_COMPLETED";

/// By this entry of its environment a process is known to come from the runner whose report is in this folder, wherever
/// it went: the path of the agent's hook. There is none if the user has a hook of his own.
pub fn marker(folder: &Path) -> Vec<u8> {
    let script = folder.join("hooks").join("job-started.sh");
    [JOB_STARTED.as_bytes(), b"=", script.as_os_str().as_bytes()].concat()
}

/// The agent's scripts, where the user has none.
pub(crate) struct Hooks {
    folder: PathBuf,
    set: Vec<(&'static str, OsString)>,
    _temporary: Option<tempfile::TempDir>,
}

impl Hooks {
    /// Writes the scripts next to the report. A hook that the user has is left alone.
    pub(crate) fn write(settings: &Settings) -> io::Result<Self> {
        let (folder, temporary) = folder(settings)?;
        fs::create_dir_all(&folder)?;
        let mut hooks = Self { folder, set: Vec::new(), _temporary: temporary };
        for (variable, name) in [(JOB_STARTED, "job-started"), (JOB_COMPLETED, "job-completed")] {
            if !is_set_by_user(settings, variable) {
                hooks.add(variable, name)?;
            }
        }
        Ok(hooks)
    }

    fn add(&mut self, variable: &'static str, name: &str) -> io::Result<()> {
        let script = self.folder.join(name).with_extension("sh");
        let mut text = b"#!/bin/sh\n: > ".to_vec();
        text.extend_from_slice(&quoted(self.folder.join(name).as_os_str()));
        text.push(b'\n');
        fs::write(&script, text)?;
        self.set.push((variable, script.into_os_string()));
        Ok(())
    }

    /// The variables to give to the runner.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&'static str, &OsStr)> {
        self.set.iter().map(|(name, script)| (*name, script.as_os_str()))
    }

    /// Whether the agent would know of a job.
    pub(crate) fn tell_of_jobs(&self) -> bool {
        self.set.iter().any(|(variable, _)| *variable == JOB_STARTED)
    }

    /// When the job began, if it did.
    pub(crate) fn job_started(&self) -> Option<Timestamp> {
        self.touched("job-started")
    }

    /// When the job ended, if it did.
    pub(crate) fn job_ended(&self) -> Option<Timestamp> {
        self.touched("job-completed")
    }

    fn touched(&self, name: &str) -> Option<Timestamp> {
        let touched = fs::metadata(self.folder.join(name)).ok()?.modified().ok()?;
        Timestamp::try_from(touched).ok()
    }
}

fn folder(settings: &Settings) -> io::Result<(PathBuf, Option<tempfile::TempDir>)> {
    if let Some(beside) = settings.report.as_deref().and_then(Path::parent) {
        return Ok((std::path::absolute(beside)?.join("hooks"), None));
    }
    let temporary = temporary_folder()?;
    Ok((temporary.path().to_owned(), Some(temporary)))
}

/// In the environment, or in the file `.env` beside `run.sh`, which the runner puts over it.
fn is_set_by_user(settings: &Settings, variable: &str) -> bool {
    if settings.variable(variable).is_some() {
        return true;
    }
    let Ok(lines) = fs::read_to_string(settings.runner_dir.join(".env")) else { return false };
    lines.lines().any(|line| line.strip_prefix(variable).is_some_and(|rest| rest.starts_with('=')))
}

/// A path as one word of the shell.
fn quoted(path: &OsStr) -> Vec<u8> {
    let inner: Vec<u8> = path.as_bytes().split(|byte| *byte == b'\'').collect::<Vec<_>>().join(&b"'\\''"[..]);
    [b"'", inner.as_slice(), b"'"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_the_shell() {
        assert_eq!(quoted(OsStr::new("/a b/it's")), br"'/a b/it'\''s'");
    }
}
