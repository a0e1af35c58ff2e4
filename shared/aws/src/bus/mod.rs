//! The bus and the topic: what is published.

mod batch;
mod outlets;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use fleetfoot_shell::Emission;

use outlets::{Bus, Topic};

/// Why something was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// No answer, a throttled one or an error on the other side, each time it was tried. Later it may be taken.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// Refused for what only a person can change, such as a missing permission or bus. It was tried once.
    #[error("refused: {0}")]
    Refused(String),
    /// It can never be sent as it is: too large, or not what AWS takes for an event.
    #[error("impossible: {0}")]
    Impossible(String),
}

/// Facts that were not sent; all others were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsent {
    /// Why, by the fact's event id.
    pub facts: BTreeMap<String, Reason>,
}

impl std::error::Error for Unsent {}

impl fmt::Display for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} facts were not sent", self.facts.len())?;
        match self.facts.first_key_value() {
            Some((id, reason)) => write!(f, ", among them {id}: {reason}"),
            None => Ok(()),
        }
    }
}

/// Publishes facts on the bus and notices at the topic.
#[derive(Debug)]
pub struct Publisher {
    bus: Bus,
    topic: Option<Topic>,
    unsent_notices: AtomicU64,
}

impl Publisher {
    /// For a bus of this name or ARN, and a topic of this ARN; without one notices go nowhere.
    pub fn new(
        events: aws_sdk_eventbridge::Client,
        bus: String,
        sns: Option<(aws_sdk_sns::Client, String)>,
    ) -> Self {
        let topic = sns.map(|(client, arn)| Topic { client, arn });
        Self { bus: Bus { client: events, name: bus }, topic, unsent_notices: AtomicU64::new(0) }
    }

    /// Publishes facts and notices, each at the same time. What is not taken is tried three times in all. Gives up when
    /// for two seconds nothing was taken. A fact may be taken twice, under the same event id.
    ///
    /// A notice that cannot be sent is no error, as handling the event again would tell its facts again: it is logged
    /// with its text, and counted ([`Publisher::take_unsent_notices`]).
    ///
    /// # Errors
    /// The facts that were not sent. Handling their event again sends them again under the same ids.
    pub async fn publish(&self, emission: &Emission) -> Result<(), Unsent> {
        let (facts, ()) =
            tokio::join!(batch::send_all(&self.bus, &emission.facts), self.notify(&emission.notices));
        let facts: BTreeMap<String, Reason> =
            facts.into_iter().map(|(index, reason)| (emission.facts[index].id.clone(), reason)).collect();
        if facts.is_empty() { Ok(()) } else { Err(Unsent { facts }) }
    }

    /// How many notices could not be sent since this was last asked.
    pub fn take_unsent_notices(&self) -> u64 {
        self.unsent_notices.swap(0, Ordering::Relaxed)
    }

    async fn notify(&self, notices: &[String]) {
        let Some(topic) = &self.topic else { return };
        for (index, reason) in batch::send_all(topic, notices).await {
            tracing::error!(notice.text = notices[index], %reason, "nobody could be told");
            self.unsent_notices.fetch_add(1, Ordering::Relaxed);
        }
    }
}
