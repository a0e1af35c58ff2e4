//! What people are told in Slack: each alarm in one message, few notices each by itself, many together, and none lost.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};

use fleetfoot_alarm::Alarm;
use fleetfoot_local::ledger::MemoryLedger;
use fleetfoot_model::function::NotificationFunction;
use fleetfoot_model::ledger::Ledger;
use fleetfoot_model::ports::{Clock as _, Slack};
use fleetfoot_model::record::Index;
use fleetfoot_model::{SignedDuration, Timestamp, config};
use fleetfoot_shell::clock::VirtualClock;
use fleetfoot_stand_in::InProcess;
use fleetfoot_stand_in::slack::{Settings, StandInSlack, Webhook};
use fleetfoot_tests::tools;
use serde_json::{Value, json};

const CHANNEL: &str = "C0123456789";

/// A channel, whoever tells it, and the time.
struct People {
    slack: Arc<Mutex<StandInSlack>>,
    ledger: Arc<MemoryLedger>,
    clock: VirtualClock,
    alarm: Alarm,
}

impl People {
    fn with_bot() -> Self {
        Self::with(&format!("slack_token = \"env:SLACK\"\nslack_channel = \"{CHANNEL}\""), true)
    }

    fn with_webhook() -> Self {
        Self::with("slack = \"env:SLACK\"", false)
    }

    fn with(notify: &str, is_bot: bool) -> Self {
        let text = format!(
            "[github]\norganization = \"acme\"\ntoken = \"env:A\"\nwebhook_secrets = [\"env:B\"]\n[notify]\n{notify}\n\
             dashboard = \"https://fleet.example.com/\"\n"
        );
        let config = config::load("fleet.toml", &text).unwrap_or_else(|error| panic!("{error}"));
        let clock = VirtualClock::at("2026-11-20T10:15:35Z".parse().expect("a time"));
        let slack = Arc::new(Mutex::new(StandInSlack::new(Settings::new(CHANNEL))));
        let inside = InProcess::new(slack.clone(), Arc::new(clock.clone()));
        let port: Arc<dyn Slack> = if is_bot { Arc::new(inside) } else { Arc::new(Webhook(inside)) };
        let ledger = Arc::new(MemoryLedger::default());
        let alarm = Alarm { slack: Some(port), ledger: ledger.clone(), config: Arc::new(config), home: None };
        Self { slack, ledger, clock, alarm }
    }

    fn slack(&self) -> MutexGuard<'_, StandInSlack> {
        self.slack.lock().expect("no test panics while it holds it")
    }

    fn messages(&self) -> Vec<String> {
        self.slack().messages().iter().map(|message| message.payload.to_string()).collect()
    }

    fn only_message(&self) -> String {
        let messages = self.messages();
        let [message] = &messages[..] else { panic!("{messages:#?}") };
        message.clone()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn hear(&self, message: &Value) {
        self.alarm.handle(&message.to_string(), self.now()).await.expect("it is told");
    }

    /// Minutes pass, and each wakes the function.
    async fn minutes(&self, count: u32) {
        for _ in 0..count {
            self.clock.advance(SignedDuration::from_mins(1));
            self.alarm.catch_up(self.now()).await.expect("it is told");
        }
    }

    /// What is still to be told.
    async fn untold(&self) -> usize {
        self.ledger.list(Index::Notices, 10_000).await.expect("the ledger answers").len()
    }
}

/// An alarm's change, at so many seconds after 10:15:33.
fn alarm(old: &str, new: &str, second: i64) -> Value {
    let sample = include_str!("../../events/foreign/sns/metric-alarm.json");
    let mut alarm: Value = serde_json::from_str(sample).expect("JSON");
    let began: Timestamp = "2026-11-20T10:15:33Z".parse().expect("a time");
    let at = began + SignedDuration::from_secs(second);
    alarm["OldStateValue"] = json!(old);
    alarm["NewStateValue"] = json!(new);
    alarm["StateChangeTime"] = json!(at.strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string());
    alarm
}

fn rejected(n: u32) -> Value {
    json!({
        "kind": "fleetfoot-notice", "id": format!("event-{n}"), "fact": "JobRejected",
        "title": format!("acme/app: job \"build {n}\" will get no runner"), "text": "there is no such class",
        "link": format!("https://github.com/acme/app/actions/runs/1/job/{n}"), "job": n,
    })
}

