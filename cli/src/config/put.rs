//! `fleetfoot config put`

use std::path::Path;

use aws_config::SdkConfig;
use aws_sdk_ssm::types::{ParameterTier, ParameterType};
use clap::builder::NonEmptyStringValueParser;
use fleetfoot_aws::configuration::{self, ConfigurationError, LARGEST, Text};
use fleetfoot_model::config::{self, Config};
use fleetfoot_model::secret::SecretReference;
use serde_json::json;

use super::check::summary;
use super::{File, secrets};
use crate::arguments::{self, Format};
use crate::aws;
use crate::aws::failure::failure;
use crate::aws::stack::{self, Stack};
use crate::failure::Failure;
use crate::output::{self, Answer};
use crate::place::Remote;

pub(crate) const EXAMPLES: &str = r#"Examples:
  fleetfoot config put --stack fleetfoot
  fleetfoot config put fleet.toml --stack fleetfoot --region eu-west-1

Works before the stack is deployed, too: the configuration is the parameter /fleetfoot/STACK/config
of the Systems Manager. Functions of a stack that is deployed use a new one within a minute. Nothing
is written if there is a mistake, or if it is the same as before.

On AWS secrets are ssm:/path or secretsmanager:name#key; one that is not there yet, or where
no function may read it, is warned of.

JSON:
  { "parameter": its name, "version": of what is there now, "written": false if it was the same,
    "warnings": [ about secrets ] }"#;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    file: File,
    #[command(flatten)]
    stack: StackOnly,
    #[command(flatten)]
    format: Format,
}

/// `--stack`, which is needed here, `--region` and `--profile`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct StackOnly {
    /// The name of the fleet's `CloudFormation` stack, which need not be there yet
    #[arg(
        long,
        value_name = "NAME",
        env = "FLEETFOOT_STACK",
        hide_env_values = true,
        value_parser = NonEmptyStringValueParser::new()
    )]
    stack: String,
    /// Its region, if the AWS tools' configuration does not tell
    #[arg(long, value_name = "REGION", value_parser = NonEmptyStringValueParser::new())]
    region: Option<String>,
    /// The profile of the AWS tools' configuration to use
    #[arg(long, value_name = "PROFILE", value_parser = NonEmptyStringValueParser::new())]
    profile: Option<String>,
}

/// Where a configuration is kept.
pub(super) struct Destination {
    sdk: SdkConfig,
    pub(super) ssm: aws_sdk_ssm::Client,
    pub(super) parameter: String,
    /// The stack, which need not be there yet.
    stack: String,
    /// The name that the stack was deployed with, if it is there.
    fleet: Option<String>,
}

impl StackOnly {
    /// The parameter, whether the stack is there or not.
    pub(super) async fn find(self) -> Result<Destination, Failure> {
        let Self { stack: name, region, profile } = self;
        Destination::of(&name, &Remote { stack: None, region, profile }).await
    }
}

/// A configuration that is where its fleet reads it.
pub(crate) struct Put {
    /// In words.
    summary: String,
    pub(crate) parameter: String,
    /// Of what is there now.
    pub(crate) version: i64,
    /// Whether it was another before.
    pub(crate) written: bool,
    /// About secrets.
    pub(crate) warnings: Vec<String>,
}

pub(super) async fn run(args: Args) -> Result<Answer, Failure> {
    let Put { summary, parameter, version, written, warnings } =
        put(&args.file.file, async || args.stack.find().await).await?;
    if args.format.json {
        let document =
            json!({ "parameter": parameter, "version": version, "written": written, "warnings": warnings });
        return Ok(Answer::data(output::json(&document)?));
    }
    let done = if written { "written to" } else { "already in" };
    let done = format!("{summary} {done} {parameter}, version {version}");
    let warnings = warnings.into_iter().map(|warning| format!("warning: {warning}"));
    Ok(Answer { notes: std::iter::once(done).chain(warnings).collect(), ..Answer::default() })
}

/// Checks a file, and makes it the configuration of a stack, which need not be there yet.
pub(super) async fn into_stack(sdk: &SdkConfig, stack: &str, file: &Path) -> Result<Put, Failure> {
    put(file, async || Destination::find(sdk.clone(), stack).await).await
}

