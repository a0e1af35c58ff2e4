//! The fleet's configuration and secrets, where the deploy guide puts them.

use super::deploy::STACK;
use super::github::OWNER;
use super::{GitHub, Registry, Slack};

/// What webhooks are signed with.
pub(crate) const WEBHOOK_SECRET: &str = "test-only-webhook-secret";
/// The private key of the App; the stand-in GitHub does not look at what it signs.
pub(crate) const APP_KEY: &str = include_str!("../../../shared/github/tests/wire/keys/test-only-app-key.pem");

/// `fleet.toml`. Times are short, so that a story does not wait for minutes, but longer than webhooks take on a busy machine.
pub(crate) fn fleet(github: &GitHub, registry: &Registry) -> String {
    format!(
        r#"
[github]
url = "{url}"
organization = "{OWNER}"
app = {{ id = 1, installation = 42, key = "ssm:/fleetfoot/{STACK}/github/app-key" }}
webhook_secrets = ["secretsmanager:fleetfoot/{STACK}/webhook"]

[classes.small]
cpu = 512
memory = 1024

[classes.scarce]
cpu = 1024
memory = 2048
runners = 1

[classes.cheap]
cpu = 512
memory = 1024
spot = true

[limits]
runners = 60

[images]
allow = ["ubuntu:*"]

[images.mirrors]
"docker.io" = "{registry}"
"public.ecr.aws" = "{registry}"

[notify]
slack = "ssm:/fleetfoot/{STACK}/slack/webhook"

[timeouts]
register_seconds = 30
idle_seconds = 30
linger_seconds = 5
lost_seconds = 10
backoff_seconds = 5
grace_seconds = 10
survey_seconds = 5
"#,
        url = github.address,
        registry = registry.address,
    )
}

/// The secrets that `fleet.toml` refers to: parameters by their names, then secrets by theirs.
pub(crate) fn parameters(slack: &Slack) -> [(String, String); 2] {
    [
        (format!("/fleetfoot/{STACK}/github/app-key"), APP_KEY.to_owned()),
        (format!("/fleetfoot/{STACK}/slack/webhook"), slack.address.clone()),
    ]
}
