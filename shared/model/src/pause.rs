//! A pause of launches: an API's limit is used up, so no task is asked for until a time by the limit's own clock.
//!
//! It is one row for the whole fleet, in the index that `launch` looks through anyway. Whoever begins a pause tells
//! [`LaunchesPaused`], which comes to `launch` through a queue that delays it by [`TURN`]; waiting jobs then get their
//! turns at the pace that the limits allow, turn after turn, until none waits. So a refused API is asked again as often
//! as it can say yes, however many jobs wait.

use serde::{Deserialize, Serialize};

use crate::events::{Fact, LaunchesPaused};
use crate::ids::JobId;
use crate::ledger::{self, Ledger, LedgerError};
use crate::{SignedDuration, Timestamp};

/// From one turn of waiting jobs to the next: the delay of the queue `PaceQueue`.
pub const TURN: SignedDuration = SignedDuration::from_secs(5);
/// A turn that is later than this was lost; `cleanup` tells of the pause again.
const LOST: SignedDuration = SignedDuration::from_secs(15);

/// The row of the pause.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// No task is asked for before; none if launches are not paused.
    pub until: Option<Timestamp>,
    /// Whose limit.
    pub reason: String,
    /// The number of the turn that is to come. A turn of another number was told of twice and gives no turns.
    pub turn: u64,
    /// When waiting jobs last got their turns.
    pub turned_at: Option<Timestamp>,
    /// Those that got theirs last and may still be on their way through the queue.
    #[serde(default)]
    pub called: Vec<JobId>,
}

impl Pause {
    /// Until when a new launch has to wait, if it has to: a little beyond the pause itself, so that those that have
    /// waited get their turns first.
    pub fn in_force(&self, now: Timestamp) -> Option<Timestamp> {
        self.until.filter(|until| now < *until + LOST)
    }

    /// Whether its turn should have come and has not.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until + LOST <= now)
    }

    /// The fact that tells of it.
    pub fn fact(&self, now: Timestamp) -> Fact {
        let until = self.until.unwrap_or(now);
        LaunchesPaused { turn: self.turn, until, reason: self.reason.clone() }.into()
    }
}

/// Pauses launches until a time, or for longer if they are paused. Answers what is to be told, if anything: a pause that
/// was in force has been told of.
///
/// # Errors
/// Those of the ledger but [`LedgerError::Conflict`]: whoever was faster has paused too.
pub async fn begin(
    ledger: &dyn Ledger,
    until: Timestamp,
    reason: &str,
    now: Timestamp,
) -> Result<Option<Fact>, LedgerError> {
    let mut row = ledger::pause(ledger).await?;
    let is_known = row.value.in_force(now).is_some();
    // The turns of a pause keep the pace already: only what lasts longer than to the next one prolongs it.
    if is_known && (row.value.until >= Some(until) || until <= now + TURN) {
        return Ok(None);
    }
    row.value.until = Some(until);
    reason.clone_into(&mut row.value.reason);
    row.value.turn += u64::from(!is_known);
    let fact = row.value.fact(now);
    match ledger::put(ledger, row).await {
        Ok(()) => Ok((!is_known).then_some(fact)),
        Err(LedgerError::Conflict(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
