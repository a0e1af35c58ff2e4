//! `notify test` against a stand-in Slack.

use std::sync::{Arc, Mutex, MutexGuard};

use fleetfoot_model::secret::Secret;
use fleetfoot_shell::clock::VirtualClock;
use fleetfoot_stand_in::slack::{Settings, StandInSlack};
use fleetfoot_stand_in::slack_http::{self, Keys};
use tokio::net::TcpListener;

use crate::testing::{Said, World, now};

const CHANNEL: &str = "C0123456789";
const TOKEN: &str = "xoxb-hunter2";

struct Slack {
    state: Arc<Mutex<StandInSlack>>,
    address: String,
}

impl Slack {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(StandInSlack::new(Settings::new(CHANNEL))));
        let keys = Keys { token: Secret::new(TOKEN), webhook: Secret::new("T0/B0/hunter2") };
        tokio::spawn(slack_http::serve(listener, state.clone(), keys, Arc::new(VirtualClock::at(now()))));
        Self { state, address }
    }

    fn state(&self) -> MutexGuard<'_, StandInSlack> {
        self.state.lock().unwrap()
    }
}

async fn test(notify: &str, secret: &str, options: &str) -> Said {
    let world = World::without_state();
    let least = "[github]\norganization = \"acme\"\ntoken = \"env:A\"\nwebhook_secrets = [\"env:B\"]\n";
    world.write("fleet.toml", format!("{least}[notify]\n{notify}\n"));
    world.write("slack", secret);
    let config = world.path().join("fleet.toml");
    world.run(&format!("notify test --config {} {options}", config.display())).await
}

fn bot(slack: &Slack, channel: &str) -> String {
    format!(
        "slack_token = \"file:slack\"\nslack_channel = \"{channel}\"\nslack_url = \"{}/api\"",
        slack.address
    )
}

#[tokio::test]
async fn a_bot_posts_and_changes_one_message() {
    let slack = Slack::start().await;
    let said = test(&bot(&slack, CHANNEL), &format!("{TOKEN}\n"), "--json").await;
    assert!(said.succeeded, "{}", said.screen());
    let answer = said.json();
    assert_eq!((&answer["slack"], &answer["channel"]), (&"bot".into(), &CHANNEL.into()));
    let slack = slack.state();
    let [message] = slack.messages() else { panic!("{:?}", slack.messages()) };
    assert_eq!((message.changes, &message.place.ts), (1, &answer["ts"].as_str().unwrap().to_owned()));
}

#[tokio::test]
async fn a_webhook_posts() {
    let slack = Slack::start().await;
    let address = format!("{}/services/T0/B0/hunter2", slack.address);
    let said = test("slack = \"file:slack\"", &address, "").await;
    assert!(said.succeeded && said.rest.contains("cannot change messages"), "{}", said.screen());
    assert_eq!(slack.state().messages().len(), 1);
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_remedy_and_without_the_secret() {
    let slack = Slack::start().await;
    slack.state().add_foreign_channel("C0000000001");
    slack.state().archive("C0000000002");
    for (channel, secret, word, remedy) in [
        (CHANNEL, "xoxb-hunter3", "invalid_auth", "OAuth & Permissions"),
        ("C0000000000", TOKEN, "channel_not_found", "channel's details"),
        ("C0000000001", TOKEN, "not_in_channel", "/invite @fleetfoot"),
        ("C0000000002", TOKEN, "is_archived", "archived"),
    ] {
        let said = test(&bot(&slack, channel), secret, "").await;
        let screen = said.screen();
        assert!(!said.succeeded && screen.contains(word) && screen.contains(remedy), "{screen}");
        assert!(!screen.contains("hunter"), "{screen}");
    }
    let gone = test("slack = \"file:slack\"", &format!("{}/services/T0/hunter9", slack.address), "").await;
    assert!(gone.rest.contains("no_team") && gone.rest.contains("Incoming Webhooks"), "{}", gone.screen());
    assert!(!gone.rest.contains("hunter"), "{}", gone.screen());
}

#[tokio::test]
async fn without_slack_it_says_how_to_have_it() {
    let said = test("", "", "").await;
    assert!(!said.succeeded && said.rest.contains("docs/slack.md"), "{}", said.screen());
}
