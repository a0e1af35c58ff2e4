//! What the agent tells about itself: in its log, a line for each phase, and in a file that is whole at every moment.
//!
//! # The lines in the log
//!
//! Each is `TIME LEVEL fleetfoot_agent::report: phase FIELDS`, and `FIELDS` are `name=value`, with text in quotes. The
//! names stay as they are, more may be added:
//!
//! | field | in | what |
//! |---|---|---|
//! | `agent.phase` | all | `up`, `registered`, `listening`, `jobStarted`, `jobEnded`, `exit`: the names in [`Phases`] |
//! | `agent.phase_at` | all | when that was, in RFC 3339, UTC |
//! | `agent.phase_ms` | all | milliseconds since `up`; 0 for an agent that never was |
//! | `runner.name` | `up` | such as `ff-42-1` |
//! | `agent.pid` | `up` | the agent's process id |
//! | `agent.exit_code` | `exit` | [`Exit::code`] |
//! | `runner.ran_job` | `exit` | `true`, `false` or `unknown` |
//! | `agent.reason` | `exit` | why it ended, in words |

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fleetfoot_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::End;
#[cfg(doc)]
use crate::exit::Exit;
use crate::usage::Usage;

/// The report file. It is there from the moment the agent is up; `exitCode` is there once it has ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Report {
    /// The agent's process id, valid while it lives.
    pub pid: u32,
    /// How it ended: [`Exit::code`].
    pub exit_code: Option<i32>,
    /// Whether the runner had a job; null while unknown, and for ever if that cannot be known.
    pub ran_job: Option<bool>,
    /// Why it ended, in words.
    pub reason: Option<String>,
    /// When it got how far.
    pub phases: Phases,
    /// What its job used, if the kernel tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// When the agent and its runner got how far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Phases {
    /// The agent is up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up: Option<Timestamp>,
    /// It has its JIT configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered: Option<Timestamp>,
    /// The runner said that it listens for jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listening: Option<Timestamp>,
    /// The runner began a job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_started: Option<Timestamp>,
    /// The job ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_ended: Option<Timestamp>,
    /// The agent ended, and nothing of the runner was left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<Timestamp>,
}

/// One of [`Phases`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Up,
    Registered,
    Listening,
    JobStarted,
    JobEnded,
    Exit,
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Registered => "registered",
            Self::Listening => "listening",
            Self::JobStarted => "jobStarted",
            Self::JobEnded => "jobEnded",
            Self::Exit => "exit",
        }
    }
}

impl Phases {
    fn latest(&self) -> Option<Timestamp> {
        [self.up, self.registered, self.listening, self.job_started, self.job_ended, self.exit]
            .into_iter()
            .flatten()
            .max()
    }

    fn slot(&mut self, phase: Phase) -> &mut Option<Timestamp> {
        match phase {
            Phase::Up => &mut self.up,
            Phase::Registered => &mut self.registered,
            Phase::Listening => &mut self.listening,
            Phase::JobStarted => &mut self.job_started,
            Phase::JobEnded => &mut self.job_ended,
            Phase::Exit => &mut self.exit,
        }
    }
}

/// Keeps the report, in its file and in the log.
pub(crate) struct Journal {
    path: Option<PathBuf>,
    report: Report,
}

impl Journal {
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        Self { path, report: Report { pid: std::process::id(), ..Report::default() } }
    }

    /// The first report. The later ones are written if possible: a runner is not ended because a disk is full.
    pub(crate) fn open(&mut self, runner: Option<&str>) -> io::Result<()> {
        let at = now();
        self.report.phases.up = Some(at);
        let (phase, pid, runner) = (Phase::Up.name(), self.report.pid, runner.unwrap_or("unknown"));
        tracing::info!(
            agent.phase = phase,
            agent.phase_at = %at,
            agent.phase_ms = 0,
            runner.name = runner,
            agent.pid = pid,
            "phase"
        );
        self.write()
    }

    /// A phase is reached, now. Only the first time counts.
    pub(crate) fn reach(&mut self, phase: Phase) {
        self.reach_at(phase, now());
    }

    /// A phase was reached, then. The time of a file may be some milliseconds behind the clock, so no phase is told to be
    /// earlier than those already reached.
    pub(crate) fn reach_at(&mut self, phase: Phase, at: Timestamp) {
        let at = at.max(self.report.phases.latest().unwrap_or(at));
        let slot = self.report.phases.slot(phase);
        if slot.is_some() {
            return;
        }
        *slot = Some(at);
        let milliseconds = self.since_up(at);
        tracing::info!(
            agent.phase = phase.name(),
            agent.phase_at = %at,
            agent.phase_ms = milliseconds,
            "phase"
        );
        self.try_write();
    }

    /// What the job used, for the last report.
    pub(crate) fn note_usage(&mut self, usage: Usage) {
        self.report.usage = Some(usage);
    }

    /// Whether it got that far.
    pub(crate) fn has_reached(&self, phase: Phase) -> bool {
        self.report.phases.clone().slot(phase).is_some()
    }

    /// The last report.
    pub(crate) fn end(&mut self, end: &End) {
        self.tell(end);
        self.report.exit_code = Some(end.exit.code().into());
        self.report.ran_job = end.ran_job;
        self.report.reason = Some(end.reason.clone());
        self.report.phases.exit = Some(now());
        self.try_write();
    }

    /// Tells how it ends, in the log only.
    pub(crate) fn tell(&self, end: &End) {
        let code = end.exit.code();
        if end.exit.is_failure() {
            tracing::error!(agent.exit_code = code, "{}", end.reason);
        }
        let at = now();
        tracing::info!(
            agent.phase = Phase::Exit.name(),
            agent.phase_at = %at,
            agent.phase_ms = self.since_up(at),
            agent.exit_code = code,
            runner.ran_job = end.ran_job.map_or("unknown", |ran| if ran { "true" } else { "false" }),
            agent.reason = end.reason,
            "phase"
        );
    }

    fn since_up(&self, at: Timestamp) -> i128 {
        self.report.phases.up.map_or(0, |up| at.duration_since(up).as_millis())
    }

    fn try_write(&self) {
        if let Err(error) = self.write() {
            tracing::warn!(%error, "the report cannot be written");
        }
    }

    fn write(&self) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        write_atomically(path, &serde_json::to_vec(&self.report)?)
    }
}

/// Writes a file so that a reader finds the old one or the new one, whole, wherever the writer dies.
pub fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
    file.write_all(content)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the agent is a shell: its phases are told by the wall clock")]
fn now() -> Timestamp {
    Timestamp::now()
}
