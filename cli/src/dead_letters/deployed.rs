//! Dead letters of a stack: its queues keep them. Whoever looks at a message hides it from others for a while, and it is
//! let go of as soon as nobody wants it any more; only what was accepted elsewhere, or is to be dropped, is deleted.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, Message, MessageSystemAttributeName as System,
};
use fleetfoot_model::Timestamp;

use super::envelope::{Back, Raw, open};
use super::{Content, DeadLetters, Letter};
use crate::aws::call::Caller;
use crate::aws::failure::failure;
use crate::aws::stack::{DEAD_LETTERS, FUNCTIONS, Stack, output};
use crate::failure::{Failure, OrFail};
use crate::place::{Deployed, EventBus};

/// For so long nobody else sees what is looked at, if this process dies.
const HIDDEN: Duration = Duration::from_mins(1);
/// Long enough for SQS to look at all its servers.
const WAIT_SECONDS: i32 = 1;
/// As much as SQS hands out, and takes, at once.
const BATCH: usize = 10;
/// The most that are looked at in one queue.
const MOST: usize = 1000;

/// The stack's queues.
pub(crate) struct Queues {
    client: Client,
    caller: Caller,
    stack: Stack,
    bus: std::sync::Arc<dyn EventBus>,
    held: Mutex<BTreeMap<String, Held>>,
}

/// A message that is hidden from others.
#[derive(Debug, Clone)]
struct Held {
    queue: String,
    receipt: String,
    back: Back,
}

impl Queues {
    pub(crate) fn new(place: &Deployed, bus: std::sync::Arc<dyn EventBus>) -> Result<Self, Failure> {
        let client = Client::new(&place.sdk);
        let caller = Caller::new(&place.sdk)?;
        Ok(Self { client, caller, stack: place.stack.clone(), bus, held: Mutex::default() })
    }

