//! Tells Slack of alarms and notices: one message for each alarm, changed with its state; notices of a kind each by itself
//! while they are few, and together when they are many.
//!
//! What is to be told is written down first. So nothing is lost when a container dies, and whatever Slack does not take now
//! is told in a later minute. What is neither an alarm nor a notice is posted as it is.

mod alarm;
mod blocks;
mod digest;
mod links;
mod message;
mod more;
mod notices;
mod show;
mod story;
mod text;

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::Timestamp;
use fleetfoot_model::config::{Config, NotifyConfig};
use fleetfoot_model::function::{FunctionError, NotificationFunction};
use fleetfoot_model::ids::{FleetName, JobId, NoticeKey, RunnerName};
use fleetfoot_model::ledger::{self, Change, Ledger, LedgerError, Stored};
use fleetfoot_model::notice::{AlarmStory, Post};
use fleetfoot_model::ports::{Slack, SlackError};
use fleetfoot_model::record::{Index, Key, Record};
use serde_json::Value;

use crate::alarm::CloudWatchAlarm;
use crate::message::{Beside, Said};
pub use links::Home;

/// The most rows that one minute looks at; the oldest come first.
const MOST_ROWS: usize = 500;
/// An alarm changes more seldom than this within the time that a write takes.
const TRIES: u32 = 8;

/// The function `alarm`.
#[derive(Clone)]
pub struct Alarm {
    /// Where people are told. Without it nothing is done: e-mail or anything else may subscribe to the topic instead.
    pub slack: Option<Arc<dyn Slack>>,
    /// What was told, and is to be.
    pub ledger: Arc<dyn Ledger>,
    /// The fleet's configuration.
    pub config: Arc<Config>,
    /// Where the fleet is, on AWS.
    pub home: Option<Home>,
}

/// The function with a Slack to tell.
pub(crate) struct Teller<'a> {
    pub(crate) slack: &'a dyn Slack,
    pub(crate) ledger: &'a dyn Ledger,
    pub(crate) config: &'a NotifyConfig,
    pub(crate) fleet: &'a FleetName,
    pub(crate) home: Option<&'a Home>,
}

/// Renders a message of the notice topic as a payload of Slack's, as if nothing had been said before.
pub fn render(published: &str, home: Option<&Home>, dashboard: Option<&str>) -> Value {
    message::render(&Said::read(published), &Beside { home, dashboard, runner_log: None })
}

#[async_trait]
impl NotificationFunction for Alarm {
    async fn handle(&self, message: &str, now: Timestamp) -> Result<(), FunctionError> {
        let Some(teller) = self.teller() else { return Ok(()) };
        match Said::read(message) {
            Said::Alarm(alarm) => teller.hear(&alarm, now).await,
            said => teller.take(&said, message, now).await,
        }
    }

    async fn catch_up(&self, now: Timestamp) -> Result<(), FunctionError> {
        match self.teller() {
            Some(teller) => teller.catch_up(now).await,
            None => Ok(()),
        }
    }
}

impl Alarm {
    fn teller(&self) -> Option<Teller<'_>> {
        let slack = self.slack.as_deref()?;
        let (config, fleet) = (&self.config.notify, &self.config.fleet);
        Some(Teller { slack, ledger: &*self.ledger, config, fleet, home: self.home.as_ref() })
    }
}

impl Teller<'_> {
    /// Takes an alarm's change: first into its row, then to Slack.
    async fn hear(&self, alarm: &CloudWatchAlarm, now: Timestamp) -> Result<(), FunctionError> {
        let key = NoticeKey::of(&alarm.name_of_all());
        for _ in 0..TRIES {
            let row = ledger::alarm(self.ledger, &key).await?;
            let (before, version) = row.map_or((None, 0), |row| (Some(row.value), row.version));
            let heard = story::hear(before.as_ref(), alarm, self.config.window, now);
            // What is old was told, or died on the way: its row knows.
            let Some((mut next, speaks)) = heard else { break };
            if speaks {
                let payload = message::render_alarm(alarm, Some(&next), &self.beside_all());
                next.post = Some(
                    next.post
                        .as_ref()
                        .map_or_else(|| Post::new(payload.clone()), |post| post.with(payload.clone())),
                );
            }
            if !self.slack.can_change() {
                next.remind_at = None;
            }
            match ledger::put(self.ledger, Stored { value: next, version }).await {
                Err(LedgerError::Conflict(_)) => {}
                written => {
                    written?;
                    break;
                }
            }
        }
        self.show(&Key::Alarm(key), now).await
    }

    /// Tells what is still to be told. One thing that cannot be told does not hold up the others.
    async fn catch_up(&self, now: Timestamp) -> Result<(), FunctionError> {
        let (mut answer, mut held) = (Ok(()), Vec::new());
        for Stored { value, version } in self.ledger.list(Index::Notices, MOST_ROWS).await? {
            let key = value.key();
            answer = answer.and(match value {
                Record::Notice(value) => {
                    held.push(Stored { value, version });
                    Ok(())
                }
                Record::Alarm(story) if story.remind_at.is_some_and(|at| at <= now) => {
                    self.remind(Stored { value: story, version }, now).await
                }
                _ => self.show(&key, now).await,
            });
        }
        answer.and(self.tell_held(held, now).await)
    }

    /// Says that an alarm goes on.
    async fn remind(&self, mut row: Stored<AlarmStory>, now: Timestamp) -> Result<(), FunctionError> {
        if row.value.rest.is_on(now) {
            return Ok(());
        }
        let has_place = row.value.post.as_ref().is_some_and(|post| post.place.is_some());
        let asked = if has_place {
            self.slack.post(&message::render_reminder(&row.value)).await.map(drop)
        } else {
            Ok(())
        };
        let failed = match asked {
            // A thread whose beginning was deleted has no reader.
            Ok(()) | Err(SlackError::Gone(_)) => {
                row.value.remind_at = None;
                None
            }
            Err(error) => {
                row.value.rest = show::rest_after(&row.value.rest, &error, now);
                Some(error)
            }
        };
        let change = Change::Put(Stored { value: row.value.into(), version: row.version });
        match self.ledger.commit(vec![change]).await {
            // It has changed meanwhile, which may be what was waited for; if not, it is said once more.
            Ok(()) | Err(LedgerError::Conflict(_)) => failed.map_or(Ok(()), show::verdict),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn beside_all(&self) -> Beside<'_> {
        Beside { home: self.home, dashboard: self.config.dashboard.as_deref(), runner_log: None }
    }

    /// What is known beside a notice. What cannot be read is left out: a link is no reason to be silent.
    pub(crate) async fn beside(&self, said: &Said) -> Beside<'_> {
        let runner_log = match said {
            Said::Notice(notice) => {
                let runner = match (&notice.runner, notice.job) {
                    (Some(runner), _) => Some(runner.clone()),
                    (None, Some(job)) => self.last_runner(job).await,
                    (None, None) => None,
                };
                self.log_of(runner.as_ref()).await
            }
            Said::Alarm(_) | Said::Text(_) => None,
        };
        Beside { runner_log, ..self.beside_all() }
    }

    async fn last_runner(&self, job: JobId) -> Option<RunnerName> {
        let launches = ledger::job(self.ledger, job).await.ok()??.value.launches;
        (launches > 0).then(|| RunnerName::for_job(self.fleet, job, launches))
    }

    async fn log_of(&self, runner: Option<&RunnerName>) -> Option<String> {
        let (home, runner) = (self.home?, runner?);
        let runner = ledger::runner(self.ledger, runner).await.ok()??.value;
        home.log_of_runner(runner.task.as_ref()?)
    }
}
