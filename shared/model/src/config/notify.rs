//! `[notify]`: where people are told, and how much.

use url::{Host, Url};

use super::Credentials;
use super::text::{Node, Table, quoted};
use crate::SignedDuration;
use crate::digest::{DigestTime, InvalidDigestTime};
use crate::ids::SlackChannel;
use crate::secret::SecretReference;

const SLACK: &str = "https://slack.com/api";
const MOST_MESSAGES: u32 = 50;
const MOST_WINDOW_SECONDS: u64 = 24 * 3600;

/// `[notify]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyConfig {
    /// A channel of Slack's. Default none.
    pub slack: Option<SlackConfig>,
    /// The most messages of one kind in a window; further ones are told of together. Default 5.
    pub messages: u32,
    /// How long a window is, and how long an alarm that goes off again is the same alarm. Default 600 s.
    pub window: SignedDuration,
    /// Where people find the fleet's dashboard. Default none.
    pub dashboard: Option<String>,
    /// When the digest of the day before is told. Default never.
    pub digest: Option<DigestTime>,
    /// Whether a job that gets no runner is shown as a failed check on its commit. Default false: it needs an App that may
    /// write Checks.
    pub check_runs: bool,
}

impl Default for NotifyConfig {
    fn default() -> Self {
        Self {
            slack: None,
            messages: 5,
            window: SignedDuration::from_mins(10),
            dashboard: None,
            digest: None,
            check_runs: false,
        }
    }
}

/// How Slack is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlackConfig {
    /// Through an incoming webhook, whose address is a secret. Messages cannot be changed.
    Webhook(SecretReference),
    /// As an App's bot.
    Bot {
        /// Its token.
        token: SecretReference,
        /// Where it writes.
        channel: SlackChannel,
        /// Base address of the API, without a slash at its end. Default `https://slack.com/api`.
        url: String,
    },
}

impl SlackConfig {
    /// The key of `[notify]` that holds the secret, and the secret.
    pub fn secret(&self) -> (&'static str, &SecretReference) {
        match self {
            Self::Webhook(address) => ("notify.slack", address),
            Self::Bot { token, .. } => ("notify.slack_token", token),
        }
    }
}

pub(super) fn notify(table: &Table<'_>, credentials: Option<&Credentials>) -> NotifyConfig {
    let window = table.get("window_seconds").integer(60..=MOST_WINDOW_SECONDS);
    let window = window.and_then(|seconds| i64::try_from(seconds).ok()).map(SignedDuration::from_secs);
    let default = NotifyConfig::default();
    let notify = NotifyConfig {
        slack: slack(table),
        messages: table.get("messages").small(1, MOST_MESSAGES).unwrap_or(default.messages),
        window: window.unwrap_or(default.window),
        dashboard: dashboard(&table.get("dashboard")),
        digest: digest(&table.get("digest")),
        check_runs: check_runs(&table.get("check_runs"), credentials),
    };
    table.finish();
    notify
}

fn slack(table: &Table<'_>) -> Option<SlackConfig> {
    const ALLOWED: &str = "either slack = \"env:SLACK_WEBHOOK_URL\" or slack_token = \"env:SLACK_TOKEN\" with \
                           slack_channel = \"C0123456789\"";
    let (webhook, token) = (table.get("slack"), table.get("slack_token"));
    let (channel, url) = (table.get("slack_channel"), table.get("slack_url"));
    let (address, bot) = (webhook.secret(), token.secret());
    let (id, at) = (channel.id::<SlackChannel>(), api(&url));
    match (webhook.is_present(), token.is_present()) {
        (true, true) => token.refuse("slack and slack_token", ALLOWED),
        (_, false) => {
            for beside in [&channel, &url].into_iter().filter(|node| node.is_present()) {
                beside.refuse("no slack_token", ALLOWED);
            }
        }
        (false, true) if !channel.is_present() => channel.refuse("nothing", ALLOWED),
        (false, true) => {}
    }
    match (address, bot) {
        (Some(address), None) => Some(SlackConfig::Webhook(address)),
        (_, Some(token)) => {
            Some(SlackConfig::Bot { token, channel: id?, url: at.unwrap_or_else(|| SLACK.to_owned()) })
        }
        (None, None) => None,
    }
}

/// A token travels to it, so only this machine is spoken to in the clear.
fn api(node: &Node<'_>) -> Option<String> {
    const ALLOWED: &str = "an address such as https://slack.com/api or https://slack-gov.com/api";
    let text = node.string(ALLOWED)?;
    let url = Url::parse(text).ok().filter(|url| url.query().is_none() && url.fragment().is_none());
    let is_secure = |url: &Url| url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
    let url = url.filter(|url| is_secure(url) && url.has_host() && has_no_credentials(url));
    if url.is_none() {
        node.refuse(without_credentials(text), ALLOWED);
    }
    url.map(|_| text.trim_end_matches('/').to_owned())
}

/// An address as a message shows it.
fn without_credentials(text: &str) -> String {
    if text.contains('@') { "an address with credentials (not shown)".to_owned() } else { quoted(text) }
}

fn has_no_credentials(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// People follow it, so it may be anything that a browser opens safely.
fn dashboard(node: &Node<'_>) -> Option<String> {
    const ALLOWED: &str = "the address of a page, such as https://fleet.example.com/";
    let text = node.string(ALLOWED)?;
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "https" && has_no_credentials(url));
    if url.is_none() {
        node.refuse(without_credentials(text), ALLOWED);
    }
    url.map(String::from)
}

fn digest(node: &Node<'_>) -> Option<DigestTime> {
    let text = node.string("HH:MM ZONE, such as \"09:00 Europe/Berlin\"")?;
    text.parse().map_err(|error: InvalidDigestTime| node.refuse(quoted(text), error)).ok()
}

/// Nobody but a GitHub App can create check runs (GitHub docs, "Create a check run").
fn check_runs(node: &Node<'_>, credentials: Option<&Credentials>) -> bool {
    let is_wanted = node.boolean().unwrap_or(false);
    if is_wanted && matches!(credentials, Some(Credentials::Token(_))) {
        node.refuse(
            "true with token under [github]",
            "true with app: only a GitHub App can create check runs",
        );
    }
    is_wanted
}
