//! What comes of what was put back in: the events that followed, where a bus remembers them; else what a job's row says.

use std::time::Duration;

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::ledger::{self, Ledger};
use fleetfoot_model::timeline::Step;
use tokio::time::Instant;

use crate::failure::{Failure, OrFail};
use crate::place::{Followed, History};

/// How often a job's row is looked at.
const PAUSE: Duration = Duration::from_millis(500);

/// What is known of what followed.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Nothing can be seen.
    Unknown,
    /// The events.
    Events(Followed),
    /// What the job's timeline says now and did not say before.
    Job(JobId, Vec<Step>),
}

/// Waits until the bus is at rest, then finds what followed from each cause. Answers whether it came to rest in time.
pub(super) async fn events<'a>(
    history: &dyn History,
    causes: impl Iterator<Item = (&'a str, &'a mut Outcome)>,
    wait: Duration,
    since: Timestamp,
) -> Result<bool, Failure> {
    let rested = history.rest(wait).await?;
    for (cause, outcome) in causes {
        *outcome = Outcome::Events(history.followed(cause, since)?);
    }
    Ok(rested)
}

/// The steps of a job's timeline; none if it has no row.
pub(super) async fn steps(ledger: &dyn Ledger, job: JobId) -> Result<Vec<Step>, Failure> {
    let row = ledger::job(ledger, job).await.or_fail(format!("job {job} cannot be read"))?;
    Ok(row.map(|row| row.value.timeline.steps().to_vec()).unwrap_or_default())
}

/// A job whose row is looked at again.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) job: JobId,
    /// Its timeline before.
    pub(super) before: Vec<Step>,
}

/// Waits until something has changed for each job, at most until a time. Answers whether it has.
#[expect(
    clippy::disallowed_methods,
    reason = "functions elsewhere do the work; all that is left here is to wait"
)]
pub(super) async fn job(ledger: &dyn Ledger, watch: &Watch, until: Instant) -> Result<Outcome, Failure> {
    loop {
        let mut steps = steps(ledger, watch.job).await?;
        steps.retain(|step| !watch.before.contains(step));
        if !steps.is_empty() || Instant::now() >= until {
            return Ok(Outcome::Job(watch.job, steps));
        }
        tokio::time::sleep(PAUSE).await;
    }
}
