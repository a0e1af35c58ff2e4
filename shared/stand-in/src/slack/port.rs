//! The stand-in Slack behind the port, in this process: as a bot, and as an incoming webhook.

use async_trait::async_trait;
use fleetfoot_model::notice::Place;
use fleetfoot_model::ports::{Slack, SlackError};
use fleetfoot_model::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Refusal, StandInSlack};
use crate::in_process::InProcess;

/// Its incoming webhook.
pub struct Webhook(pub InProcess<StandInSlack>);

/// What a refusal comes to, as the adapters that speak HTTP see it.
fn error(refusal: Refusal, now: Timestamp) -> SlackError {
    match refusal {
        Refusal::Throttled(until) => {
            let millis = until.duration_since(now).as_millis().max(0);
            let seconds = i64::try_from(millis).unwrap_or(i64::MAX).div_euclid(1000) + 1;
            SlackError::Throttled { after: SignedDuration::from_secs(seconds) }
        }
        Refusal::Word(word @ "message_not_found") => SlackError::Gone(word.to_owned()),
        Refusal::Word(word @ ("invalid_blocks" | "no_text")) => SlackError::Invalid(word.to_owned()),
        Refusal::Word(word) => SlackError::Refused(word.to_owned()),
        Refusal::Down => SlackError::Unavailable("Slack answered 503 Service Unavailable".to_owned()),
        Refusal::AnswerLost => SlackError::Unavailable("Slack did not answer".to_owned()),
    }
}

#[async_trait]
impl Slack for InProcess<StandInSlack> {
    async fn post(&self, message: &Value) -> Result<Option<Place>, SlackError> {
        let now = self.now();
        let mut slack = self.state();
        let channel = slack.channel().to_owned();
        slack.post(now, &channel, message).map(Some).map_err(|refusal| error(refusal, now))
    }

    async fn change(&self, place: &Place, message: &Value) -> Result<(), SlackError> {
        let now = self.now();
        self.state().change(now, place, message).map_err(|refusal| error(refusal, now))
    }

    fn can_change(&self) -> bool {
        true
    }
}

#[async_trait]
impl Slack for Webhook {
    async fn post(&self, message: &Value) -> Result<Option<Place>, SlackError> {
        let now = self.0.now();
        let posted = self.0.state().post_by_webhook(now, message);
        posted.map(|()| None).map_err(|refusal| error(refusal, now))
    }

    async fn change(&self, _place: &Place, _message: &Value) -> Result<(), SlackError> {
        Err(SlackError::Gone("an incoming webhook cannot change messages".to_owned()))
    }

    fn can_change(&self) -> bool {
        false
    }
}
