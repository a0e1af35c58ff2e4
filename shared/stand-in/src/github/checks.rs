//! Check runs on commits.

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::{CommitSha, Repository};
use fleetfoot_model::ports::GitHubError;

use super::{Call, StandInGitHub};

/// A check run that has ended, as a commit shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckView {
    /// Its id; 0 before it has one.
    pub id: u64,
    /// Where its commit is.
    pub repository: Repository,
    /// Its commit.
    pub commit: CommitSha,
    /// What it is called. Several may be called the same.
    pub name: String,
    /// What its maker knows it by. Several may have the same.
    pub external_id: String,
    /// GitHub's word for how it ended.
    pub conclusion: String,
    /// One line.
    pub title: String,
    /// As Markdown.
    pub summary: String,
    /// Where its details are.
    pub details_url: Option<String>,
}

impl StandInGitHub {
    /// A check run is made, whatever others there are.
    ///
    /// # Errors
    /// [`GitHubError::Forbidden`] without the permission, [`GitHubError::Invalid`] without such a commit, and as for every
    /// request.
    pub fn create_check(&mut self, now: Timestamp, check: CheckView) -> Result<u64, GitHubError> {
        self.request(now, Call::CreateCheck, |github, _| {
            github.may_check()?;
            let mut jobs = github.jobs.values();
            let is_on_it =
                |job: &super::Job| job.order.repository == check.repository && job.head_sha() == check.commit;
            if !jobs.any(is_on_it) {
                return Err(GitHubError::Invalid(format!("No commit found for SHA: {}", check.commit)));
            }
            let id = 60_000_000_000 + github.checks.len() as u64;
            github.checks.push(CheckView { id, ..check });
            Ok(id)
        })
    }

    /// The check runs of a name on a commit, newest first.
    ///
    /// # Errors
    /// As [`Self::create_check`].
    pub fn list_checks(
        &mut self,
        now: Timestamp,
        repository: &Repository,
        commit: &CommitSha,
        name: &str,
    ) -> Result<Vec<CheckView>, GitHubError> {
        self.request(now, Call::ListChecks, |github, _| {
            github.may_check()?;
            let is_of_it = |check: &&CheckView| {
                check.repository == *repository && check.commit == *commit && check.name == name
            };
            Ok(github.checks.iter().rev().filter(is_of_it).cloned().collect())
        })
    }

    /// A check run has another end.
    ///
    /// # Errors
    /// [`GitHubError::NotFound`], and as [`Self::create_check`].
    pub fn change_check(
        &mut self,
        now: Timestamp,
        repository: &Repository,
        id: u64,
        conclusion: &str,
        (title, summary): (&str, &str),
    ) -> Result<(), GitHubError> {
        self.request(now, Call::ChangeCheck, |github, _| {
            github.may_check()?;
            let mut found = github.checks.iter_mut();
            let found = found.find(|check| check.id == id && check.repository == *repository);
            let check = found.ok_or_else(|| GitHubError::NotFound(format!("check run {id}")))?;
            conclusion.clone_into(&mut check.conclusion);
            title.clone_into(&mut check.title);
            summary.clone_into(&mut check.summary);
            Ok(())
        })
    }

    /// Every check run that was made, oldest first. This is no request.
    pub fn checks(&self) -> &[CheckView] {
        &self.checks
    }

    /// The owner of the installation gives the permission to write Checks, or takes it back.
    pub fn grant_checks(&mut self, is_granted: bool) {
        self.settings.may_check = is_granted;
    }

    fn may_check(&self) -> Result<(), GitHubError> {
        let refused = || GitHubError::Forbidden("Resource not accessible by integration".to_owned());
        self.settings.may_check.then_some(()).ok_or_else(refused)
    }
}
