//! Logs of a fleet on this machine: a file for each runner.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Seek, SeekFrom};
use std::path::Path;

use async_trait::async_trait;
use fleetfoot_local::fleet::LocalFleet;
use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::RunnerName;
use fleetfoot_model::runner::Runner;

use super::logs::{Line, Logs, Page, Sought, Wanted, split_time};
use crate::failure::{Failure, OrFail};
use crate::progress::Progress;

/// How much of a file is read at a time, in bytes.
const PAGE_BYTES: u64 = 1024 * 1024;
/// The longest line that is shown as one.
const LONGEST_LINE: u64 = 64 * 1024;

/// The logs of runners that are processes.
pub(super) struct LogsHere(pub(super) LocalFleet);

#[async_trait]
impl Logs for LogsHere {
    async fn runner(
        &self,
        runner: &Runner,
        since: Option<Timestamp>,
        from: Option<&str>,
    ) -> Result<Option<Page>, Failure> {
        let file = self.0.log_file(&runner.name);
        let offset = from.and_then(|it| it.parse().ok()).unwrap_or(0);
        let page = match read(&file, offset) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            page => page.or_fail(format!("the log {} cannot be read", file.display()))?,
        };
        let mut page = page;
        if let Some(since) = since.filter(|_| from.is_none()) {
            // A line without a time belongs to the one before it.
            let first = page.lines.iter().position(|line| line.at.is_some_and(|at| at >= since));
            page.lines.drain(..first.unwrap_or(page.lines.len()));
        }
        Ok(Some(page))
    }

    /// What is sought is the last that an agent writes, so of each log only the end is looked through.
    async fn of_runners(
        &self,
        sought: Sought<'_>,
        progress: &Progress,
    ) -> Result<(Vec<String>, bool), Failure> {
        let mut found = Vec::new();
        for runner in sought.runners {
            let file = self.0.log_file(&runner.name);
            progress.says(&format!("reading {}", file.display()));
            let page = match std::fs::metadata(&file)
                .and_then(|it| read(&file, it.len().saturating_sub(PAGE_BYTES)))
            {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                page => page.or_fail(format!("the log {} cannot be read", file.display()))?,
            };
            found.extend(
                page.lines.into_iter().map(|line| line.text).filter(|text| text.contains(sought.text)),
            );
        }
        Ok((found, false))
    }

    fn kept(&self, runner: &RunnerName) -> String {
        format!(
            "{} would be its log; those of the newest 200 runners are kept",
            self.0.log_file(runner).display()
        )
    }

    async fn functions(&self, _wanted: &Wanted) -> Result<(Vec<Line>, bool), Failure> {
        Err(Failure::new("the functions of a fleet on this machine keep no log of their own").hint(
            "`fleetfoot up` logs to its stderr; FLEETFOOT_LOG=info has it tell each event that a function handled",
        ))
    }
}

/// Whole lines from an offset on. What is being written at the end is left for the next page.
fn read(path: &Path, offset: u64) -> io::Result<Page> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(offset))?;
    let mut reader = BufReader::new(file);
    let (mut lines, mut at) = (Vec::new(), offset);
    while at < offset + PAGE_BYTES {
        let mut bytes = Vec::new();
        let read = io::Read::take(&mut reader, LONGEST_LINE).read_until(b'\n', &mut bytes)?;
        if read == 0 || (bytes.last() != Some(&b'\n') && (read as u64) < LONGEST_LINE) {
            break;
        }
        at += read as u64;
        let text = String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned();
        lines.push(Line { at: split_time(&text).0, source: "runner".to_owned(), text });
    }
    Ok(Page { lines, next: at.to_string(), has_more: at >= offset + PAGE_BYTES && at < length })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_being_written_waits_for_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        std::fs::write(&path, "2026-11-21 08:00:00Z: Listening\n\u{1b}[2J").unwrap();
        let page = read(&path, 0).unwrap();
        assert_eq!((page.lines.len(), page.next.as_str(), page.has_more), (1, "32", false));
        assert_eq!(page.lines[0].at, "2026-11-21T08:00:00Z".parse().ok());
        std::fs::write(&path, "2026-11-21 08:00:00Z: Listening\n\u{1b}[2J at last\n").unwrap();
        let page = read(&path, 32).unwrap();
        assert_eq!(page.lines[0].text, "\u{1b}[2J at last");
        assert_eq!(page.lines[0].at, None);
    }
}
