//! The one call to GitHub in the life of an ordinary job, and what becomes of its answer.

use fleetfoot_model::Timestamp;
use fleetfoot_model::events::{Fact, RunnerRegistered};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ledger;
use fleetfoot_model::ports::{GitHubError, JitRunner};
use fleetfoot_model::runner::{Registration, Runner, RunnerState};

use crate::{Outcome, Register};

impl Register {
    pub(crate) async fn ask_github(
        &self,
        runner: &Runner,
        now: Timestamp,
        facts: &mut Vec<Fact>,
    ) -> Result<Outcome, FunctionError> {
        match self.jit(runner).await {
            Ok(jit) => self.registered(runner, jit, now, facts).await,
            Err(error) => self.not_registered(runner, &error, now).await,
        }
    }

    /// A runner of this name can only be there because an earlier answer of GitHub's was lost: its configuration is
    /// known to nobody, so it is removed and asked for anew.
    async fn jit(&self, runner: &Runner) -> Result<JitRunner, GitHubError> {
        let Runner { scope, name, labels, .. } = runner;
        match self.github.register(scope, name, labels).await {
            Err(GitHubError::NameTaken) => {
                if let Some(stale) = self.github.find_runner(scope, name.as_str()).await? {
                    self.github.delete_runner(scope, stale.id).await?;
                }
                self.github.register(scope, name, labels).await
            }
            answer => answer,
        }
    }

    async fn registered(
        &self,
        runner: &Runner,
        jit: JitRunner,
        now: Timestamp,
        facts: &mut Vec<Fact>,
    ) -> Result<Outcome, FunctionError> {
        // Written whatever became of the runner meanwhile: `cleanup` removes the registration of one that has stopped.
        let row = ledger::update_runner(&*self.ledger, &runner.name, |row| {
            row.registration = Registration::Present;
            row.github_id = Some(jit.id);
            row.tickets.clear();
            if matches!(row.state, RunnerState::Reserved | RunnerState::Launched) {
                row.move_to(RunnerState::Registered, now, format!("registered at GitHub as {}", jit.id));
            }
            Some(Vec::new())
        })
        .await?;
        let Some(row) = row.filter(|row| row.is_live() && row.dismissed.is_none()) else {
            return Ok(Outcome::Refused);
        };
        facts.push(RunnerRegistered { runner: row.name, github_id: jit.id, job: row.job }.into());
        Ok(Outcome::Registered(jit.configuration))
    }

    async fn not_registered(
        &self,
        runner: &Runner,
        error: &GitHubError,
        now: Timestamp,
    ) -> Result<Outcome, FunctionError> {
        let uncertain =
            matches!(error, GitHubError::Unavailable(_) | GitHubError::Busy | GitHubError::NameTaken);
        ledger::update_runner(&*self.ledger, &runner.name, |row| {
            row.registration = if uncertain { Registration::Uncertain } else { Registration::None };
            row.timeline.note(now, format!("could not register: {error}"));
            Some(Vec::new())
        })
        .await?;
        Ok(Outcome::ComeAgain(match error {
            GitHubError::RateLimited { until } => {
                u64::try_from(until.duration_since(now).as_secs()).unwrap_or(0).max(1)
            }
            GitHubError::Unavailable(_) => 5,
            _ => 20,
        }))
    }
}
