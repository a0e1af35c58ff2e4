//! Dead letters of a fleet on this machine: its bus keeps them.

use async_trait::async_trait;
use fleetfoot_local::bus::{Bus, DeadLetter, Payload};
use fleetfoot_model::Timestamp;

use super::{Content, DeadLetters, Letter};
use crate::failure::{Failure, OrFail};

/// The bus.
pub(crate) struct OnThisMachine(pub(crate) Bus);

impl OnThisMachine {
    /// As the bus has it; none if it is gone.
    fn find(&self, id: &str) -> Result<Option<DeadLetter>, Failure> {
        let all = self.0.dead_letters(usize::MAX).or_fail("the dead letters cannot be read")?;
        Ok(all.into_iter().find(|letter| letter.id.to_string() == id))
    }
}

fn letter(found: DeadLetter) -> Letter {
    let content = match &found.payload {
        Payload::Event(event) => Content::Event(Box::new((**event).clone())),
        // A message that is JSON without being an event is one of the topic's.
        Payload::Message(text) if serde_json::from_str::<serde_json::Value>(text).is_ok() => {
            Content::Notice(text.to_string())
        }
        Payload::Message(text) => Content::Unreadable(text.to_string()),
    };
    Letter {
        id: found.id.to_string(),
        queue: found.queue.unwrap_or_else(|| "-".to_owned()),
        meant_for: Some(found.channel.to_string()),
        reason: Some(found.reason),
        attempts: Some(found.attempts.into()),
        since: found.at,
        content,
    }
}

#[async_trait]
impl DeadLetters for OnThisMachine {
    async fn list(&self) -> Result<Vec<Letter>, Failure> {
        let all = self.0.dead_letters(usize::MAX).or_fail("the dead letters cannot be read")?;
        Ok(all.into_iter().map(letter).collect())
    }

    async fn redrive(&self, letter: &Letter, now: Timestamp) -> Result<Option<String>, Failure> {
        let Some(found) = self.find(&letter.id)? else { return Ok(None) };
        let to = found.channel.to_string();
        let redriven = self.0.redrive(now, &found).or_fail("it cannot be put back");
        redriven.map(|was_there| was_there.then_some(to))
    }

    async fn drop_letter(&self, letter: &Letter) -> Result<bool, Failure> {
        let id = letter.id.parse().or_fail("a dead letter of this machine has a number")?;
        self.0.drop_dead_letter(id).or_fail("it cannot be dropped")
    }
}
