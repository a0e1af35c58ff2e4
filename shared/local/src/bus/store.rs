//! Where the bus keeps what is under way. Each method is one transaction.

use std::sync::Arc;

use fleetfoot_model::Timestamp;
use fleetfoot_model::envelope::Envelope;

use super::channel::Channel;
use super::delivery::{DeadLetter, Item, ItemKey, Payload, Published};
use crate::template::BusName;

/// The store did not answer, or holds something unreadable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoreError(pub(super) String);

/// Changes that are written all or not at all.
#[derive(Debug, Default)]
pub(super) struct Commit {
    /// For the history.
    pub(super) events: Vec<(BusName, Arc<Envelope>)>,
    /// New items, each visible from a time.
    pub(super) add: Vec<(Channel, Payload, Timestamp)>,
    /// Handled.
    pub(super) remove: Vec<ItemKey>,
    /// To be tried again at a time; at the end of the lease if there is none.
    pub(super) postpone: Vec<(ItemKey, Option<Timestamp>)>,
    /// Given up.
    pub(super) bury: Vec<Burial>,
    /// Schedules that fired at a time.
    pub(super) fired: Vec<(String, Timestamp)>,
}

/// An item that is given up.
#[derive(Debug)]
pub(super) struct Burial {
    pub(super) item: ItemKey,
    pub(super) queue: Option<String>,
    pub(super) reason: String,
    pub(super) at: Timestamp,
}

/// What memory and `SQLite` do alike. Changes to an item that was taken by another meanwhile are without effect.
pub(super) trait Store: Send {
    /// Whether another process may write to it, too.
    fn is_shared(&self) -> bool;

    fn commit(&mut self, commit: Commit) -> Result<(), StoreError>;

    /// When a channel's first item is visible, and its id.
    fn head(&mut self, channel: &Channel) -> Result<Option<(Timestamp, u64)>, StoreError>;

    /// Takes the first visible items of a channel, hides them until a time, and counts the attempt.
    fn lease(
        &mut self,
        channel: &Channel,
        now: Timestamp,
        until: Timestamp,
        most: usize,
    ) -> Result<Vec<Item>, StoreError>;

    /// Makes everything that is leased visible now, as if it had not been taken. Answers how much that is.
    fn release(&mut self, now: Timestamp) -> Result<usize, StoreError>;

    /// The channels in which something waits.
    fn channels(&mut self) -> Result<Vec<Channel>, StoreError>;

    /// How much waits or is under way.
    fn pending(&mut self) -> Result<usize, StoreError>;

    /// When a schedule fired last.
    fn fired(&mut self, schedule: &str) -> Result<Option<Timestamp>, StoreError>;

    /// Published events after a sequence number, oldest first.
    fn history(&mut self, after: u64, limit: usize) -> Result<Vec<Published>, StoreError>;

    /// The facts that name an event as their cause, oldest first.
    fn caused_by(&mut self, id: &str) -> Result<Vec<Published>, StoreError>;

    /// Dead letters, oldest first.
    fn dead_letters(&mut self, limit: usize) -> Result<Vec<DeadLetter>, StoreError>;

    /// Puts a dead letter back in its channel, as if it had never been tried. Answers whether it was there.
    fn revive(&mut self, id: u64, now: Timestamp) -> Result<bool, StoreError>;

    /// Forgets a dead letter. Answers whether it was there.
    fn drop_dead_letter(&mut self, id: u64) -> Result<bool, StoreError>;

    /// Forgets history and dead letters from before these times.
    fn forget(&mut self, history: Timestamp, dead_letters: Timestamp) -> Result<(), StoreError>;
}
