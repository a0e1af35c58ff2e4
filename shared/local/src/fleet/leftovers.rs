//! What a killed agent left behind.

use std::fs;
use std::time::{Duration, Instant};

use fleetfoot_agent::processes::Process;
use fleetfoot_agent::{Report, marker};
use fleetfoot_model::Timestamp;

use super::folder::Folder;

/// How long is waited for processes to vanish after SIGKILL.
const VANISH: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(10);

/// Ends every process that came from a killed agent, and answers how many there were. Only to be called while the
/// agent's lock is held: it is dead, and no other will come.
pub(super) fn end(folder: &Folder, report: &Report) -> usize {
    let began = Instant::now();
    let marker = marker(folder.path());
    let mut ended = 0;
    loop {
        let all = Process::all();
        let session = session_of(report, &all);
        let left = all
            .iter()
            .filter(|process| Some(process.session) == session || carries(&marker, &process.environment()));
        let left = left.inspect(|process| process.kill()).count();
        ended = ended.max(left);
        if left == 0 || began.elapsed() > VANISH {
            return ended;
        }
        pause();
    }
}

/// The agent's session, if it can only be the agent's. Its number is the agent's process id, which is not given to
/// another process while the session has members (Linux manual, credentials(7)): if there is a process of that id, the
/// agent's session was empty and another one has its number. After a restart of the machine nothing of it is left.
fn session_of(report: &Report, all: &[Process]) -> Option<i32> {
    let session = i32::try_from(report.pid).ok().filter(|pid| *pid > 1)?;
    let is_of_this_boot = report.phases.up? >= booted_at()?;
    let is_reused = all.iter().any(|process| process.pid.as_raw_pid() == session);
    (is_of_this_boot && !is_reused).then_some(session)
}

/// `btime` of `/proc/stat` (Linux manual, proc(5)).
fn booted_at() -> Option<Timestamp> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let seconds = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    Timestamp::from_second(seconds.trim().parse().ok()?).ok()
}

fn carries(marker: &[u8], environment: &[u8]) -> bool {
    environment.split(|byte| *byte == 0).any(|entry| entry == marker)
}

#[expect(clippy::disallowed_methods, reason = "this is the shell, and a thread that may block")]
fn pause() {
    std::thread::sleep(PAUSE);
}

#[cfg(test)]
mod tests {
    use fleetfoot_agent::Phases;
    use rustix::process::Pid;

    use super::*;

    #[test]
    fn a_session_is_only_ended_if_it_can_only_be_the_agents() {
        let up = booted_at().unwrap();
        let report = |up| Report { pid: 77, phases: Phases { up, ..Phases::default() }, ..Report::default() };
        let process = |pid| Process { pid: Pid::from_raw(pid).unwrap(), parent: 1, session: 77 };
        assert_eq!(session_of(&report(Some(up)), &[process(78)]), Some(77));
        assert_eq!(session_of(&report(Some(up)), &[process(77), process(78)]), None, "the number is reused");
        assert_eq!(session_of(&report(Some(Timestamp::UNIX_EPOCH)), &[process(78)]), None, "before the boot");
        assert_eq!(session_of(&report(None), &[process(78)]), None);
        assert_eq!(session_of(&Report::default(), &[]), None);
    }

    #[test]
    fn a_process_is_known_by_a_whole_entry_of_its_environment() {
        assert!(carries(b"A=/x", b"PATH=/bin\0A=/x\0"));
        assert!(!carries(b"A=/x", b"PATH=/bin\0A=/x/y\0"));
        assert!(!carries(b"A=/x", b""));
    }
}
