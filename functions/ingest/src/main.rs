//! The Lambda function `ingest`.

use std::process::ExitCode;

use fleetfoot_aws::lambda;
use fleetfoot_ingest::Ingest;

fn main() -> ExitCode {
    lambda::http("ingest", |ports| Ok(Ingest { config: ports.config(), secrets: ports.webhook_secrets() }))
}
