use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use fleetfoot_model::config::SlackConfig;
use fleetfoot_model::notice::Place;
use fleetfoot_model::ports::{SecretError, Secrets, Slack, SlackError, Tickets};
use fleetfoot_model::secret::{Secret, SecretReference, Ticket};
use fleetfoot_shell::clock::SeededTickets;
use fleetfoot_stand_in::InProcess;
use fleetfoot_stand_in::slack::{Settings, StandInSlack, Webhook};

use super::Surroundings;
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

/// A Slack with one channel.
pub struct SlackChannel {
    around: Arc<Surroundings>,
    slack: InProcess<StandInSlack>,
    /// As the configuration says: a bot changes its messages, an incoming webhook cannot.
    can_change: bool,
}

impl SlackChannel {
    pub(crate) fn new(around: Arc<Surroundings>, config: Option<&SlackConfig>) -> Self {
        let channel = match config {
            Some(SlackConfig::Bot { channel, .. }) => channel.as_str(),
            _ => "C0123456789",
        };
        let slack = Arc::new(Mutex::new(StandInSlack::new(Settings::new(channel))));
        let slack = InProcess::new(slack, Arc::new(around.clock.clone()));
        Self { around, slack, can_change: matches!(config, Some(SlackConfig::Bot { .. })) }
    }

    /// The Slack itself.
    pub fn state(&self) -> MutexGuard<'_, StandInSlack> {
        self.slack.state()
    }

    /// Every message, as JSON.
    pub fn messages(&self) -> Vec<String> {
        self.state().messages().iter().map(|message| message.payload.to_string()).collect()
    }
}

#[async_trait]
impl Slack for SlackChannel {
    async fn post(&self, message: &serde_json::Value) -> Result<Option<Place>, SlackError> {
        self.around.tell(&Happening::Messaged(&message.to_string()));
        if self.can_change {
            self.slack.post(message).await
        } else {
            Webhook(self.slack.clone()).post(message).await
        }
    }

    async fn change(&self, place: &Place, message: &serde_json::Value) -> Result<(), SlackError> {
        self.around.tell(&Happening::Messaged(&message.to_string()));
        self.slack.change(place, message).await
    }

    fn can_change(&self) -> bool {
        self.can_change
    }
}
