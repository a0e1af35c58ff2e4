//! Delete, then stop: how a runner that has no work is let go without ever ending a job.
//!
//! GitHub refuses to delete a busy runner. Only after it has confirmed that the registration is gone is the task stopped.

use crate::Timestamp;
use crate::events::Fact;
use crate::function::FunctionError;
use crate::ids::{GithubRunnerId, RunnerName};
use crate::job::Job;
use crate::ledger::{self, Ledger};
use crate::ports::{Fleet, GitHub, GitHubError};
use crate::runner::{Registration, Runner};

/// How an attempt to let a runner go ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dismissal {
    /// It is gone from GitHub and its task was told to stop.
    Released,
    /// GitHub says that it is busy; it stays.
    Busy,
    /// It had stopped, has a job, or does not exist.
    NotIdle,
    /// GitHub could not be asked; it is marked, and `cleanup` asks again.
    Later(String),
}

/// The ports that letting go needs.
#[derive(Clone, Copy)]
pub struct Dismisser<'a> {
    /// Rows.
    pub ledger: &'a dyn Ledger,
    /// Where the registration is.
    pub github: &'a dyn GitHub,
    /// Where the task is.
    pub fleet: &'a dyn Fleet,
}

impl Dismisser<'_> {
    /// Lets an idle runner go. Safe to call again after dying between any two of its steps.
    pub async fn dismiss(
        &self,
        name: &RunnerName,
        reason: &str,
        now: Timestamp,
    ) -> Result<Dismissal, FunctionError> {
        // The mark comes first: a dismissed runner is given no job and gets no registration.
        let marked = ledger::update_runner(self.ledger, name, |runner| {
            let idle = runner.job.is_none() && (runner.is_available() || runner.dismissed.is_some());
            idle.then(|| {
                runner.dismissed.get_or_insert_with(|| reason.to_owned());
                runner.tickets.clear();
                runner.timeline.note(now, format!("let go: {reason}"));
                Vec::new()
            })
        })
        .await?;
        let Some(runner) =
            marked.filter(|runner| runner.is_live() && runner.job.is_none() && runner.dismissed.is_some())
        else {
            return Ok(Dismissal::NotIdle);
        };
        match self.unregister(&runner, now).await {
            Ok(()) => {}
            Err(GitHubError::Busy) => {
                self.keep(name, now).await?;
                return Ok(Dismissal::Busy);
            }
            Err(error) => return Ok(Dismissal::Later(error.to_string())),
        }
        if let Some(task) = &runner.task {
            self.fleet.stop(task, reason).await.map_err(|error| FunctionError::again(&error))?;
        }
        Ok(Dismissal::Released)
    }

    /// Takes an available runner and the job that waits for it apart. `settle` says what becomes of the job, and tells it;
    /// it is not called if the job is gone already.
    pub async fn detach(
        &self,
        name: &RunnerName,
        settle: impl FnOnce(&mut Job) -> Fact + Send,
    ) -> Result<Option<Fact>, FunctionError> {
        let row = ledger::runner(self.ledger, name).await?.filter(|row| row.value.is_available());
        let Some(mut row) = row else { return Ok(None) };
        let Some(id) = row.value.job.take() else { return Ok(None) };
        let mut changes = vec![ledger::change(row)];
        let mut fact = None;
        let job = ledger::job(self.ledger, id).await?.filter(|job| job.value.runner() == Some(name));
        if let Some(mut job) = job {
            fact = Some(settle(&mut job.value));
            changes.push(ledger::change(job));
        }
        self.ledger.commit(changes).await?;
        Ok(fact)
    }

    /// Makes sure that GitHub does not know the runner any more.
    pub async fn unregister(&self, runner: &Runner, now: Timestamp) -> Result<(), GitHubError> {
        if !runner.may_be_registered() {
            return Ok(());
        }
        let id = match (runner.registration, runner.github_id) {
            (Registration::Present, Some(id)) => Some(id),
            _ => self.find(runner).await?,
        };
        if let Some(id) = id {
            self.github.delete_runner(&runner.scope, id).await?;
        }
        let gone = ledger::update_runner(self.ledger, &runner.name, |runner| {
            runner.registration = Registration::Gone;
            runner.timeline.note(now, "removed from GitHub");
            Some(Vec::new())
        });
        gone.await.map(|_| ()).map_err(|error| GitHubError::Unavailable(error.to_string()))
    }

    async fn find(&self, runner: &Runner) -> Result<Option<GithubRunnerId>, GitHubError> {
        Ok(self.github.find_runner(&runner.scope, runner.name.as_str()).await?.map(|listed| listed.id))
    }

    /// It turned out to be busy: it is no longer to be let go. Which job it has, `in_progress` will tell.
    async fn keep(&self, name: &RunnerName, now: Timestamp) -> Result<(), FunctionError> {
        ledger::update_runner(self.ledger, name, |runner| {
            runner.dismissed = None;
            runner.timeline.note(now, "GitHub says that it is busy; it stays");
            Some(Vec::new())
        })
        .await?;
        Ok(())
    }
}