#[tokio::test]
async fn an_alarm_and_its_end_are_one_message() {
    let people = People::with_bot();
    people.hear(&alarm("OK", "ALARM", 0)).await;
    assert!(people.only_message().contains("🔴 ALARM"), "{}", people.only_message());
    people.hear(&alarm("ALARM", "OK", 720)).await;
    let message = people.only_message();
    assert!(message.contains("✅ OK") && message.contains("It is over after 12 min"), "{message}");
    assert!(message.contains("~ALARM since 2026-11-20 10:15:33 UTC~"), "{message}");
    assert!(message.contains("https://fleet.example.com/"), "{message}");
    assert_eq!(people.untold().await, 0);
}

#[tokio::test]
async fn what_comes_late_or_twice_does_not_go_backwards() {
    let people = People::with_bot();
    let (on, off) = (alarm("OK", "ALARM", 0), alarm("ALARM", "OK", 60));
    people.hear(&off).await;
    people.hear(&on).await;
    people.hear(&off).await;
    people.hear(&on).await;
    let message = people.only_message();
    assert!(message.contains("✅ OK"), "{message}");
    assert_eq!(people.slack().messages()[0].changes, 0, "nothing new was heard after the first");
}

#[tokio::test]
async fn an_alarm_that_goes_on_and_off_is_one_message_that_counts_and_speaks_up_if_it_stays() {
    let people = People::with_bot();
    for n in 0..4 {
        people.hear(&alarm("OK", "ALARM", n * 120)).await;
        people.hear(&alarm("ALARM", "OK", n * 120 + 60)).await;
    }
    people.hear(&alarm("OK", "ALARM", 480)).await;
    let message = people.only_message();
    assert!(message.contains("🔴 ALARM") && message.contains("It went off 5 times since"), "{message}");
    people.minutes(4).await;
    assert_eq!(people.messages().len(), 1);
    people.minutes(2).await;
    let reply = people.slack().messages().last().expect("a reply").clone();
    assert_eq!(reply.thread, Some(people.slack().messages()[0].place.ts.clone()));
    assert_eq!(reply.payload["reply_broadcast"], true);
    people.minutes(10).await;
    assert_eq!((people.messages().len(), people.untold().await), (2, 0), "it is said once");
}

#[tokio::test]
async fn an_alarm_long_after_its_last_end_is_a_message_of_its_own() {
    let people = People::with_bot();
    people.hear(&alarm("OK", "ALARM", 0)).await;
    people.hear(&alarm("ALARM", "OK", 60)).await;
    people.hear(&alarm("OK", "ALARM", 60 + 601)).await;
    assert_eq!(people.messages().len(), 2, "nobody would see an old message change");
}

#[tokio::test]
async fn a_new_alarm_that_is_well_is_no_news() {
    let people = People::with_bot();
    people.hear(&alarm("INSUFFICIENT_DATA", "OK", 0)).await;
    assert!(people.messages().is_empty());
    people.hear(&alarm("OK", "ALARM", 60)).await;
    assert!(people.only_message().contains("ALARM"));
}

#[tokio::test]
async fn a_message_that_was_deleted_is_posted_anew() {
    let people = People::with_bot();
    people.hear(&alarm("OK", "ALARM", 0)).await;
    let place = people.slack().messages()[0].place.clone();
    people.slack().delete(&place);
    people.hear(&alarm("ALARM", "OK", 60)).await;
    assert!(people.only_message().contains("✅ OK"));
}

#[tokio::test]
async fn through_a_webhook_each_state_is_a_message_that_says_what_it_follows_until_there_are_too_many() {
    let people = People::with_webhook();
    for n in 0..6 {
        people.hear(&alarm("OK", "ALARM", n * 20)).await;
        people.hear(&alarm("ALARM", "OK", n * 20 + 10)).await;
    }
    let messages = people.messages();
    assert_eq!(messages.len(), 5, "{messages:#?}");
    assert!(messages[1].contains("It is over after 10 s"), "{}", messages[1]);
    people.minutes(11).await;
    let messages = people.messages();
    assert_eq!(messages.len(), 6, "how it ended is told when there is room");
    assert!(messages[5].contains("✅ OK") && messages[5].contains("6 times"), "{}", messages[5]);
}

#[tokio::test]
async fn a_flood_of_notices_is_a_few_messages_and_none_is_lost() {
    for people in [People::with_bot(), People::with_webhook()] {
        for n in 0..142 {
            people.hear(&rejected(n)).await;
            people.clock.advance(SignedDuration::from_secs(1));
        }
        assert_eq!(people.messages().len(), 5);
        people.minutes(11).await;
        let messages = people.messages();
        let last = messages.last().expect("messages").clone();
        assert!(messages.len() <= 6 && last.contains("137 more"), "{}: {last}", messages.len());
        assert!(last.contains("build 141"), "the latest: {last}");
        assert_eq!(people.untold().await, 0);
        people.hear(&rejected(500)).await;
        assert!(people.messages().last().expect("one").contains("build 500"), "a new window has begun");
    }
}

