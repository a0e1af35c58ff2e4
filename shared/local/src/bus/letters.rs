//! Dead letters: what could not be handled.

use fleetfoot_model::Timestamp;

use super::delivery::DeadLetter;
use super::{Bus, BusError};

impl Bus {
    /// What could not be handled, oldest first. Kept for fourteen days.
    pub fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, BusError> {
        Ok(self.state().store.dead_letters(limit)?)
    }

    /// Puts a dead letter back where it came from, to be tried as often as anything new. Answers whether it was there:
    /// somebody else may have been faster. What nothing takes any more stays a dead letter.
    ///
    /// # Errors
    /// [`BusError::Unconsumed`]
    pub fn redrive(&self, now: Timestamp, letter: &DeadLetter) -> Result<bool, BusError> {
        if !self.consumers.iter().any(|consumer| consumer.channel == letter.channel) {
            return Err(BusError::Unconsumed(letter.channel.clone()));
        }
        let mut state = self.state();
        state.due = None;
        let revived = state.store.revive(letter.id, now)?;
        drop(state);
        self.wake.notify_one();
        Ok(revived)
    }

    /// Forgets a dead letter for good. Answers whether it was there.
    pub fn drop_dead_letter(&self, id: u64) -> Result<bool, BusError> {
        Ok(self.state().store.drop_dead_letter(id)?)
    }
}
