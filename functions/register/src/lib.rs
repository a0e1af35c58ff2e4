//! Gives a task that is up its registration at GitHub, only to it and only once, or sends it home.
//!
//! This is where a job is bound to a runner: a task is launched for a job, but if that job is gone when the task is up,
//! the task serves another waiting job that it suits.

mod bind;
mod github;

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::config::Config;
use fleetfoot_model::events::{Fact, RunnerDismissed};
use fleetfoot_model::function::{CONFLICT_TRIES, FunctionError, HttpFunction};
use fleetfoot_model::http::{Request, Response};
use fleetfoot_model::ids::RunnerName;
use fleetfoot_model::ledger::{self, Change, Ledger, Stored};
use fleetfoot_model::ports::GitHub;
use fleetfoot_model::runner::{Registration, Runner, RunnerState};
use fleetfoot_model::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::bind::Binding;

/// How long an unfinished registration is left alone: longer than the adapter waits for GitHub (10 s).
const LEASE: SignedDuration = SignedDuration::from_secs(30);

/// The function `register`.
pub struct Register {
    /// Rows.
    pub ledger: Arc<dyn Ledger>,
    /// Where runners register.
    pub github: Arc<dyn GitHub>,
    /// The fleet's configuration.
    pub config: Arc<Config>,
}

/// What a request comes to, before it is put into an answer.
pub(crate) enum Outcome {
    /// Unknown runner, wrong, used or late ticket: which of them is not said.
    Refused,
    /// There is nothing to do for this task.
    NoWork(String),
    /// Come again after so many seconds.
    ComeAgain(u64),
    /// The configuration to start the runner with. Goes into the answer and nowhere else.
    Registered(fleetfoot_model::secret::Secret),
}

#[async_trait]
impl HttpFunction for Register {
    async fn handle(&self, request: &Request, now: Timestamp) -> (Response, Vec<Fact>) {
        let Some((name, ticket)) = read(request) else { return (answer(Outcome::Refused), Vec::new()) };
        let mut facts = Vec::new();
        let mut tries = 0;
        let outcome = loop {
            match self.register(&name, &ticket, now, &mut facts).await {
                Err(FunctionError::Conflict(_)) if tries < CONFLICT_TRIES => tries += 1,
                Err(_) => break Outcome::ComeAgain(2),
                Ok(outcome) => break outcome,
            }
        };
        (answer(outcome), facts)
    }
}

impl Register {
    async fn register(
        &self,
        name: &RunnerName,
        ticket: &str,
        now: Timestamp,
        facts: &mut Vec<Fact>,
    ) -> Result<Outcome, FunctionError> {
        let Some(row) = ledger::runner(&*self.ledger, name).await? else { return Ok(Outcome::Refused) };
        if !is_good(&row.value, ticket, now) {
            return Ok(Outcome::Refused);
        }
        if let Registration::Pending { since } = row.value.registration
            && now < since + LEASE
        {
            return Ok(Outcome::ComeAgain(5));
        }
        let is_second_try = row.value.registration == Registration::Uncertain;
        match self.bind(row, now).await? {
            Binding::Bound(runner) => self.ask_github(&runner, is_second_try, now, facts).await,
            Binding::NoWork(row) => {
                let reason = "there is no work for it any more".to_owned();
                self.send_home(row, reason, Vec::new(), now, facts).await
            }
        }
    }

    pub(crate) async fn send_home(
        &self,
        mut row: Stored<Runner>,
        reason: String,
        mut with: Vec<Change>,
        now: Timestamp,
        facts: &mut Vec<Fact>,
    ) -> Result<Outcome, FunctionError> {
        row.value.job = None;
        row.value.tickets.clear();
        row.value.dismissed = Some(reason.clone());
        row.value.timeline.note(now, format!("sent home: {reason}"));
        let name = row.value.name.clone();
        with.push(ledger::change(row));
        self.ledger.commit(with).await?;
        facts.push(RunnerDismissed { runner: name, reason: reason.clone() }.into());
        Ok(Outcome::NoWork(reason))
    }
}

/// The runner's name from the path and the ticket from the body.
fn read(request: &Request) -> Option<(RunnerName, String)> {
    let name = request.path.strip_prefix("/runners/")?.strip_suffix("/register")?.parse().ok()?;
    let body: Value = serde_json::from_slice(&request.body).ok()?;
    Some((name, body.get("ticket")?.as_str()?.to_owned()))
}

fn is_good(runner: &Runner, ticket: &str, now: Timestamp) -> bool {
    // Every ticket is compared, so that the time tells nothing.
    let matches = runner.tickets.iter().filter(|hash| hash.matches(ticket)).count();
    let waits = matches!(runner.state, RunnerState::Reserved | RunnerState::Launched);
    matches > 0 && waits && now <= runner.register_by
}

fn answer(outcome: Outcome) -> Response {
    match outcome {
        Outcome::Refused => Response::message(401, "this ticket is not good for this runner"),
        Outcome::NoWork(reason) => Response::json(200, json!({ "noWork": reason })),
        Outcome::ComeAgain(seconds) => {
            Response { retry_after_seconds: Some(seconds), ..Response::message(503, "come again") }
        }
        Outcome::Registered(configuration) => {
            Response::json(200, json!({ "jitConfiguration": configuration.expose() }))
        }
    }
}
