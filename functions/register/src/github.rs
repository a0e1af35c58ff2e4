//! The one call to GitHub in the life of an ordinary job, and what becomes of its answer.

use fleetfoot_model::events::{Fact, RunnerRegistered};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::job::Waiting;
use fleetfoot_model::ledger;
use fleetfoot_model::pause::{self, TURN};
use fleetfoot_model::ports::{GitHubError, JitRunner};
use fleetfoot_model::runner::{Registration, Runner, RunnerState};
use fleetfoot_model::{SignedDuration, Timestamp};

use crate::{Outcome, Register};

/// A task waits as long as this for GitHub's limit to pass. Beyond, it is cheaper to launch another one then.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(2);
/// A task takes at least this long to come up: launches may begin again so long before GitHub registers again.
const START_TIME: SignedDuration = SignedDuration::from_secs(20);
/// How long launches are held up when GitHub failed a task twice.
const FAILURE_PAUSE: SignedDuration = SignedDuration::from_secs(15);
/// Tasks that were refused at once come back within so many seconds, each at its own time.
const SPREAD_SECONDS: u64 = 30;

impl Register {
    pub(crate) async fn ask_github(
        &self,
        runner: &Runner,
        is_second_try: bool,
        now: Timestamp,
        facts: &mut Vec<Fact>,
    ) -> Result<Outcome, FunctionError> {
        match self.jit(runner).await {
            Ok(jit) => self.registered(runner, jit, now, facts).await,
            Err(error) => self.not_registered(runner, &error, is_second_try, now, facts).await,
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
            row.registered_at.get_or_insert(now);
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
        let Runner { name: runner, job, started_at: up_at, registered_at, .. } = row;
        facts.push(RunnerRegistered { runner, github_id: jit.id, job, up_at, registered_at }.into());
        Ok(Outcome::Registered(jit.configuration))
    }

    async fn not_registered(
        &self,
        runner: &Runner,
        error: &GitHubError,
        is_second_try: bool,
        now: Timestamp,
        facts: &mut Vec<Fact>,
    ) -> Result<Outcome, FunctionError> {
        let uncertain =
            matches!(error, GitHubError::Unavailable(_) | GitHubError::Busy | GitHubError::NameTaken);
        ledger::update_runner(&*self.ledger, &runner.name, |row| {
            row.registration = if uncertain { Registration::Uncertain } else { Registration::None };
            row.timeline.note(now, format!("could not register: {error}"));
            Some(Vec::new())
        })
        .await?;
        let (until, resumes, seconds) = match error {
            GitHubError::RateLimited { until } => {
                let resumes = (*until - START_TIME).max(now + TURN);
                (*until, Some(resumes), whole_seconds(*until, now) + place_in_line(runner))
            }
            // A single failure says nothing of the next request.
            GitHubError::Unavailable(_) => (now, is_second_try.then(|| now + FAILURE_PAUSE), 5),
            _ => return Ok(Outcome::ComeAgain(20)),
        };
        if let Some(resumes) = resumes {
            facts.extend(pause::begin(&*self.ledger, resumes, &error.to_string(), now).await?);
        }
        let resumes = resumes.unwrap_or(now);
        if until > now + LONGEST_WAIT || now + LONGEST_WAIT / 2 > runner.register_by {
            return self.send_home_for_later(runner, resumes, error, now, facts).await;
        }
        Ok(Outcome::ComeAgain(seconds))
    }

    /// GitHub will not register it in its time, for which neither the runner nor its job can be blamed: it ends, and the
    /// job waits for GitHub.
    async fn send_home_for_later(
        &self,
        runner: &Runner,
        until: Timestamp,
        error: &GitHubError,
        now: Timestamp,
        facts: &mut Vec<Fact>,
    ) -> Result<Outcome, FunctionError> {
        let waiting = Waiting::Throttled { until, reason: error.to_string() };
        let Some(row) = ledger::runner(&*self.ledger, &runner.name).await? else {
            return Ok(Outcome::Refused);
        };
        let mut changes = Vec::new();
        let mut deferred = None;
        if let Some(job) = row.value.job
            && let Some(mut job) = ledger::job(&*self.ledger, job).await?
            && job.value.runner() == Some(&runner.name)
        {
            deferred = Some(job.value.defer(waiting, now));
            changes.push(ledger::change(job));
        }
        let outcome = self.send_home(row, error.to_string(), changes, now, facts).await?;
        facts.extend(deferred);
        Ok(outcome)
    }
}

/// Rounded up, and one at least.
fn whole_seconds(until: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(until.duration_since(now).as_secs()).unwrap_or(0) + 1
}

/// A number of seconds that is the runner's own.
fn place_in_line(runner: &Runner) -> u64 {
    runner.name.as_str().bytes().map(u64::from).sum::<u64>() % SPREAD_SECONDS
}
