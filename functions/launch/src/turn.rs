//! Launches that an API's limit holds up: the pause, and the turns that follow it.

use std::collections::HashMap;

use fleetfoot_model::decide::{fairness, pace};
use fleetfoot_model::events::{Fact, LaunchesPaused, QueueCause};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::job::{Job, Waiting};
use fleetfoot_model::ledger;
use fleetfoot_model::pause::{self, TURN};
use fleetfoot_model::{SignedDuration, Timestamp};

use crate::Launch;

/// A pause that lasts longer is not waited for in turns: `cleanup`, every minute, sees that it is over.
const LONGEST_WATCHED: SignedDuration = SignedDuration::from_secs(60);

impl Launch {
    /// Begins a pause, or prolongs it.
    pub(crate) async fn pause(
        &self,
        until: Timestamp,
        reason: &str,
        now: Timestamp,
    ) -> Result<Option<Fact>, FunctionError> {
        Ok(pause::begin(&*self.ledger, until, reason, now).await?)
    }

    /// Lets as many waiting jobs go through the queue as the limits allow since the last turn, in fair order, and calls
    /// for the next turn as long as any waits.
    pub(crate) async fn turn(
        &self,
        event: &LaunchesPaused,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let mut row = ledger::pause(&*self.ledger).await?;
        if row.value.turn != event.turn {
            return Ok(Vec::new());
        }
        let mut facts = Vec::new();
        match row.value.until.filter(|until| *until > now) {
            Some(until) if until > now + LONGEST_WATCHED => return Ok(Vec::new()),
            Some(_) => {}
            None => {
                let mut jobs = self.unmatched().await?.jobs;
                let called = std::mem::take(&mut row.value.called);
                jobs.retain(|job| is_held_up(&job.value, now) && !called.contains(&job.value.id()));
                let live = self.live(&jobs).await?;
                let order = fairness::order(jobs.iter().map(|job| &*job.value), &live, now);
                let any_waits = !order.is_empty() || !called.is_empty();
                row.value.until = any_waits.then(|| now + TURN);
                let turns = pace::turns(&mut row.value, &self.config.limits, now);
                let jobs: HashMap<JobId, &Job> =
                    jobs.iter().map(|job| (job.value.id(), &*job.value)).collect();
                for id in order.into_iter().take(turns) {
                    facts.extend(jobs.get(&id).map(|job| job.queued_again(QueueCause::Turn)));
                    row.value.called.push(id);
                }
            }
        }
        row.value.turn += 1;
        facts.extend(row.value.until.is_some().then(|| row.value.fact(now)));
        ledger::put(&*self.ledger, row).await?;
        Ok(facts)
    }
}

/// Whether a limit was all that it waited for.
fn is_held_up(job: &Job, now: Timestamp) -> bool {
    job.waiting().is_some_and(|waiting| matches!(waiting, Waiting::Throttled { .. }) && waiting.is_over(now))
}
