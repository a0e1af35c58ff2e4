//! What a commit shows of a job that gets no runner: a check run at GitHub, and how far the fleet is with it.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::{Config, NotifyConfig};
use crate::ids::{CommitSha, JobId, Repository, RunId};
use crate::job::{Job, JobState};
use crate::{SignedDuration, Timestamp};

/// GitHub is not asked for longer than this. A failure of yesterday helps nobody.
pub const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// The longest name of a check run, in characters; GitHub's pages show less.
const LONGEST_NAME: usize = 200;
/// How much of a reason is shown, in characters. GitHub takes 65,535 for a whole summary.
const LONGEST_REASON: usize = 4000;
/// Where lines of a reason end: they do not wrap on GitHub's page.
const LINE: usize = 100;

/// What a commit is to show of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shows {
    /// That it gets no runner: a check run that failed.
    Failure,
    /// That it got one after all, itself or in a later attempt of its workflow run: what failed for want of a runner
    /// succeeds, or the commit would stay red for ever.
    Recovery,
}

/// How far that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum Check {
    /// GitHub is to be told.
    #[serde(rename_all = "camelCase")]
    Wanted {
        /// What.
        shows: Shows,
        /// Since when.
        since: Timestamp,
        /// When to tell it next.
        ask_at: Timestamp,
        /// Whether GitHub may show something of this very job already: it was told, perhaps without an answer.
        is_asked: bool,
    },
    /// GitHub was told.
    Told {
        /// What.
        shows: Shows,
        /// When.
        at: Timestamp,
    },
    /// GitHub will not be told.
    Dropped {
        /// Why.
        reason: String,
        /// Since when.
        at: Timestamp,
    },
}

impl Check {
    fn wanted(shows: Shows, is_asked: bool, now: Timestamp) -> Self {
        Self::Wanted { shows, since: now, ask_at: now, is_asked }
    }

    /// Whether GitHub is still to be told.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Wanted { .. })
    }
}

impl Job {
    /// Has its commit show that it gets no runner, if the fleet's owner wants that and the commit is known. To be called
    /// when it was rejected or given up; what is called twice counts once. Of a job that had a runner GitHub itself shows
    /// what became of it.
    pub fn show_failure(&mut self, config: &Config, now: Timestamp) {
        if self.is_given_up()
            && self.started_at.is_none()
            && self.check.is_none()
            && self.can_be_shown(config)
        {
            self.check = Some(Check::wanted(Shows::Failure, false, now));
        }
    }

    /// Has its commit show that it got a runner, if that may show the contrary: of this job, or of an earlier attempt of
    /// its workflow run. To be called when it was given to a runner; what is called twice counts once.
    pub fn show_recovery(&mut self, config: &Config, now: Timestamp) {
        let is_shown = match &self.check {
            Some(Check::Wanted { shows, is_asked, .. }) => *shows == Shows::Failure && *is_asked,
            Some(Check::Told { shows, .. }) => *shows == Shows::Failure,
            None | Some(Check::Dropped { .. }) => false,
        };
        let may_be_another = self.check.is_none() && self.description.run_attempt > 1;
        if (is_shown || may_be_another) && self.can_be_shown(config) {
            self.check = Some(Check::wanted(Shows::Recovery, is_shown, now));
        }
    }

    fn can_be_shown(&self, config: &Config) -> bool {
        config.notify.check_runs && self.description.head_sha.is_some()
    }

    /// GitHub shows it.
    pub fn check_told(&mut self, now: Timestamp) {
        let Some(Check::Wanted { shows, .. }) = self.check else { return };
        self.check = Some(Check::Told { shows, at: now });
        // What a commit showed of another attempt is not in this job's row: nearly always nothing.
        if shows == Shows::Failure {
            self.timeline.note(now, "its commit shows a failed check");
        }
    }

    /// GitHub will not be told.
    pub fn drop_check(&mut self, reason: &str, now: Timestamp) {
        let what = match self.check {
            Some(Check::Wanted { shows: Shows::Recovery, .. }) => "its commit may show a failed check still",
            _ => "its commit shows no check of it",
        };
        self.check = Some(Check::Dropped { reason: reason.to_owned(), at: now });
        self.timeline.note(now, format!("{what}: {reason}"));
    }
}