async fn put(
    file: &Path,
    destination: impl AsyncFnOnce() -> Result<Destination, Failure>,
) -> Result<Put, Failure> {
    let name = file.display().to_string();
    let text = arguments::read_config(file)?;
    let config = config::load_for_containers(&name, &text).map_err(|error| arguments::mistaken(&error))?;
    for_aws(&name, &text, &config)?;
    let destination = destination().await?;
    destination.check_fleet(&name, &config)?;
    let mut warnings = secrets::missing(&destination.sdk, &config).await?;
    warnings.extend(secrets::misplaced(&destination.stack, &config));
    let (version, written) = destination.put(&text).await?;
    Ok(Put { summary: summary(&config), parameter: destination.parameter, version, written, warnings })
}

/// What is right on one machine and means nothing on AWS.
fn for_aws(file: &str, text: &str, config: &Config) -> Result<(), Failure> {
    if text.len() > LARGEST {
        let length = text.len();
        return Err(Failure::new(format!("{file} has {length} bytes, and a parameter holds {LARGEST}"))
            .hint("leave out comments and keys that say what is the default anyway"));
    }
    let is_local =
        |it: &SecretReference| matches!(it, SecretReference::Environment(_) | SecretReference::File(_));
    let of_here = config.secrets.iter().filter(|(_, it)| is_local(it));
    let local: Vec<String> = of_here.map(|(key, it)| format!("{key}: {it}")).collect();
    if local.is_empty() {
        return Ok(());
    }
    let what = format!("{file} refers to secrets of this machine, which a function on AWS does not have");
    Err(Failure { causes: local, ..Failure::new(what) }.hint(
        "put them into the Systems Manager (ssm:/fleetfoot/STACK/github/key) or the Secrets Manager \
         (secretsmanager:NAME#KEY) and name them so",
    ))
}

impl Destination {
    /// That of a stack of whoever asks.
    pub(super) async fn of(stack: &str, remote: &Remote) -> Result<Self, Failure> {
        Self::find(aws::session(remote).await?, stack).await
    }

    async fn find(sdk: SdkConfig, name: &str) -> Result<Self, Failure> {
        let found = Stack::find(&sdk, name).await?;
        let output = |key| found.as_ref().and_then(|found| found.optional(key)).map(str::to_owned);
        let parameter =
            output(stack::output::CONFIGURATION).unwrap_or_else(|| configuration::parameter_of(name));
        let (stack, fleet) = (name.to_owned(), output(stack::output::FLEET));
        Ok(Self { ssm: aws_sdk_ssm::Client::new(&sdk), parameter, stack, fleet, sdk })
    }

    fn check_fleet(&self, file: &str, config: &Config) -> Result<(), Failure> {
        match &self.fleet {
            Some(fleet) if fleet != config.fleet.as_str() => Err(Failure::new(format!(
                "{file}: fleet.name is {}, and the stack was deployed with FleetName {fleet}",
                config.fleet
            ))
            .hint("they have to be the same: runners are called so, and the stack's rules look for it")),
            _ => Ok(()),
        }
    }

    /// Writes the text unless it is there already. Answers the version that is there now, and whether it was written.
    async fn put(&self, text: &str) -> Result<(i64, bool), Failure> {
        let what = "the configuration cannot be written";
        match configuration::read(&self.ssm, &self.parameter).await {
            Ok(Text { version, text: found }) if found == text => return Ok((version, false)),
            Ok(_) | Err(ConfigurationError::Missing(_)) => {}
            Err(error) => return Err(Failure::new(what).because(&error)),
        }
        let request = self
            .ssm
            .put_parameter()
            .name(&self.parameter)
            .description("The configuration of a Fleetfoot fleet; `fleetfoot config put` writes it.")
            .value(text)
            .r#type(ParameterType::String)
            // Free up to 4 KB; above that AWS makes it an advanced parameter.
            .tier(ParameterTier::IntelligentTiering)
            .overwrite(true);
        let answer = request.send().await;
        let answer = answer.map_err(|error| failure(what, "ssm:PutParameter", &error))?;
        Ok((answer.version, true))
    }
}
