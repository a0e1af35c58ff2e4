//! `fleetfoot config show`

use fleetfoot_aws::configuration;
use serde_json::json;

use super::put::{Destination, StackOnly};
use crate::arguments::Format;
use crate::failure::Failure;
use crate::output::{self, Answer};

pub(crate) const EXAMPLES: &str = r#"Examples:
  fleetfoot config show --stack fleetfoot
  fleetfoot config show --stack fleetfoot > fleet.toml

JSON:
  { "parameter": its name, "version": grows by one with each `fleetfoot config put`, "text" }"#;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    stack: StackOnly,
    #[command(flatten)]
    format: Format,
}

pub(super) async fn run(args: Args) -> Result<Answer, Failure> {
    let Destination { ssm, parameter, .. } = args.stack.find().await?;
    let found = configuration::read(&ssm, &parameter)
        .await
        .map_err(|error| Failure::new("the configuration cannot be shown").because(&error))?;
    if args.format.json {
        let document = json!({ "parameter": parameter, "version": found.version, "text": found.text });
        return Ok(Answer::data(output::json(&document)?));
    }
    let end = if found.text.ends_with('\n') { "" } else { "\n" };
    Ok(Answer::data(format!("{}{end}", found.text)))
}
