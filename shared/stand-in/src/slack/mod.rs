//! A Slack with one workspace: channels, messages that can be changed and deleted, an App's bot, an incoming webhook, and
//! limits. It refuses what Slack refuses, in Slack's words (Slack docs, "chat.postMessage", "chat.update", "Sending
//! messages using incoming webhooks", "Rate limits").

mod blocks;
mod port;

use std::collections::{BTreeMap, BTreeSet};

use fleetfoot_model::notice::Place;
use fleetfoot_model::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::bucket::TokenBucket;

pub use port::Webhook;

/// What a stand-in Slack is made with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The channel of the incoming webhook, in which the bot is too.
    pub channel: String,
    /// Messages that a channel takes at once. Default 10.
    pub burst: u64,
    /// Messages that it takes a second, for a long time. Default 1.
    pub posts_per_second: u32,
    /// Messages that may be changed in a minute. Default 50, Slack's tier 3.
    pub changes_per_minute: u32,
}

impl Settings {
    /// The real one's limits.
    pub fn new(channel: &str) -> Self {
        Self { channel: channel.to_owned(), burst: 10, posts_per_second: 1, changes_per_minute: 50 }
    }
}

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Where it is.
    pub place: Place,
    /// As it is now.
    pub payload: Value,
    /// The message that it answers.
    pub thread: Option<String>,
    /// How often it was changed.
    pub changes: u32,
    /// When it was posted.
    pub posted_at: Timestamp,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Too many of them, until a time.
    Throttled(Timestamp),
    /// Slack's word.
    Word(&'static str),
    /// Slack has a bad day.
    Down,
    /// Done, but nobody hears of it.
    AnswerLost,
}

/// A Slack.
#[derive(Debug)]
pub struct StandInSlack {
    settings: Settings,
    messages: Vec<Message>,
    posts: BTreeMap<String, TokenBucket>,
    changes: TokenBucket,
    /// Channels that exist without the bot in them.
    foreign: BTreeSet<String>,
    archived: BTreeSet<String>,
    is_revoked: bool,
    down_until: Option<Timestamp>,
    answers_to_lose: u32,
    requests: u64,
}

impl StandInSlack {
    /// A workspace in which nobody has said anything.
    pub fn new(settings: Settings) -> Self {
        let minute = SignedDuration::from_mins(1);
        let changes = u64::from(settings.changes_per_minute);
        Self {
            changes: TokenBucket::new(changes, settings.changes_per_minute, minute),
            settings,
            messages: Vec::new(),
            posts: BTreeMap::new(),
            foreign: BTreeSet::new(),
            archived: BTreeSet::new(),
            is_revoked: false,
            down_until: None,
            answers_to_lose: 0,
            requests: 0,
        }
    }

    /// The channel of the webhook and the bot.
    pub fn channel(&self) -> &str {
        &self.settings.channel
    }

    /// Every message that is there, oldest first.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// How often it was asked, refusals included.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Somebody deletes a message.
    pub fn delete(&mut self, place: &Place) {
        self.messages.retain(|message| message.place != *place);
    }

    /// Somebody makes a channel that the bot is not in.
    pub fn add_foreign_channel(&mut self, channel: &str) {
        self.foreign.insert(channel.to_owned());
    }

    /// Somebody archives a channel.
    pub fn archive(&mut self, channel: &str) {
        self.archived.insert(channel.to_owned());
    }

    /// Somebody takes the App out of the workspace, or puts it back: its token and its webhook are good for nothing.
    pub fn set_revoked(&mut self, is_revoked: bool) {
        self.is_revoked = is_revoked;
    }

    /// It answers nothing but errors until a time.
    pub fn set_down(&mut self, until: Timestamp) {
        self.down_until = Some(until);
    }

    /// The next so many requests are done and their answers lost.
    pub fn lose_answers(&mut self, count: u32) {
        self.answers_to_lose = count;
    }

