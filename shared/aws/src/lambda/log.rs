//! The log: one JSON object a line on stdout, which Lambda passes on as it is.

use tracing_subscriber::EnvFilter;

/// What is logged unless `FLEETFOOT_LOG` says otherwise.
const DEFAULT: &str = "info,lambda_runtime=warn,aws_config=warn";

pub(super) fn to_stdout() {
    let filter = EnvFilter::try_from_env("FLEETFOOT_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let json = tracing_subscriber::fmt().json().flatten_event(true).with_current_span(false);
    // A process has one log; this is its beginning.
    let _ = json.with_env_filter(filter).try_init();
}
