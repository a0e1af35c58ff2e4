//! The Lambda function `pool`.

use std::process::ExitCode;

use fleetfoot_aws::lambda;
use fleetfoot_pool::Pool;

fn main() -> ExitCode {
    lambda::events("pool", |ports| Ok(Pool { ledger: ports.ledger()?, config: ports.config() }))
}
