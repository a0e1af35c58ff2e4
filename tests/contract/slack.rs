//! The Slack port: the stand-in in this process, and the adapters over HTTP against the same stand-in. One suite holds all
//! four to the same words.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use fleetfoot_model::config::SlackConfig;
use fleetfoot_model::notice::Place;
use fleetfoot_model::ports::{SecretError, Secrets, Slack, SlackError};
use fleetfoot_model::secret::{Secret, SecretReference};
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_shell::clock::VirtualClock;
use fleetfoot_shell::slack;
use fleetfoot_stand_in::InProcess;
use fleetfoot_stand_in::slack::{Settings, StandInSlack, Webhook};
use fleetfoot_stand_in::slack_http::{self, Keys};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const CHANNEL: &str = "C0123456789";

/// A Slack, and the port that leads to it.
struct Subject {
    state: Arc<Mutex<StandInSlack>>,
    clock: VirtualClock,
    port: Arc<dyn Slack>,
}

impl Subject {
    fn state(&self) -> MutexGuard<'_, StandInSlack> {
        self.state.lock().expect("no test panics while it holds it")
    }
}

struct Vault(String);

#[async_trait]
impl Secrets for Vault {
    async fn read(&self, _reference: &SecretReference) -> Result<Secret, SecretError> {
        Ok(Secret::new(self.0.clone()))
    }
}

/// In this process and over HTTP, as a bot or through a webhook.
async fn subjects(is_bot: bool) -> Vec<Subject> {
    let mut subjects = Vec::new();
    for over_http in [false, true] {
        let clock = VirtualClock::at(Timestamp::from_second(1_795_255_200).expect("a time"));
        let state = Arc::new(Mutex::new(StandInSlack::new(Settings::new(CHANNEL))));
        let inside = InProcess::new(state.clone(), Arc::new(clock.clone()));
        let port: Arc<dyn Slack> = match (over_http, is_bot) {
            (false, true) => Arc::new(inside),
            (false, false) => Arc::new(Webhook(inside)),
            (true, _) => over_the_wire(state.clone(), clock.clone(), is_bot).await,
        };
        subjects.push(Subject { state, clock, port });
    }
    subjects
}

async fn over_the_wire(state: Arc<Mutex<StandInSlack>>, clock: VirtualClock, is_bot: bool) -> Arc<dyn Slack> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
    let keys = Keys { token: Secret::new("xoxb-hunter2"), webhook: Secret::new("T0/B0/hunter2") };
    tokio::spawn(slack_http::serve(listener, state, keys, Arc::new(clock)));
    let reference: SecretReference = "env:SLACK".parse().expect("a reference");
    let (config, secret) = if is_bot {
        let (channel, url) = (CHANNEL.parse().expect("an id"), format!("{address}/api"));
        (SlackConfig::Bot { token: reference, channel, url }, "xoxb-hunter2\n".to_owned())
    } else {
        (SlackConfig::Webhook(reference), format!("{address}/services/T0/B0/hunter2"))
    };
    slack::connect(&config, Arc::new(Vault(secret)))
}

fn message(text: &str) -> Value {
    let section = json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } });
    json!({ "text": text, "blocks": [section], "unfurl_links": false })
}

#[tokio::test]
async fn a_bots_message_is_posted_answered_and_changed() {
    for it in subjects(true).await {
        assert!(it.port.can_change());
        let place = it.port.post(&message("first")).await.expect("it is posted").expect("a place");
        assert_eq!(place.channel, CHANNEL);
        let mut reply = message("a reply");
        reply["thread_ts"] = json!(place.ts);
        it.port.post(&reply).await.expect("it is posted");
        it.port.change(&place, &message("second")).await.expect("it is changed");
        let state = it.state();
        let [first, answer] = state.messages() else { panic!("{:?}", state.messages()) };
        assert_eq!((&first.payload["text"], first.changes), (&json!("second"), 1));
        assert_eq!(answer.thread.as_ref(), Some(&place.ts));
    }
}

#[tokio::test]
async fn a_message_that_was_deleted_is_gone() {
    for it in subjects(true).await {
        let place = it.port.post(&message("x")).await.expect("it is posted").expect("a place");
        it.state().delete(&place);
        let elsewhere = Place { channel: "C9999999999".to_owned(), ts: place.ts.clone() };
        let gone = it.port.change(&place, &message("y")).await;
        assert_eq!(gone, Err(SlackError::Gone("message_not_found".to_owned())));
        assert!(it.port.change(&elsewhere, &message("y")).await.is_err());
    }
}

#[tokio::test]
async fn a_webhook_posts_and_cannot_change() {
    for it in subjects(false).await {
        assert!(!it.port.can_change());
        assert_eq!(it.port.post(&message("x")).await, Ok(None));
        let place = Place { channel: CHANNEL.to_owned(), ts: "1.0".to_owned() };
        assert!(matches!(it.port.change(&place, &message("y")).await, Err(SlackError::Gone(_))));
        assert_eq!(it.state().messages().len(), 1);
    }
}

#[tokio::test]
async fn too_many_messages_are_to_be_sent_later() {
    for is_bot in [true, false] {
        for it in subjects(is_bot).await {
            for _ in 0..10 {
                it.port.post(&message("x")).await.expect("there is room");
            }
            let Err(SlackError::Throttled { after }) = it.port.post(&message("x")).await else {
                panic!("a channel takes one message a second")
            };
            assert!(SignedDuration::ZERO < after && after <= SignedDuration::from_secs(2), "{after:?}");
            it.clock.advance(after);
            it.port.post(&message("x")).await.expect("it was waited for");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_message_is_told_apart_from_what_is_wrong_with_slack() {
    for is_bot in [true, false] {
        for it in subjects(is_bot).await {
            let many = json!({ "text": "x", "blocks": vec![json!({ "type": "divider" }); 51] });
            assert_eq!(it.port.post(&many).await, Err(SlackError::Invalid("invalid_blocks".to_owned())));
            let silent = json!({ "text": "" });
            assert_eq!(it.port.post(&silent).await, Err(SlackError::Invalid("no_text".to_owned())));
            let until = it.state().messages().len();
            it.state().lose_answers(1);
            assert!(matches!(it.port.post(&message("x")).await, Err(SlackError::Unavailable(_))));
            assert_eq!(it.state().messages().len(), until + 1, "the answer was lost, not the message");
            it.state().set_revoked(true);
            let refused = it.port.post(&message("x")).await;
            let word = if is_bot { "token_revoked" } else { "no_service" };
            assert_eq!(refused, Err(SlackError::Refused(word.to_owned())));
            it.state().archive(CHANNEL);
            it.state().set_revoked(false);
            assert!(matches!(it.port.post(&message("x")).await, Err(SlackError::Refused(_))));
        }
    }
}
