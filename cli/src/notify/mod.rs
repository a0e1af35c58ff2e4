//! `fleetfoot notify`: whether people are told.

#[cfg(test)]
mod tests;

use fleetfoot_model::config::SlackConfig;
use fleetfoot_model::ports::SlackError;
use fleetfoot_shell::slack;
use serde_json::{Value, json};

use crate::arguments::Format;
use crate::failure::Failure;
use crate::output::{self, Answer};
use crate::place::Location;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Send a test message to Slack, the way alarms and notices go
    #[command(after_long_help = TEST_EXAMPLES)]
    Test(TestArgs),
}

pub(crate) const EXAMPLES: &str = "\
Examples:
  fleetfoot notify test
  fleetfoot notify test --stack ff";

const TEST_EXAMPLES: &str = r#"Examples:
  fleetfoot notify test               as fleet.toml says, with the secret of this machine
  fleetfoot notify test --stack ff    as the fleet on AWS would, with your credentials

JSON:
  { "slack": webhook | bot, "channel": its id or null, "ts": the message's id or null,
    "changesMessages": whether an alarm's end changes the message of its beginning }"#;

#[derive(Debug, clap::Args)]
pub(crate) struct TestArgs {
    #[command(flatten)]
    place: Location,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(command: Command) -> Result<Answer, Failure> {
    let Command::Test(args) = command;
    test(args).await
}

async fn test(args: TestArgs) -> Result<Answer, Failure> {
    let place = args.place.open().await?;
    let config = place.config().await?;
    let Some(slack) = &config.notify.slack else {
        return Err(Failure::new("[notify] names nowhere to tell people").hint(
            "slack = \"ssm:...\" for an incoming webhook, or slack_token and slack_channel for a bot: docs/slack.md",
        ));
    };
    let channel = slack::connect(slack, place.secrets());
    let refused = |error: SlackError| {
        let failure = Failure::new("Slack did not take the test message").because(&error);
        Failure { hint: remedy(&error, slack), ..failure }
    };
    let posted = channel.post(&message("Fleetfoot can write here.")).await.map_err(refused)?;
    if let Some(place) = &posted {
        let words =
            "Fleetfoot can write here, and change what it wrote: an alarm and its end will be one message.";
        channel.change(place, &message(words)).await.map_err(refused)?;
    }
    let way = if channel.can_change() { "bot" } else { "webhook" };
    if args.format.json {
        let (channel_id, ts) = (posted.as_ref().map(|it| &it.channel), posted.as_ref().map(|it| &it.ts));
        return Ok(Answer::data(output::json(&json!({
            "slack": way, "channel": channel_id, "ts": ts, "changesMessages": channel.can_change(),
        }))?));
    }
    let said = match &posted {
        Some(place) => format!("posted to channel {} and changed: message {}\n", place.channel, place.ts),
        None => "posted through the incoming webhook\n".to_owned(),
    };
    let answer = Answer::data(said);
    Ok(if channel.can_change() {
        answer
    } else {
        answer.note(
            "an incoming webhook cannot change messages: each state of an alarm is a message of its own",
        )
    })
}

fn message(words: &str) -> Value {
    let text = format!("👋 {words}");
    let section = json!({ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } });
    json!({ "text": text, "blocks": [section], "unfurl_links": false, "unfurl_media": false })
}

/// What mends it, by Slack's own word.
pub(crate) fn remedy(error: &SlackError, slack: &SlackConfig) -> Option<String> {
    let (key, reference) = slack.secret();
    let word = match error {
        SlackError::Refused(word) => word.as_str(),
        SlackError::Throttled { after } => return Some(format!("try again in {} s", after.as_secs())),
        SlackError::Unavailable(_) => {
            return Some(format!("is {reference} ({key}) there, and can Slack be reached from here?"));
        }
        SlackError::Gone(_) | SlackError::Invalid(_) => return None,
    };
    Some(match (word, slack) {
        ("invalid_auth" | "not_authed" | "token_revoked" | "token_expired" | "account_inactive", _) => {
            format!(
                "put the \"Bot User OAuth Token\" (xoxb-...) of the App's page \"OAuth & Permissions\" where {reference} \
             ({key}) is read"
            )
        }
        ("missing_scope" | "no_permission" | "not_allowed_token_type", _) => {
            "give the App the bot scope chat:write, install it again, and use the token that this gives"
                .to_owned()
        }
        ("channel_not_found", SlackConfig::Bot { channel, .. }) => format!(
            "{channel} (notify.slack_channel) is no channel that the bot can see: take the id from the channel's details, \
             and in a private channel say /invite @fleetfoot first"
        ),
        ("not_in_channel", _) => "say /invite @fleetfoot in the channel".to_owned(),
        ("is_archived" | "channel_is_archived", _) => {
            "the channel was archived: bring it back, or name another".to_owned()
        }
        (_, SlackConfig::Webhook(_)) => format!(
            "make a new webhook on the App's page \"Incoming Webhooks\", and put its address where {reference} ({key}) is \
             read"
        ),
        (_, SlackConfig::Bot { .. }) => {
            format!("Slack's page https://api.slack.com/methods/chat.postMessage tells what {word} means")
        }
    })
}
