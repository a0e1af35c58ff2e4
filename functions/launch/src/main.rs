//! The Lambda function `launch`.

use std::process::ExitCode;

use fleetfoot_launch::Launch;
use fleetfoot_aws::lambda;

fn main() -> ExitCode {
    lambda::queue("launch", |ports| {
        Ok(Launch {
            ledger: ports.ledger()?,
            fleet: ports.launching_fleet()?,
            github: ports.github(),
            tickets: ports.tickets(),
            config: ports.config(),
        })
    })
}
