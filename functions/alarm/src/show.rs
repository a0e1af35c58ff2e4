//! A row's message is brought to what the row says, whoever else is doing the same.

use fleetfoot_model::config::NotifyConfig;
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ledger::{Change, LedgerError, Stored};
use fleetfoot_model::notice::{Place, Post, Rest};
use fleetfoot_model::ports::{Slack, SlackError};
use fleetfoot_model::record::{Key, Record};
use fleetfoot_model::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::Teller;

/// A row may be changed so often while its message is; then the next minute goes on.
const TRIES: u32 = 8;

/// What a row has of a message.
struct Shown<'a> {
    post: &'a mut Post,
    rest: &'a mut Rest,
    /// Counts messages where they cannot be changed.
    posted: Option<&'a mut (Timestamp, u32)>,
}

fn shown(record: &mut Record) -> Option<Shown<'_>> {
    match record {
        Record::Alarm(story) => {
            let post = story.post.as_mut()?;
            Some(Shown { post, rest: &mut story.rest, posted: Some(&mut story.posted) })
        }
        Record::NoticeWindow(window) => {
            Some(Shown { post: window.last.as_mut()?, rest: &mut window.rest, posted: None })
        }
        _ => None,
    }
}

impl Shown<'_> {
    /// Whether Slack may be asked now.
    fn may_ask(&mut self, config: &NotifyConfig, can_change: bool, now: Timestamp) -> bool {
        if self.rest.is_on(now) {
            return false;
        }
        let (Some(posted), false) = (self.posted.as_deref_mut(), can_change) else { return true };
        if now.duration_since(posted.0) >= config.window {
            *posted = (now, 0);
        }
        posted.1 < config.messages
    }
}

impl Teller<'_> {
    /// Posts or changes the message of a row, unless it is seen as it should be. What cannot be done now stays in the row,
    /// and the next minute finds it there.
    pub(crate) async fn show(&self, key: &Key, now: Timestamp) -> Result<(), FunctionError> {
        let can_change = self.slack.can_change();
        let mut posted_at: Option<Place> = None;
        let mut overwritten = false;
        for _ in 0..TRIES {
            let Some(Stored { mut value, version }) = self.ledger.get(key).await? else { return Ok(()) };
            let Some(mut it) = shown(&mut value) else { return Ok(()) };
            if (it.post.is_shown && !overwritten) || !it.may_ask(self.config, can_change, now) {
                return Ok(());
            }
            if it.post.place.is_none() {
                it.post.place = posted_at.take();
            }
            let asked = deliver(self.slack, it.post.place.as_ref(), &it.post.payload).await;
            let failed = match asked {
                Ok(place) => {
                    (it.post.place, it.post.is_shown, *it.rest) = (place, true, Rest::default());
                    if let Some(posted) = it.posted {
                        posted.1 += 1;
                    }
                    None
                }
                Err(error) => {
                    *it.rest = rest_after(it.rest, &error, now);
                    Some(error)
                }
            };
            posted_at.clone_from(&it.post.place);
            match self.ledger.commit(vec![Change::Put(Stored { value, version })]).await {
                // The words have changed meanwhile, and it is unknown whose came to Slack last.
                Err(LedgerError::Conflict(_)) => overwritten = true,
                Err(error) => return Err(error.into()),
                Ok(()) => return failed.map_or(Ok(()), verdict),
            }
        }
        Err(FunctionError::Again(format!("{key} changes faster than Slack is told")))
    }
}

/// Changes a message or, if there is none or it is gone, posts it. Answers where it is, if it can be changed.
pub(crate) async fn deliver(
    slack: &dyn Slack,
    place: Option<&Place>,
    payload: &Value,
) -> Result<Option<Place>, SlackError> {
    if let Some(place) = place {
        let changed = match slack.change(place, payload).await {
            Err(SlackError::Invalid(word)) => slack.change(place, &plain(payload, &word)).await,
            answer => answer,
        };
        match changed {
            // Somebody deleted it, or it is too old to be changed.
            Err(SlackError::Gone(_)) => {}
            answer => return answer.map(|()| Some(place.clone())),
        }
    }
    match slack.post(payload).await {
        Err(SlackError::Invalid(word)) => slack.post(&plain(payload, &word)).await,
        answer => answer,
    }
}

/// A message whose blocks Slack does not take is told in plain words: the words matter more than their look.
fn plain(payload: &Value, word: &str) -> Value {
    tracing::error!(slack.error = word, "Slack does not take a message's blocks");
    json!({ "text": payload["text"], "unfurl_links": false, "unfurl_media": false })
}

/// When Slack is to be asked again.
pub(crate) fn rest_after(rest: &Rest, error: &SlackError, now: Timestamp) -> Rest {
    match error {
        SlackError::Throttled { after } => rest.until(now + (*after).min(SignedDuration::from_hours(1))),
        _ => rest.longer(now),
    }
}

/// What is remembered and will be told is no failure; what somebody has to mend is.
pub(crate) fn verdict(error: SlackError) -> Result<(), FunctionError> {
    match error {
        SlackError::Throttled { after } => {
            tracing::warn!(slack.retry_after_s = after.as_secs(), "Slack takes no more messages for now");
            Ok(())
        }
        error => Err(FunctionError::again(&error)),
    }
}
