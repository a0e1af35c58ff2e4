//! The command line of `setup`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::NonEmptyStringValueParser;
use fleetfoot_model::ids::{ClassName, Owner, Repository};

use super::vault::Store;
use crate::arguments::{Configuration, Format, State, address};
use crate::doctor::Nearby;

pub(crate) const EXAMPLES: &str = r#"Examples:
  fleetfoot setup                                  asks for everything, step by step
  fleetfoot setup --organization acme --yes        asks nothing, for scripts
  fleetfoot setup --repository acme/app --token-file token
  fleetfoot setup --app-id 12345 --private-key app.pem
  fleetfoot setup --vault secrets-manager          keeps secrets in Secrets Manager
  fleetfoot setup --local --webhook-url https://runners.example.com/webhook
  fleetfoot setup --test-job acme/app              runs a job and follows it
  fleetfoot setup --tear-down

Each step looks first whether it is done. After a failure mend what it names and run the same line
again: it goes on there. The steps: secret, GitHub App, installation, fleet.toml, samconfig.toml,
configuration, deployment, webhook, doctor, test job. What `doctor` finds ends nothing; it is told.

Secrets go into Parameter Store below /fleetfoot/STACK/, or into Secrets Manager (--vault, which
moves them), or with --local into files below `secrets/` that only you can read; never onto the
screen, into fleet.toml or into the environment.

JSON:
  { "fleet", "stack": null with --local, "region", "app": { "id", "slug", "page" } or null,
    "installation", "configuration": where it is, "secrets": [ references ], "webhook": its address,
    "steps": [ { "step", "state": done | wasDone | skipped | left, "about" } ] }
  with --tear-down { "steps" }"#;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Set up a fleet on this machine, for `fleetfoot up`, instead of one on AWS
    #[arg(long, conflicts_with_all = ["stack", "region", "profile", "parameters", "update", "no_deploy", "kms_key", "vault"])]
    pub(super) local: bool,
    #[command(flatten)]
    pub(super) github: GitHubArguments,
    #[command(flatten)]
    pub(super) aws: AwsArguments,
    #[command(flatten)]
    pub(super) configuration: Configuration,
    #[command(flatten)]
    pub(super) state: State,
    #[command(flatten)]
    pub(super) nearby: Nearby,
    /// A runner size for fleet.toml, as `medium=2048,4096`: CPU units, MiB; may be repeated
    #[arg(long = "class", value_name = "NAME=CPU,MEMORY")]
    pub(super) classes: Vec<NewClass>,
    /// Run a job of this repository and follow it to its end
    #[arg(long, value_name = "OWNER/NAME")]
    pub(super) test_job: Option<Repository>,
    /// Take the fleet down again: runners, stack, configuration and secrets
    #[arg(long, conflicts_with_all = ["test_job", "rotate", "new_app", "update"])]
    pub(super) tear_down: bool,
    /// Agree to everything and ask nothing
    #[arg(long, short)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) format: Format,
}

/// What concerns GitHub.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "GitHub")]
pub(super) struct GitHubArguments {
    /// Serve the repositories of this organization
    #[arg(long, value_name = "NAME", conflicts_with = "repositories")]
    pub(super) organization: Option<Owner>,
    /// Serve this repository; may be repeated
    #[arg(long = "repository", value_name = "OWNER/NAME")]
    pub(super) repositories: Vec<Repository>,
    /// The address of the API, for a GitHub Enterprise Server `https://HOST/api/v3`
    #[arg(long, value_name = "URL")]
    pub(super) github_url: Option<String>,
    /// What to call the new App [default: fleetfoot-OWNER]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(super) app_name: Option<String>,
    /// Use an App that is there
    #[arg(long, value_name = "ID", conflicts_with_all = ["token_file", "new_app"])]
    pub(super) app_id: Option<u64>,
    /// Its private key, in PEM
    #[arg(long, value_name = "FILE")]
    pub(super) private_key: Option<PathBuf>,
    /// Sign in with a personal access token instead of an App; `-` reads it from stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["private_key", "new_app"])]
    pub(super) token_file: Option<PathBuf>,
    /// Make another App, if the one that is known was deleted
    #[arg(long)]
    pub(super) new_app: bool,
    /// Replace the webhook's secret, and the key or token if one is given
    #[arg(long)]
    pub(super) rotate: bool,
    /// Only print addresses, open no browser
    #[arg(long)]
    pub(super) no_browser: bool,
    /// Where GitHub reaches this fleet, with --local: `https://.../webhook`
    #[arg(long, value_name = "URL", value_parser = webhook_address)]
    pub(super) webhook_url: Option<String>,
}

/// What concerns AWS.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "AWS")]
pub(super) struct AwsArguments {
    /// The name of the stack [default: fleetfoot]
    #[arg(
        long,
        value_name = "NAME",
        env = "FLEETFOOT_STACK",
        hide_env_values = true,
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub(super) stack: Option<String>,
    /// Its region, if the AWS tools' configuration does not tell
    #[arg(long, value_name = "REGION", value_parser = NonEmptyStringValueParser::new())]
    pub(super) region: Option<String>,
    /// The profile of the AWS tools' configuration to use
    #[arg(long, value_name = "PROFILE", value_parser = NonEmptyStringValueParser::new())]
    pub(super) profile: Option<String>,
    /// A parameter of the template, see docs/deploy.md; may be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    pub(super) parameters: Vec<Parameter>,
    /// Where Fleetfoot's template.yaml and its sources are
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(super) source: PathBuf,
    /// Only say how to deploy
    #[arg(long)]
    pub(super) no_deploy: bool,
    /// Build and deploy again, though the stack is there
    #[arg(long)]
    pub(super) update: bool,
    /// Where the fleet's secrets are kept [default: where they are, or else parameter-store]
    #[arg(long, value_name = "STORE")]
    pub(super) vault: Option<Store>,
    /// The KMS key of the secrets [default: that of the parameter `SecretsKeyArn`, or AWS's own]
    #[arg(long, value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    pub(super) kms_key: Option<String>,
}

/// `https://HOST/webhook`; the fleet answers nowhere else.
fn webhook_address(text: &str) -> Result<String, String> {
    let url = address(text)?;
    if url.path().ends_with("/webhook") && url.query().is_none() && url.fragment().is_none() {
        return Ok(text.to_owned());
    }
    Err("the fleet is reached at the path /webhook, as in https://runners.example.com/webhook".to_owned())
}

/// `NAME=VALUE`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) value: String,
}

impl FromStr for Parameter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("a parameter is NAME=VALUE")?;
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(format!("{name:?} is no name of a parameter"));
        }
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

/// `NAME=CPU,MEMORY`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewClass {
    pub(super) name: ClassName,
    /// Units of Fargate.
    pub(super) cpu: u32,
    /// MiB.
    pub(super) memory: u32,
}

impl FromStr for NewClass {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = || {
            let (name, size) = text.split_once('=')?;
            let (cpu, memory) = size.split_once(',')?;
            Some(Self { name: name.parse().ok()?, cpu: cpu.parse().ok()?, memory: memory.parse().ok()? })
        };
        parsed().ok_or_else(|| "a class is NAME=CPU,MEMORY, such as medium=2048,4096".to_owned())
    }
}