/// A check run, as GitHub is asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRun {
    /// Where the commit is.
    pub repository: Repository,
    /// The commit.
    pub commit: CommitSha,
    /// The workflow run that the job is of.
    pub run: RunId,
    /// The job.
    pub job: JobId,
    /// `Fleetfoot: CI / build`; the same for the same job of each attempt. One line.
    pub name: String,
    /// What it shows.
    pub shows: Shows,
    /// One line.
    pub title: String,
    /// What was found, what is allowed, what to do, as Markdown.
    pub summary: String,
    /// Where its "Details" lead.
    pub details_url: Option<String>,
    /// When the job was given up or got its runner.
    pub completed_at: Timestamp,
    /// Whether an earlier request may have been carried out: then it is looked for first.
    pub may_be_there: bool,
}

impl CheckRun {
    /// What is wanted of a job now; none if nothing is, or if its commit is not known.
    pub fn of(job: &Job, notify: &NotifyConfig) -> Option<Self> {
        let Some(Check::Wanted { shows, is_asked, .. }) = job.check else { return None };
        let described = &*job.description;
        let (title, summary, completed_at) = match (shows, &job.state) {
            (Shows::Failure, JobState::Rejected { reason, at }) => {
                let todo = "The job waits at GitHub for nothing. Mend the workflow, or the fleet's configuration; then \
                            cancel it, and run it again or push.";
                ("No runner for this job", failure(job.id(), reason, todo), *at)
            }
            (Shows::Failure, JobState::Expired { reason, at }) => {
                ("This job was given up", failure(job.id(), reason, "Run it again."), *at)
            }
            (Shows::Failure, _) => return None,
            (Shows::Recovery, _) => {
                let attempt = described.run_attempt;
                let summary =
                    format!("There was none at first. Attempt {attempt} of the workflow run got one.");
                ("A runner took this job", summary, job.started_at.unwrap_or(job.changed_at))
            }
        };
        let page = Some(&described.html_url).filter(|page| page.starts_with("https://"));
        let on_dashboard = notify.dashboard.as_ref().and_then(|address| on_dashboard(address, job.id()));
        Some(Self {
            repository: described.repository.clone(),
            commit: described.head_sha.clone()?,
            run: described.run_id,
            job: job.id(),
            name: name(&described.workflow, &described.name),
            shows,
            title: title.to_owned(),
            summary,
            details_url: on_dashboard.or_else(|| page.cloned()),
            completed_at,
            may_be_there: is_asked,
        })
    }

    /// What it carries at GitHub, by which it is found again.
    pub fn external_id(&self) -> String {
        format!("{}{}", self.prefix(), self.job)
    }

    /// Whether this is carried by the check run of a job of the same workflow run, whatever its attempt.
    pub fn is_of_same_run(&self, external_id: &str) -> bool {
        external_id.starts_with(&self.prefix())
    }

    fn prefix(&self) -> String {
        format!("fleetfoot/{}/", self.run)
    }
}

/// Which job: two workflows may have one of the same name.
fn name(workflow: &str, job: &str) -> String {
    let parts = [workflow, job].map(one_line);
    let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    let whole = format!("Fleetfoot: {}", parts.join(" / "));
    if whole.chars().count() <= LONGEST_NAME {
        return whole;
    }
    whole.chars().take(LONGEST_NAME - 1).chain(['…']).collect()
}

/// Names are chosen by whoever can write a workflow: nothing that moves, hides or turns what is read around.
fn one_line(text: &str) -> String {
    let is_hidden =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
    let visible = text.chars().map(|c| if c.is_control() || is_hidden(c) { ' ' } else { c });
    visible.collect::<String>().trim().to_owned()
}

fn failure(job: JobId, reason: &str, todo: &str) -> String {
    format!("{}\n\n{todo}\n\n`fleetfoot why {job}` tells the whole story.", quoted(reason))
}

/// Text from outside, as a block of code: whatever it holds, it neither formats nor links nor pings.
fn quoted(text: &str) -> String {
    let text: String = text.chars().take(LONGEST_REASON).collect();
    let lines = wrapped(&text);
    let longest_fence = lines.split(|c: char| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest_fence.max(2) + 1);
    format!("{fence}text\n{lines}\n{fence}")
}

fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut length = 0;
    for word in one_line(text).split_whitespace() {
        let size = word.chars().count();
        if length > 0 {
            let fits = length + 1 + size <= LINE;
            lines.push(if fits { ' ' } else { '\n' });
            length = if fits { length + 1 } else { 0 };
        }
        lines.push_str(word);
        length += size;
    }
    lines
}

/// The sheet of a job (`shared/dashboard/src/page/job.js`).
fn on_dashboard(address: &str, job: JobId) -> Option<String> {
    let mut page = Url::parse(address).ok()?;
    page.set_fragment(Some(&format!("job={job}")));
    Some(page.into())
}
