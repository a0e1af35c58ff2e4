//! Processes: whose they are, and how they are ended and reaped.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, wait};

/// How long processes have to vanish after SIGKILL. One that waits for a disk can take its time.
const VANISH: Duration = Duration::from_secs(10);
/// How often it is looked.
const PAUSE: Duration = Duration::from_millis(5);

/// A process of this machine, as far as `/proc` tells (Linux manual, proc(5)); elsewhere there are none to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: Pid,
    /// Its parent's; 0 for none.
    pub parent: i32,
    /// Its session's.
    pub session: i32,
}

impl Process {
    /// The living processes. Those that only wait to be reaped are dead.
    pub fn all() -> Vec<Self> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        pids.filter_map(|pid: i32| {
            let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
            Self::parse(pid, &String::from_utf8_lossy(&stat))
        })
        .collect()
    }

    /// `1234 (a name) S parent group session ...`; the name may hold anything.
    fn parse(pid: i32, stat: &str) -> Option<Self> {
        let (_, fields) = stat.rsplit_once(')')?;
        let mut fields = fields.split_whitespace();
        if matches!(fields.next()?, "Z" | "X") {
            return None;
        }
        let parent = fields.next()?.parse().ok()?;
        let session = fields.nth(1)?.parse().ok()?;
        Some(Self { pid: Pid::from_raw(pid)?, parent, session })
    }

    /// Its environment as it was started: `NAME=value` entries, each ended by a zero byte. Empty if it may not be read.
    pub fn environment(&self) -> Vec<u8> {
        fs::read(format!("/proc/{}/environ", self.pid)).unwrap_or_default()
    }

    /// Ends it at once.
    pub fn kill(&self) {
        let _ = kill_process(self.pid, Signal::KILL);
    }
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Code(i32),
    Signal(i32),
}

/// Makes orphans of this process's children its own children, so that none of them is lost sight of.
pub(crate) fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
        tracing::warn!(%error, "orphans cannot be adopted; some may be left behind");
    }
}

/// Closes this process's memory, environment and open files to other processes of its user, and keeps them out of core
/// dumps (Linux manual, `PR_SET_DUMPABLE`). The runner, being another program, starts without this.
pub(crate) fn close_memory() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
            tracing::warn!(%error, "the agent's memory stays open to processes of its user");
        }
    }
}

/// Reaps every child that has ended; tells how `main` did, if it is among them.
pub(crate) fn reap(main: Pid) -> Option<Ended> {
    let mut ended = None;
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if pid == main {
            ended = status.exit_status().map(Ended::Code).or(status.terminating_signal().map(Ended::Signal));
        }
    }
    ended
}

/// Ends what is left of a runner that has ended: its process group, and every child of ours, own or adopted, until there
/// is none. Answers how many there were.
pub(crate) async fn end_children(group: Pid) -> usize {
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let deadline = Instant::now() + VANISH;
    let mut ended = BTreeSet::new();
    loop {
        let children: Vec<_> = Process::all().into_iter().filter(|process| process.parent == own).collect();
        for child in &children {
            child.kill();
            ended.insert(child.pid.as_raw_pid());
        }
        // On Linux, every orphan of the runner's is a child of ours by now.
        if !cfg!(target_os = "linux") {
            let _ = kill_process_group(group, Signal::KILL);
        }
        reap(group);
        if children.is_empty() || Instant::now() > deadline {
            return ended.len();
        }
        pause().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the agent is a shell")]
async fn pause() {
    tokio::time::sleep(PAUSE).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_does_not_confuse_the_reading() {
        let process = Process::parse(7, "7 (a) Z 9 9 9 (b)) S 3 4 5 0 -1 4194560 1").unwrap();
        assert_eq!((process.parent, process.session), (3, 5));
        assert_eq!(Process::parse(7, "7 (gone) Z 3 4 5 0"), None);
        assert_eq!(Process::parse(7, ""), None);
    }
}
