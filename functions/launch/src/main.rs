//! The Lambda function `launch`.

use std::process::ExitCode;

use fleetfoot_aws::lambda;
use fleetfoot_launch::Launch;

fn main() -> ExitCode {
    lambda::queue("launch", |ports| {
        Ok(Launch {
            ledger: ports.ledger_with_remembered_bases()?,
            fleet: ports.launching_fleet()?,
            github: ports.github(),
            tickets: ports.tickets(),
            config: ports.config(),
        })
    })
}
