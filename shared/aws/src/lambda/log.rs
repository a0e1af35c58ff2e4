//! The log: one JSON object a line on stdout, which Lambda passes on as it is.

use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// What is logged unless [`VARIABLE`] says otherwise.
const DEFAULT: &str = "info,lambda_runtime=warn,aws_config=warn";
/// Names other levels, such as `debug` or `info,fleetfoot_aws=trace`.
const VARIABLE: &str = "FLEETFOOT_LOG";

#[expect(clippy::disallowed_methods, reason = "the shell reads the environment")]
pub(super) fn to_stdout() {
    let asked = std::env::var(VARIABLE).ok().and_then(|levels| levels.parse::<Targets>().ok());
    let levels = asked.or_else(|| DEFAULT.parse().ok()).unwrap_or_default();
    let json = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false);
    // A process has one log; this is its beginning.
    let _ = tracing_subscriber::registry().with(json.with_filter(levels)).try_init();
}
