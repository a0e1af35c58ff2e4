//! What the parts of a fleet have logged, wherever they run.

use async_trait::async_trait;
use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::RunnerName;
use fleetfoot_model::runner::Runner;
use serde::Serialize;

use crate::failure::Failure;
use crate::progress::Progress;

/// The control plane's functions, as their logs are called.
pub(crate) const FUNCTIONS: [&str; 9] =
    ["alarm", "cleanup", "image-build", "ingest", "job-state", "launch", "pool", "register", "task-state"];

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Line {
    /// When it was written, if that is known.
    pub(crate) at: Option<Timestamp>,
    /// What wrote it: a function, or a container of a task.
    pub(crate) source: String,
    /// The line, as it is: other people's text.
    pub(crate) text: String,
}

/// The time that a runner's line begins with, and the words after it: the agent writes `2026-11-21T08:00:00.1Z  INFO`,
/// the runner `2026-11-21 08:00:00Z: Listening`.
pub(crate) fn split_time(text: &str) -> (Option<Timestamp>, &str) {
    const LONGEST: usize = 40;
    let Some(end) = text.find('Z').filter(|end| *end < LONGEST) else { return (None, text) };
    let (time, words) = text.split_at(end + 1);
    match time.parse() {
        Ok(time) => (Some(time), words.strip_prefix(':').unwrap_or(words).trim_start()),
        Err(_) => (None, text),
    }
}

/// Some lines, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) lines: Vec<Line>,
    /// For the next page.
    pub(crate) next: String,
    /// Whether more was there already.
    pub(crate) has_more: bool,
}

/// Which part of functions' logs is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Of which functions.
    pub(crate) functions: Vec<&'static str>,
    /// Only lines with this number, such as a job's id.
    pub(crate) number: Option<u64>,
    /// From when on.
    pub(crate) since: Timestamp,
    /// At most so many lines.
    pub(crate) most: usize,
}

/// Which lines of runners' logs are wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sought<'a> {
    /// Of which runners, where each has a log of its own.
    pub(crate) runners: &'a [Runner],
    /// Only lines with this text.
    pub(crate) text: &'a str,
    /// From when on.
    pub(crate) since: Timestamp,
}

/// What was logged.
#[async_trait]
pub(crate) trait Logs: Send + Sync {
    /// A page of a runner's log: the first from `since` on, or the one after `from`. None if there is no log of it.
    async fn runner(
        &self,
        runner: &Runner,
        since: Option<Timestamp>,
        from: Option<&str>,
    ) -> Result<Option<Page>, Failure>;

    /// Lines of runners' logs, and whether there is more than was looked through.
    async fn of_runners(
        &self,
        sought: Sought<'_>,
        progress: &Progress,
    ) -> Result<(Vec<String>, bool), Failure>;

    /// Where a runner's log would be, and how long it is kept.
    fn kept(&self, runner: &RunnerName) -> String;

    /// Lines of functions, the oldest first, and whether there are more.
    async fn functions(&self, wanted: &Wanted) -> Result<(Vec<Line>, bool), Failure>;
}