    /// The bot posts a message.
    ///
    /// # Errors
    /// Slack's words: `token_revoked`, `channel_not_found`, `not_in_channel`, `is_archived`, `invalid_blocks`, `no_text`,
    /// `thread_not_found`; and as for every request.
    pub fn post(&mut self, now: Timestamp, channel: &str, payload: &Value) -> Result<Place, Refusal> {
        self.request(now)?;
        if self.is_revoked {
            return Err(Refusal::Word("token_revoked"));
        }
        self.may_write(channel)?;
        self.take(now, channel, payload)
    }

    /// Whoever has the webhook's address posts a message.
    ///
    /// # Errors
    /// Slack's words: `no_service`, `channel_is_archived`, `invalid_blocks`, `no_text`; and as for every request.
    pub fn post_by_webhook(&mut self, now: Timestamp, payload: &Value) -> Result<(), Refusal> {
        self.request(now)?;
        if self.is_revoked {
            return Err(Refusal::Word("no_service"));
        }
        let channel = self.settings.channel.clone();
        if self.archived.contains(&channel) {
            return Err(Refusal::Word("channel_is_archived"));
        }
        self.take(now, &channel, payload).map(drop)
    }

    /// The bot changes a message.
    ///
    /// # Errors
    /// Slack's words: `message_not_found`, and as for posting.
    pub fn change(&mut self, now: Timestamp, place: &Place, payload: &Value) -> Result<(), Refusal> {
        self.request(now)?;
        if self.is_revoked {
            return Err(Refusal::Word("token_revoked"));
        }
        self.may_write(&place.channel)?;
        blocks::check(payload).map_err(Refusal::Word)?;
        self.changes.take(now, 1).map_err(Refusal::Throttled)?;
        let message = self.messages.iter_mut().find(|message| message.place == *place);
        let message = message.ok_or(Refusal::Word("message_not_found"))?;
        message.payload = payload.clone();
        message.changes += 1;
        self.answer(())
    }

    fn may_write(&self, channel: &str) -> Result<(), Refusal> {
        if self.archived.contains(channel) {
            return Err(Refusal::Word("is_archived"));
        }
        if self.foreign.contains(channel) {
            return Err(Refusal::Word("not_in_channel"));
        }
        (channel == self.settings.channel).then_some(()).ok_or(Refusal::Word("channel_not_found"))
    }

    fn take(&mut self, now: Timestamp, channel: &str, payload: &Value) -> Result<Place, Refusal> {
        blocks::check(payload).map_err(Refusal::Word)?;
        let thread = payload["thread_ts"].as_str().map(str::to_owned);
        if let Some(thread) = &thread
            && !self.messages.iter().any(|message| message.place.ts == *thread)
        {
            return Err(Refusal::Word("thread_not_found"));
        }
        let (burst, per_second) = (self.settings.burst, self.settings.posts_per_second);
        let bucket = self.posts.entry(channel.to_owned());
        let bucket =
            bucket.or_insert_with(|| TokenBucket::new(burst, per_second, SignedDuration::from_secs(1)));
        bucket.take(now, 1).map_err(Refusal::Throttled)?;
        // As Slack's: seconds, and six digits that make it the only one.
        let ts = format!("{}.{:06}", now.as_second(), self.requests % 1_000_000);
        let place = Place { channel: channel.to_owned(), ts };
        let payload = payload.clone();
        self.messages.push(Message { place: place.clone(), payload, thread, changes: 0, posted_at: now });
        self.answer(place)
    }

    fn request(&mut self, now: Timestamp) -> Result<(), Refusal> {
        self.requests += 1;
        if self.down_until.is_some_and(|until| now < until) { Err(Refusal::Down) } else { Ok(()) }
    }

    fn answer<T>(&mut self, answer: T) -> Result<T, Refusal> {
        if self.answers_to_lose == 0 {
            return Ok(answer);
        }
        self.answers_to_lose -= 1;
        Err(Refusal::AnswerLost)
    }
}
