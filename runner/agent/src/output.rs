//! What the runner says on its standard output: passed on as it is, and listened to.

use std::io::{self, Read, Write};
use std::process::ChildStdout;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::verdict::Complaint;

/// The most of a line that is looked at.
const LONGEST_LINE: usize = 1024;

/// Something the runner said that the agent wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Listening,
    JobStarted,
    JobEnded,
    Complained(Complaint),
}

/// Passes the output on until its end. A thread of its own: whoever reads the agent's output may be slow.
pub(crate) fn follow(output: ChildStdout) -> UnboundedReceiver<Said> {
    let (sender, receiver) = unbounded_channel();
    std::thread::spawn(move || pass_on(output, io::stdout(), &sender));
    receiver
}

fn pass_on(mut from: impl Read, mut to: impl Write, said: &UnboundedSender<Said>) {
    let mut buffer = [0; 8192];
    let mut line = Vec::new();
    loop {
        let read = match from.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(0) | Err(_) => return,
            Ok(read) => &buffer[..read],
        };
        // A log that nobody takes must not stop the runner.
        let _ = to.write_all(read).and_then(|()| to.flush());
        for byte in read {
            if *byte != b'\n' {
                if line.len() < LONGEST_LINE {
                    line.push(*byte);
                }
                continue;
            }
            if let Some(known) = understand(&line) {
                let _ = said.send(known);
            }
            line.clear();
        }
    }
}

/// The listener's lines begin with a time (actions/runner, `Runner.cs` and `JobDispatcher.cs`); those of its helper
/// script do not (`run-helper.sh`).
fn understand(line: &[u8]) -> Option<Said> {
    let line = str::from_utf8(line).ok()?.trim_end();
    if line.starts_with("Runner listener exit with Session Conflict error") {
        return Some(Said::Complained(Complaint::SessionConflict));
    }
    if line.starts_with("Runner listener exit with terminated error") {
        return Some(Said::Complained(Complaint::GaveUp));
    }
    if line.starts_with("Exiting with unknown error code: ") {
        return Some(Said::Complained(Complaint::Failed));
    }
    let (time, text) = line.split_at_checked("2026-11-21 08:00:00Z: ".len())?;
    if !time.ends_with("Z: ") {
        return None;
    }
    match text {
        "Listening for Jobs" => Some(Said::Listening),
        _ if text.starts_with("Running job: ") => Some(Said::JobStarted),
        _ if text.starts_with("Job ") && text.contains(" completed with result: ") => Some(Said::JobEnded),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_passed_on_and_understood_line_by_line() {
        let output = "√ Connected to GitHub\n\
            Current runner version: '2.330.0'\n\
            2026-11-21 08:00:00Z: Listening for Jobs\n\
            2026-11-21 08:00:01Z: Running job: build: Listening for Jobs\r\n\
            Running job: said by a step\n\
            2026-11-21 08:00:09Z: Job build completed with result: Succeeded\n\
            Runner listener exit with Session Conflict error, stop the service, no retry needed.\n\
            Runner listener exit with terminated error, stop the service, no retry needed.\n\
            Exiting with unknown error code: 134\n\
            no end of line";
        let (sender, mut receiver) = unbounded_channel();
        let mut passed_on = Vec::new();
        pass_on(output.as_bytes(), &mut passed_on, &sender);
        drop(sender);
        assert_eq!(passed_on, output.as_bytes());
        let mut said = Vec::new();
        while let Some(next) = receiver.blocking_recv() {
            said.push(next);
        }
        let complained =
            [Complaint::SessionConflict, Complaint::GaveUp, Complaint::Failed].map(Said::Complained);
        let expected = [&[Said::Listening, Said::JobStarted, Said::JobEnded][..], &complained].concat();
        assert_eq!(said, expected);
    }
}
