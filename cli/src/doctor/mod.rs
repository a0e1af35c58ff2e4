//! `fleetfoot doctor`

mod configuration;
pub(crate) mod deployed;
mod examine;
pub(crate) mod finding;
mod github;
pub(crate) mod here;
mod images;
mod rows;
mod secrets;
mod show;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use fleetfoot_shell::clock::SystemClock;
use url::Url;

use crate::arguments::{self, Format, RunnerFolder};
use crate::failure::Failure;
use crate::output::Answer;
use crate::place::Location;

pub(crate) use examine::{Check, examine};
pub(crate) use secrets::how_to_set;
pub(crate) use show::summary;

pub(crate) const EXAMPLES: &str = r#"Examples:
  fleetfoot doctor
  fleetfoot doctor --stack fleetfoot
  fleetfoot doctor --stack fleetfoot --strict --json

Looks at everything that a fleet needs, changes nothing, and says how each finding is mended. The
headings are explained in docs/troubleshooting.md. What may not be looked at is `unknown`, with the
permission that is missing; it hides nothing else.

Exit codes:
  0  no errors; with --strict nothing but ok
  1  there are, or with --strict warnings or what could not be looked at

JSON:
  { "worst": ok | unknown | warning | error,
    "counts": { "ok", "unknown", "warning", "error" },
    "findings": [ { "check": its heading, "severity": as worst, "what": in a line,
      "causes": [ why, and why that ], "hint": what mends it or null, "page" } ] }"#;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Location,
    #[command(flatten)]
    nearby: Nearby,
    /// Exit with 1 for warnings, too, and for what could not be looked at
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    format: Format,
}

/// What a fleet on this machine does not tell of itself.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Nearby {
    /// Where the fleet on this machine is reached, without /webhook
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080", value_parser = arguments::address)]
    pub(crate) url: Url,
    #[command(flatten)]
    pub(crate) runner: RunnerFolder,
}

pub(crate) async fn run(args: Args) -> Result<Answer, Failure> {
    let place = args.place.open().await?;
    let findings = examine(&*place, &args.nearby, Arc::new(SystemClock), args.format).await;
    show::answer(&findings, args.format.json, args.strict)
}
