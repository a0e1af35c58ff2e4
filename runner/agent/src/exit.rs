//! How the agent ends.

use std::process::ExitCode;

/// The agent's exit codes. `task-state` tells people what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: the job is done, or there was none.
    Done,
    /// 1: told to stop before the runner had a job.
    Stopped,
    /// 2: a setting is missing or wrong, the runner's folder has no `run.sh`, or the image lacks what it needs.
    Unusable,
    /// 3: the ticket was not accepted.
    Refused,
    /// 4: could not register in time.
    Late,
    /// 5: GitHub has a session for this runner already (the runner's own exit code).
    SessionConflict,
    /// 6: no job came within the idle deadline.
    Idle,
    /// 7: GitHub does not serve this runner release any more (the runner's own exit code).
    VersionDeprecated,
    /// 8: the runner failed in another way; its log says more.
    RunnerFailed,
    /// 9: another agent has, or had, this folder.
    Superseded,
    /// 10: the runner hung: it did not come to listen for jobs, or did not end after its job.
    Hung,
    /// 137: the runner was killed, perhaps for want of memory.
    Killed,
    /// 143: told to stop while the runner had a job that did not end by itself.
    Terminated,
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Stopped => 1,
            Self::Unusable => 2,
            Self::Refused => 3,
            Self::Late => 4,
            Self::SessionConflict => 5,
            Self::Idle => 6,
            Self::VersionDeprecated => 7,
            Self::RunnerFailed => 8,
            Self::Superseded => 9,
            Self::Hung => 10,
            Self::Killed => 137,
            Self::Terminated => 143,
        }
    }
}

impl Exit {
    /// Whether something is wrong that a person may have to look at.
    pub(crate) fn is_failure(self) -> bool {
        !matches!(self, Self::Done | Self::Stopped | Self::Superseded)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
