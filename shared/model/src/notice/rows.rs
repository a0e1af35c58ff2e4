//! What is remembered of having told people: containers that die share no memory, and Slack is not asked what it has.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::NoticeKey;
use crate::record::KEEP_ENDED;
use crate::{SignedDuration, Timestamp};

const FIRST_REST: SignedDuration = SignedDuration::from_secs(30);
const LONGEST_REST: SignedDuration = SignedDuration::from_hours(1);

/// Where a message of Slack's is, by which it can be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The id of its channel.
    pub channel: String,
    /// Slack's `ts`: the time that is a message's id within its channel.
    pub ts: String,
}

/// A message as it is to be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Post {
    /// A payload of Block Kit.
    pub payload: Value,
    /// Where it is. None before it is posted, and for ever where messages cannot be changed.
    pub place: Option<Place>,
    /// Whether it is seen as it is here.
    pub is_shown: bool,
}

impl Post {
    /// A message that is not there yet.
    pub fn new(payload: Value) -> Self {
        Self { payload, place: None, is_shown: false }
    }

    /// The same message with other words.
    #[must_use]
    pub fn with(&self, payload: Value) -> Self {
        Self { payload, place: self.place.clone(), is_shown: false }
    }
}

/// When Slack is to be asked again after it refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// Not before.
    pub until: Option<Timestamp>,
    /// How often it refused since it last took something.
    pub failures: u32,
}

impl Rest {
    /// Whether Slack is to be left alone.
    pub fn is_on(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// After one more failure: half a minute, doubled with each further one, an hour at most.
    #[must_use]
    pub fn longer(&self, now: Timestamp) -> Self {
        let wait = FIRST_REST * 2_i32.pow(self.failures.min(7));
        Self { until: Some(now + wait.min(LONGEST_REST)), failures: self.failures.saturating_add(1) }
    }

    /// As long as Slack says.
    #[must_use]
    pub fn until(&self, until: Timestamp) -> Self {
        Self { until: Some(until), failures: self.failures }
    }
}

/// An alarm and the one message that tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlarmStory {
    /// A digest over the alarm's ARN.
    pub key: NoticeKey,
    /// Its state, in `CloudWatch`'s word.
    pub state: String,
    /// When it changed to it, by `CloudWatch`'s clock. What is older came late.
    pub since: Timestamp,
    /// When what the message tells began, by the same clock.
    pub began_at: Timestamp,
    /// When it last went off, by the same clock; none if it never did as far as is known.
    pub alarmed_at: Option<Timestamp>,
    /// How often it went off within what the message tells.
    pub alarms: u32,
    /// The message; none while there is nothing to tell.
    pub post: Option<Post>,
    /// When to say that it goes on, though the message is an old one.
    pub remind_at: Option<Timestamp>,
    /// Since when messages are counted, and how many there were: where they cannot be changed each state is one.
    pub posted: (Timestamp, u32),
    /// Whether Slack refused.
    pub rest: Rest,
    /// When this row last changed.
    pub changed_at: Timestamp,
}

/// Notices of one kind: how many were posted lately, and what is said of the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NoticeWindow {
    /// A digest over the kind.
    pub key: NoticeKey,
    /// The fact's detail-type, or another name for what is no fact.
    pub kind: String,
    /// When the time began that is counted in.
    pub began_at: Timestamp,
    /// How many messages it has taken.
    pub posts: u32,
    /// The last of them.
    pub last: Option<Post>,
    /// How many more the last one tells of.
    pub more: u64,
    /// Whether Slack refused.
    pub rest: Rest,
    /// When this row last changed.
    pub changed_at: Timestamp,
}

/// A notice that people are to be told of. It is written before Slack is asked, so that it is not lost with whoever asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingNotice {
    /// A digest over the fact's id: a fact that is told twice is one notice.
    pub key: NoticeKey,
    /// Its kind, as in [`NoticeWindow`].
    pub kind: String,
    /// As it was published.
    pub message: String,
    /// When the fleet's people should have heard of it.
    pub heard_at: Timestamp,
    /// When they were told, in a message of its own or with others.
    pub told_at: Option<Timestamp>,
}

impl AlarmStory {
    /// Whether Slack is still to be told something.
    pub fn is_open(&self) -> bool {
        self.remind_at.is_some() || self.post.as_ref().is_some_and(|post| !post.is_shown)
    }

    /// When it may be forgotten.
    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        (!self.is_open()).then(|| self.changed_at + KEEP_ENDED)
    }
}

impl NoticeWindow {
    /// Whether Slack is still to be told something.
    pub fn is_open(&self) -> bool {
        self.last.as_ref().is_some_and(|post| !post.is_shown)
    }

    /// When it may be forgotten.
    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        (!self.is_open()).then(|| self.changed_at + KEEP_ENDED)
    }
}

impl PendingNotice {
    /// When it may be forgotten.
    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        self.told_at.map(|told_at| told_at + KEEP_ENDED)
    }
}
