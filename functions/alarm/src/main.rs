//! The Lambda function `alarm`.

use std::process::ExitCode;

use fleetfoot_alarm::{Alarm, Home};
use fleetfoot_aws::lambda;

fn main() -> ExitCode {
    lambda::notifications("alarm", |ports| {
        let home = ports.region().map(|region| Home { region, stack: ports.stack() });
        Ok(Alarm { slack: ports.slack(), ledger: ports.ledger()?, config: ports.config(), home })
    })
}
