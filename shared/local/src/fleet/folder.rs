//! The folders and files of a local fleet.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fleetfoot_agent::{Report, write_atomically};
use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::RunnerName;
use serde::de::DeserializeOwned;

use super::copy::remove_all;
use super::record::{Record, StopRequest};

/// How many logs are kept.
const LOGS: usize = 200;
/// How long the name of a task that has ended is not used for another: as long as ECS knows a `clientToken` (RunTask,
/// `clientToken`).
const REMEMBER_ENDED: Duration = Duration::from_hours(24);
/// After this time, a draft that nobody published, or a folder that nobody deleted, was left by a process that is gone.
const LEFT: Duration = Duration::from_hours(1);
/// No file of a task is as long as this, unless a job wrote it.
const LONGEST_FILE: u64 = 64 * 1024;

/// The folders of all tasks, their logs, and the names of those that have ended.
pub(super) struct Folders {
    runners: PathBuf,
    logs: PathBuf,
    ended: PathBuf,
    watch: PathBuf,
}

impl Folders {
    /// Runners keep credentials in their folders, so only the owner looks in.
    pub(super) fn create(state: &Path) -> io::Result<Self> {
        fs::create_dir_all(state)?;
        let folder = |name: &str| {
            let path = state.join(name);
            DirBuilder::new().recursive(true).mode(0o700).create(&path).map(|()| path)
        };
        let (runners, logs, ended) = (folder("runners")?, folder("logs")?, folder("ended")?);
        Ok(Self { watch: runners.join(".watch"), runners, logs, ended })
    }

    pub(super) fn of(&self, runner: &RunnerName) -> Folder {
        Folder(self.runners.join(runner.as_str()))
    }

    pub(super) fn log(&self, runner: &RunnerName) -> PathBuf {
        self.logs.join(format!("{runner}.log"))
    }

    /// Every task that is not cleared away.
    pub(super) fn all(&self) -> io::Result<Vec<(RunnerName, Folder)>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(&self.runners)? {
            let entry = entry?;
            if let Some(runner) = entry.file_name().to_str().and_then(|name| name.parse::<RunnerName>().ok())
            {
                all.push((runner, Folder(entry.path())));
            }
        }
        all.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(all)
    }

    /// The right to watch over the tasks, unless another process has it.
    pub(super) fn try_watch(&self) -> io::Result<Option<File>> {
        try_lock(OpenOptions::new().create(true).truncate(false).write(true).open(&self.watch)?)
    }

    /// A folder that is no task yet.
    pub(super) fn draft(&self, runner: &RunnerName) -> io::Result<Draft> {
        let prefix = format!(".new-{runner}-");
        Ok(Draft(tempfile::Builder::new().prefix(&prefix).tempdir_in(&self.runners)?))
    }

    pub(super) fn has_ended(&self, runner: &RunnerName) -> bool {
        self.ended.join(runner.as_str()).exists()
    }

    /// Remembers that there was such a task, and clears it away.
    pub(super) fn end(&self, runner: &RunnerName, folder: &Folder) -> io::Result<()> {
        File::create(self.ended.join(runner.as_str()))?;
        self.remove(folder);
        Ok(())
    }

    /// Clears a folder away. It stops being a task at once; what cannot be deleted is tried again later.
    pub(super) fn remove(&self, folder: &Folder) {
        let name = folder.0.file_name().unwrap_or_default();
        let gone = self.runners.join(format!(".gone-{}-{}", name.display(), uuid::Uuid::new_v4()));
        match fs::rename(&folder.0, &gone) {
            Ok(()) => clear(gone),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(folder = %folder.0.display(), %error, "a folder cannot be cleared away");
            }
        }
    }

    /// Deletes what is not needed any more.
    pub(super) fn prune(&self) -> io::Result<()> {
        for (path, age) in aged(&self.runners)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if age > LEFT && (name.starts_with(".gone-") || name.starts_with(".new-")) {
                clear(path);
            }
        }
        let ended = aged(&self.ended)?.into_iter().filter(|(_, age)| *age > REMEMBER_ENDED);
        let logs = aged(&self.logs)?.into_iter().skip(LOGS);
        for (path, _) in ended.chain(logs) {
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

/// Apart, as a job may have left many gigabytes.
fn clear(path: PathBuf) {
    std::thread::spawn(move || {
        if let Err(error) = remove_all(&path) {
            tracing::warn!(folder = %path.display(), %error, "a runner's folder cannot be deleted");
        }
    });
}

/// What is in a folder, the newest first, with the time since it was changed.
fn aged(folder: &Path) -> io::Result<Vec<(PathBuf, Duration)>> {
    let now = SystemTime::now();
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // It may be moved away meanwhile.
        let Ok(metadata) = entry.metadata() else { continue };
        let age = metadata.modified().ok().and_then(|then| now.duration_since(then).ok());
        found.push((entry.path(), age.unwrap_or_default()));
    }
    found.sort_by_key(|(_, age)| *age);
    Ok(found)
}

