//! `fleetfoot config show`

use fleetfoot_aws::configuration;
use serde_json::json;

use super::put::Destination;
use crate::arguments::{Configuration, Format};
use crate::failure::Failure;
use crate::output::{self, Answer};
use crate::place::Remote;

pub(crate) const EXAMPLES: &str = r#"Examples:
  fleetfoot config show
  fleetfoot config show --stack fleetfoot
  fleetfoot config show --stack fleetfoot > fleet.toml

JSON:
  { "parameter": its name, "version": grows by one with each `fleetfoot config put`, "text" }
  of a fleet on this machine { "file", "text" }"#;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    config: Configuration,
    #[command(flatten)]
    format: Format,
}

pub(super) async fn run(args: Args) -> Result<Answer, Failure> {
    let (text, document) = match &args.remote.stack {
        Some(stack) => deployed(stack, &args.remote).await?,
        None => here(&args.config)?,
    };
    if args.format.json {
        return Ok(Answer::data(output::json(&document)?));
    }
    let end = if text.ends_with('\n') { "" } else { "\n" };
    Ok(Answer::data(format!("{text}{end}")))
}

/// The text, and what a script is told.
type Shown = (String, serde_json::Value);

async fn deployed(stack: &str, remote: &Remote) -> Result<Shown, Failure> {
    let Destination { ssm, parameter, .. } = Destination::of(stack, remote).await?;
    let found = configuration::read(&ssm, &parameter)
        .await
        .map_err(|error| Failure::new("the configuration cannot be shown").because(&error))?;
    let document = json!({ "parameter": parameter, "version": found.version, "text": found.text });
    Ok((found.text, document))
}

fn here(config: &Configuration) -> Result<Shown, Failure> {
    let text = config.text()?;
    let document = json!({ "file": config.config.display().to_string(), "text": text });
    Ok((text, document))
}
