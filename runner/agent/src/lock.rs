//! One folder, one agent, one life.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use crate::End;
use crate::exit::Exit;

/// How often it is tried: the fleet holds the lock for moments to see whether an agent lives.
const TRIES: u32 = 60;
const PAUSE: Duration = Duration::from_millis(50);

/// Held for the agent's life; the kernel lets go of it however the agent ends.
pub(crate) struct Claim(#[expect(dead_code, reason = "held, not read")] File);

/// Takes the folder, unless another agent has it, or had it: then there is a report.
pub(crate) async fn claim(lock: &Path, report: Option<&Path>) -> Result<Claim, End> {
    let unusable = |error: std::io::Error| {
        End::without_runner(Exit::Unusable, format!("{} cannot be locked: {error}", lock.display()))
    };
    let file = OpenOptions::new().write(true).open(lock).map_err(unusable)?;
    for _ in 0..TRIES {
        match file.try_lock() {
            Ok(()) if report.is_some_and(Path::exists) => {
                return Err(superseded("another agent was here before"));
            }
            Ok(()) => return Ok(Claim(file)),
            Err(TryLockError::WouldBlock) => pause().await,
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
    }
    Err(superseded("another agent is here"))
}

fn superseded(reason: &str) -> End {
    End { exit: Exit::Superseded, ran_job: None, reason: reason.to_owned() }
}

#[expect(clippy::disallowed_methods, reason = "the agent is a shell")]
async fn pause() {
    tokio::time::sleep(PAUSE).await;
}