/// A folder that becomes a task when all of it is there.
pub(super) struct Draft(tempfile::TempDir);

impl Draft {
    pub(super) fn runner_dir(&self) -> PathBuf {
        self.0.path().join("runner")
    }

    pub(super) fn write_record(&self, record: &Record) -> io::Result<()> {
        Folder(self.0.path().to_owned()).write_record(record)
    }

    pub(super) fn create_lock(&self) -> io::Result<()> {
        File::create_new(self.0.path().join("lock")).map(drop)
    }

    /// Makes it the task's folder, unless another one was faster.
    pub(super) fn publish(self, folder: &Folder) -> io::Result<()> {
        match fs::rename(self.0.path(), &folder.0) {
            Ok(()) => {
                // Not to be deleted any more; it is elsewhere.
                let _ = self.0.keep();
                Ok(())
            }
            Err(_) if folder.exists() => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// A task's folder.
#[derive(Debug, Clone)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn runner_dir(&self) -> PathBuf {
        self.0.join("runner")
    }

    pub(super) fn report_file(&self) -> PathBuf {
        self.0.join("report.json")
    }

    pub(super) fn lock_file(&self) -> PathBuf {
        self.0.join("lock")
    }

    pub(super) fn exists(&self) -> bool {
        self.0.exists()
    }

    pub(super) fn record(&self, runner: &RunnerName) -> Record {
        read(&self.0.join("task.json")).unwrap_or_else(|| Record::found(runner, self.created_at()))
    }

    pub(super) fn write_record(&self, record: &Record) -> io::Result<()> {
        write_atomically(&self.0.join("task.json"), &serde_json::to_vec(record)?)
    }

    fn created_at(&self) -> Timestamp {
        let changed = fs::metadata(&self.0).and_then(|found| found.modified()).ok();
        changed.and_then(|changed| Timestamp::try_from(changed).ok()).unwrap_or_default()
    }

    /// The agent's report. One that cannot be read says at least that there was an agent.
    pub(super) fn report(&self) -> Option<Report> {
        let path = self.report_file();
        read(&path).or_else(|| path.exists().then(Report::default))
    }

    /// Makes sure that no agent begins here any more: it would find a report.
    pub(super) fn close(&self, reason: &str) -> io::Result<()> {
        let report = Report { reason: Some(reason.to_owned()), ..Report::default() };
        write_atomically(&self.report_file(), &serde_json::to_vec(&report)?)
    }

    pub(super) fn stop_request(&self) -> Option<StopRequest> {
        read(&self.0.join("stop.json"))
    }

    /// The first one counts.
    pub(super) fn request_stop(&self, request: &StopRequest) -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.0)?;
        file.write_all(&serde_json::to_vec(request)?)?;
        match file.persist_noclobber(self.0.join("stop.json")) {
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error.error),
            Ok(_) => Ok(()),
        }
    }

    /// The agent's lock, if no agent lives. For who watches only: whoever else held it would look like an agent.
    pub(super) fn try_lock(&self) -> io::Result<Option<File>> {
        try_lock(OpenOptions::new().write(true).open(self.lock_file())?)
    }

    /// Whether an agent was here, or is not to come any more. One that has only just started is not seen yet.
    pub(super) fn is_used(&self) -> bool {
        self.report_file().exists() || self.stop_request().is_some()
    }
}

/// A log that its owner alone reads: runners print what they like.
pub(super) fn open_log(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let mut content = Vec::new();
    File::open(path).ok()?.take(LONGEST_FILE).read_to_end(&mut content).ok()?;
    serde_json::from_slice(&content).ok()
}

fn try_lock(file: File) -> io::Result<Option<File>> {
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
