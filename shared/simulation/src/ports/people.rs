use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use fleetfoot_model::ports::{SecretError, Secrets, Slack, Tickets, Unavailable};
use fleetfoot_model::secret::{Secret, SecretReference, Ticket};
use fleetfoot_shell::clock::SeededTickets;

use super::{Surroundings, lock};
use crate::watch::Happening;

/// What the webhooks of these worlds are signed with.
pub const WEBHOOK_SECRET: &str = "a secret of the stories";

/// Every secret is the webhook's. They can be away.
#[derive(Default)]
pub struct WorldSecrets(AtomicBool);

impl WorldSecrets {
    /// They cannot be read from now on, or can again.
    pub fn set_away(&self, is_away: bool) {
        self.0.store(is_away, Ordering::Relaxed);
    }
}

#[async_trait]
impl Secrets for WorldSecrets {
    async fn read(&self, reference: &SecretReference) -> Result<Secret, SecretError> {
        if self.0.load(Ordering::Relaxed) {
            let reason = "the store is away".to_owned();
            return Err(SecretError { reference: reference.to_string(), reason });
        }
        Ok(Secret::new(WEBHOOK_SECRET))
    }
}

/// Tickets of a world.
pub(crate) struct WorldTickets {
    pub(crate) around: Arc<Surroundings>,
    pub(crate) tickets: SeededTickets,
}

impl Tickets for WorldTickets {
    fn draw(&self) -> Ticket {
        let ticket = self.tickets.draw();
        self.around.note_ticket(&ticket);
        self.around.tell(&Happening::TicketDrawn(&ticket));
        ticket
    }
}

/// A Slack channel that remembers what was said in it last.
pub struct SlackChannel {
    around: Arc<Surroundings>,
    messages: Mutex<Vec<String>>,
}

/// Nobody reads further back.
const MOST_MESSAGES: usize = 10_000;

impl SlackChannel {
    pub(crate) fn new(around: Arc<Surroundings>) -> Self {
        Self { around, messages: Mutex::default() }
    }

    /// Every message, as JSON.
    pub fn messages(&self) -> Vec<String> {
        lock(&self.messages).clone()
    }
}

#[async_trait]
impl Slack for SlackChannel {
    async fn post(&self, message: &serde_json::Value) -> Result<(), Unavailable> {
        let message = message.to_string();
        self.around.tell(&Happening::Messaged(&message));
        let mut messages = lock(&self.messages);
        if messages.len() < MOST_MESSAGES {
            messages.push(message);
        }
        Ok(())
    }
}
