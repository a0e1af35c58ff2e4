//! The Lambda function `cleanup`.

use std::process::ExitCode;

use fleetfoot_aws::lambda;
use fleetfoot_cleanup::Cleanup;

fn main() -> ExitCode {
    lambda::events("cleanup", |ports| {
        Ok(Cleanup {
            ledger: ports.ledger()?,
            github: ports.github(),
            fleet: ports.fleet()?,
            config: ports.config(),
        })
    })
}
