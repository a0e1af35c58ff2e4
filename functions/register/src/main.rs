//! The Lambda function `register`.

use std::process::ExitCode;

use fleetfoot_aws::lambda;
use fleetfoot_register::Register;

fn main() -> ExitCode {
    lambda::http("register", |ports| {
        Ok(Register { ledger: ports.ledger()?, github: ports.github(), config: ports.config() })
    })
}