#[tokio::test]
async fn a_notice_that_is_told_twice_is_one_message() {
    let people = People::with_bot();
    for _ in 0..3 {
        people.hear(&rejected(1)).await;
    }
    people.minutes(3).await;
    assert!(people.only_message().contains("fleetfoot why 1"));
}

#[tokio::test]
async fn notices_of_one_kind_do_not_take_the_room_of_another() {
    let people = People::with_bot();
    for n in 0..9 {
        people.hear(&rejected(n)).await;
    }
    let mut other = rejected(100);
    other["fact"] = json!("ImageFailed");
    people.hear(&other).await;
    assert_eq!(people.messages().len(), 6);
}

#[tokio::test]
async fn a_slack_that_is_down_is_told_when_it_is_up() {
    let people = People::with_bot();
    let until = people.now() + SignedDuration::from_mins(30);
    people.slack().set_down(until);
    for message in [rejected(1), alarm("OK", "ALARM", 0)] {
        let refused = people.alarm.handle(&message.to_string(), people.now()).await;
        refused.expect_err("somebody should hear that Slack is down");
    }
    for _ in 0..120 {
        people.clock.advance(SignedDuration::from_mins(1));
        let _ = people.alarm.catch_up(people.now()).await;
    }
    let asked = people.slack().requests();
    assert!(asked < 30, "it is not asked each minute: {asked}");
    let messages = people.messages();
    assert_eq!((messages.len(), people.untold().await), (2, 0), "{messages:#?}");
}

#[tokio::test]
async fn what_slack_has_no_room_for_now_comes_when_it_says() {
    let people = People::with_bot();
    for n in 0..12 {
        let mut notice = rejected(n);
        notice["fact"] = json!(format!("Kind{n}"));
        people.hear(&notice).await;
    }
    assert_eq!(people.messages().len(), 10, "so many at once");
    people.minutes(2).await;
    assert_eq!((people.messages().len(), people.untold().await), (12, 0));
}

/// Whoever dies after Slack has taken a message and before it is written down tells it again: rather twice than never.
#[tokio::test]
async fn an_answer_that_is_lost_costs_a_second_message_and_no_more() {
    let people = People::with_bot();
    people.slack().lose_answers(1);
    let _ = people.alarm.handle(&rejected(1).to_string(), people.now()).await;
    people.minutes(5).await;
    assert_eq!((people.messages().len(), people.untold().await), (2, 0));
}

/// Slack's own SDK knows what a message is made of, and how long each part may be.
#[tokio::test]
async fn every_message_is_what_slack_describes() {
    let mut payloads: Vec<Value> = Vec::new();
    for people in [People::with_bot(), People::with_webhook()] {
        for sample in ["metric-alarm", "metric-math-alarm", "anomaly-alarm", "composite-alarm", "notice"] {
            let path = tools::root().join(format!("events/foreign/sns/{sample}.json"));
            let text = std::fs::read_to_string(&path).expect("a sample");
            people.hear(&serde_json::from_str(&text).expect("JSON")).await;
        }
        for n in 0..4 {
            let mut other = alarm("OK", "ALARM", n * 120);
            other["AlarmName"] = json!("<!channel> & ".repeat(300));
            other["NewStateReason"] = json!("<".repeat(5000));
            other["AlarmArn"] = json!("arn:aws:cloudwatch:eu-central-1:123456789012:alarm:other");
            people.hear(&other).await;
            other["NewStateValue"] = json!(if n == 3 { "ALARM" } else { "OK" });
            other["StateChangeTime"] = alarm("", "", n * 120 + 60)["StateChangeTime"].clone();
            people.hear(&other).await;
        }
        for n in 0..142 {
            let mut notice = rejected(n);
            notice["title"] = json!("<@U1> & \u{0}".repeat(200));
            people.hear(&notice).await;
        }
        people.minutes(12).await;
        people.hear(&json!("anything at all")).await;
        payloads.extend(people.slack().messages().iter().map(|message| message.payload.clone()));
    }
    assert!(payloads.len() > 15, "{}", payloads.len());
    let mut python = Command::new(tools::slack_sdk().join("python"))
        .arg(tools::root().join("tests/tools/slack.py"))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut stdin = python.stdin.take().expect("it is piped");
    stdin.write_all(json!(payloads).to_string().as_bytes()).expect("it reads");
    drop(stdin);
    let output = python.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
