//! Renders alarms and notices as Slack messages: one message for each thing that is said on the notice topic.
//!
//! What is neither an alarm nor a notice is posted as it is. Nothing is lost because it looks strange.

mod alarm;
mod blocks;
mod digest;
mod message;
mod text;

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::Timestamp;
use fleetfoot_model::function::{FunctionError, NotificationFunction};
use fleetfoot_model::ports::Slack;

pub use message::render;

/// Tells Slack what is said on the notice topic.
#[derive(Clone)]
pub struct Alarm {
    /// Where to post. Without it nothing is done: e-mail or anything else may subscribe to the topic instead.
    pub slack: Option<Arc<dyn Slack>>,
}

#[async_trait]
impl NotificationFunction for Alarm {
    async fn handle(&self, message: &str, _now: Timestamp) -> Result<(), FunctionError> {
        match &self.slack {
            None => Ok(()),
            Some(slack) => slack.post(&render(message)).await.map_err(|error| FunctionError::again(&error)),
        }
    }
}
