//! Logs of the control plane's functions.

use std::collections::BTreeSet;

use fleetfoot_model::ids::JobId;
use fleetfoot_model::{SignedDuration, Timestamp};

use super::pause;
use super::show::Shown;
use crate::failure::Failure;
use crate::output::Answer;
use crate::place::Place;
use crate::place::logs::{Line, Wanted};

/// What is looked at unless `--since` says more.
const LATELY: SignedDuration = SignedDuration::from_hours(1);
/// A line may come so much later than one that was written after it.
const LATE: SignedDuration = SignedDuration::from_secs(30);

/// Which functions' logs are read, and how.
pub(super) struct Reading<'a> {
    pub(super) place: &'a dyn Place,
    pub(super) functions: Vec<&'static str>,
    pub(super) job: Option<JobId>,
    pub(super) shown: Shown,
}

impl Reading<'_> {
    pub(super) async fn run(
        mut self,
        since: Option<Timestamp>,
        follow: bool,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        let logs = self.place.logs()?;
        let number = self.job.map(|job| job.0);
        let since = since.unwrap_or(now - LATELY);
        let mut wanted = Wanted { functions: self.functions.clone(), number, since, most: self.shown.most };
        let (lines, is_cut) = logs.functions(&wanted).await?;
        self.shown.write(&lines, None)?;
        let answer = match (lines.is_empty(), is_cut) {
            (true, _) => Answer::default()
                .note(format!("nothing was logged since {since}; --since names an earlier time")),
            (_, true) => Answer::default().note("there are more lines; --limit shows more, --since fewer"),
            _ => Answer::default(),
        };
        if !follow {
            return Ok(Answer { data: self.shown.kept, ..answer });
        }
        let mut seen: BTreeSet<(Option<Timestamp>, String)> = lines.iter().map(key).collect();
        while pause().await {
            wanted.since = seen.last().and_then(|(at, _)| *at).map_or(since, |at| since.max(at - LATE));
            let (mut lines, _) = logs.functions(&wanted).await?;
            lines.retain(|line| seen.insert(key(line)));
            self.shown.write(&lines, None)?;
            seen.retain(|(at, _)| at.is_none_or(|at| at >= wanted.since));
        }
        Ok(Answer::default())
    }
}

fn key(line: &Line) -> (Option<Timestamp>, String) {
    (line.at, format!("{} {}", line.source, line.text))
}
