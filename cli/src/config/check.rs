//! `fleetfoot config check`

use fleetfoot_model::config::{self, Config, Problem};
use serde_json::json;

use super::File;
use crate::arguments::{self, Format};
use crate::failure::{Exit, Failure};
use crate::output::{self, Answer};

pub(crate) const EXAMPLES: &str = r#"Examples:
  fleetfoot config check
  fleetfoot config check fleet.toml --json

Nothing is asked of GitHub or AWS, and no secret is read. Exit code 1 if there is a mistake.

JSON:
  { "file", "fleet": its name, null if there are mistakes,
    "problems": [ { "key", "line", "found", "allowed" } ] }"#;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    file: File,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(args: &Args) -> Result<Answer, Failure> {
    let file = args.file.file.display().to_string();
    let text = arguments::read_config(&args.file.file)?;
    let checked = config::load(&file, &text);
    if args.format.json {
        let problems = checked.as_ref().err().map(|error| error.problems.as_slice()).unwrap_or_default();
        let exit = if problems.is_empty() { Exit::Success } else { Exit::Failure };
        let problems: Vec<_> = problems.iter().map(problem).collect();
        let fleet = checked.as_ref().ok().map(|config| config.fleet.as_str());
        let data = output::json(&json!({ "file": file, "fleet": fleet, "problems": problems }))?;
        return Ok(Answer { exit, ..Answer::data(data) });
    }
    let config = checked.map_err(|error| arguments::mistaken(&error))?;
    Ok(Answer::default().note(format!("{file} has no mistakes: {}", summary(&config))))
}

fn problem(Problem { key, line, found, allowed }: &Problem) -> serde_json::Value {
    json!({ "key": key, "line": line, "found": found, "allowed": allowed })
}

/// `fleet ff with 4 classes and 1 pool`
pub(super) fn summary(config: &Config) -> String {
    let count = |number: usize, one: &str, more: &str| match number {
        1 => format!("1 {one}"),
        number => format!("{number} {more}"),
    };
    let classes = count(config.classes.len(), "class", "classes");
    format!("fleet {} with {classes} and {}", config.fleet, count(config.pools.len(), "pool", "pools"))
}