    fn held(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look(&self, name: &str, url: &str) -> Result<Vec<Letter>, Failure> {
        let mut letters: Vec<Letter> = Vec::new();
        while letters.len() < MOST {
            let messages = self.receive(url).await?;
            if messages.is_empty() {
                break;
            }
            for message in messages {
                let Some(receipt) = message.receipt_handle.clone() else { continue };
                let (letter, back) = open(name, raw(message));
                let held = Held { queue: url.to_owned(), receipt, back };
                if self.held().insert(letter.id.clone(), held).is_none() {
                    letters.push(letter);
                }
            }
        }
        Ok(letters)
    }

    async fn receive(&self, url: &str) -> Result<Vec<Message>, Failure> {
        let asked = self
            .client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(i32::try_from(BATCH).unwrap_or(10))
            .visibility_timeout(i32::try_from(HIDDEN.as_secs()).unwrap_or(60))
            .wait_time_seconds(WAIT_SECONDS)
            .message_system_attribute_names(System::All)
            .message_attribute_names("All");
        let answer = asked.send().await;
        let answer = answer
            .map_err(|error| failure(format!("{url} cannot be looked at"), "sqs:ReceiveMessage", &error))?;
        Ok(answer.messages.unwrap_or_default())
    }

    /// Hands it over. An error says that it was not accepted.
    async fn hand_over(&self, letter: &Letter, back: &Back, now: Timestamp) -> Result<String, Failure> {
        match back {
            Back::Queue { arn, body } => {
                let url = self.url_of(arn).await?;
                let sent = self.client.send_message().queue_url(&url).message_body(body).send().await;
                sent.map_err(|error| failure(format!("{url} does not take it"), "sqs:SendMessage", &error))?;
                Ok(format!("the queue {}", arn.rsplit(':').next().unwrap_or(arn)))
            }
            Back::Function { name, payload } => self.invoke(name, payload).await,
            Back::Topic { payload } => self.invoke(self.stack.output(output::ALARM_FUNCTION)?, payload).await,
            Back::Bus => {
                let Content::Event(event) = &letter.content else {
                    return Err(Failure::new("it is no event")
                        .hint("`fleetfoot dead-letters show` shows it, `drop` forgets it"));
                };
                self.bus.put(now, (**event).clone()).await.map(|()| "the fleet's bus".to_owned())
            }
            Back::Nowhere(why) => Err(Failure::new("it cannot be put back").hint(why)),
        }
    }

    /// A message names its function. Only the stack's own are called.
    async fn invoke(&self, name: &str, payload: &serde_json::Value) -> Result<String, Failure> {
        if !FUNCTIONS.iter().any(|key| self.stack.optional(key) == Some(name)) {
            return Err(Failure::new(format!("{name} is none of the stack's functions"))
                .hint("it may be of a stack that is gone: `fleetfoot dead-letters drop` forgets it"));
        }
        self.caller.invoke_later(name, payload.to_string()).await?;
        Ok(format!("the function {name}"))
    }

    async fn url_of(&self, arn: &str) -> Result<String, Failure> {
        let name = arn.rsplit(':').next().unwrap_or(arn);
        let asked = self.client.get_queue_url().queue_name(name).send().await;
        let answer = asked
            .map_err(|error| failure(format!("the queue {name} is not found"), "sqs:GetQueueUrl", &error))?;
        answer.queue_url.ok_or_else(|| Failure::new(format!("the queue {name} has no address")))
    }

    async fn delete(&self, held: &Held) -> Result<(), Failure> {
        let Held { queue, receipt, .. } = held;
        let asked = self.client.delete_message().queue_url(queue).receipt_handle(receipt).send().await;
        asked.map(drop).map_err(|error| failure("it is still in its queue", "sqs:DeleteMessage", &error))
    }
}

fn raw(message: Message) -> Raw {
    let system = message.attributes.unwrap_or_default();
    let of_system = |name: System| system.get(&name).cloned();
    let sent_at = of_system(System::SentTimestamp).and_then(|it| it.parse().ok());
    let attributes = message.message_attributes.unwrap_or_default().into_iter();
    Raw {
        id: message.message_id.unwrap_or_default(),
        body: message.body.unwrap_or_default(),
        sent_at: sent_at.and_then(|it| Timestamp::from_millisecond(it).ok()).unwrap_or_default(),
        source: of_system(System::DeadLetterQueueSourceArn),
        attributes: attributes.filter_map(|(name, it)| Some((name, it.string_value?))).collect(),
    }
}

#[async_trait]
impl DeadLetters for Queues {
    async fn list(&self) -> Result<Vec<Letter>, Failure> {
        let mut letters = Vec::new();
        for (key, name) in DEAD_LETTERS {
            letters.extend(self.look(name, self.stack.output(key)?).await?);
        }
        letters.sort_by_key(|letter| letter.since);
        Ok(letters)
    }

    async fn redrive(&self, letter: &Letter, now: Timestamp) -> Result<Option<String>, Failure> {
        let Some(held) = self.held().get(&letter.id).cloned() else { return Ok(None) };
        let to = self.hand_over(letter, &held.back, now).await?;
        self.delete(&held).await.map_err(|failure| {
            failure.hint(format!("it went back to {to}, and stays a dead letter, too; drop it"))
        })?;
        self.held().remove(&letter.id);
        Ok(Some(to))
    }

    async fn drop_letter(&self, letter: &Letter) -> Result<bool, Failure> {
        let Some(held) = self.held().get(&letter.id).cloned() else { return Ok(false) };
        self.delete(&held).await?;
        self.held().remove(&letter.id);
        Ok(true)
    }

    /// What cannot be let go of is seen again in a minute anyway.
    async fn release(&self) {
        let mut by_queue: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for held in std::mem::take(&mut *self.held()).into_values() {
            by_queue.entry(held.queue).or_default().push(held.receipt);
        }
        for (queue, receipts) in by_queue {
            for batch in receipts.chunks(BATCH) {
                let entries = batch.iter().enumerate().filter_map(|(n, receipt)| {
                    let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(n.to_string());
                    entry.receipt_handle(receipt).visibility_timeout(0).build().ok()
                });
                let request = self.client.change_message_visibility_batch().queue_url(&queue);
                let let_go = request.set_entries(Some(entries.collect())).send().await;
                if let Err(failure) = let_go.or_fail("dead letters stay hidden for a minute") {
                    crate::output::report(&failure);
                }
            }
        }
    }
}
