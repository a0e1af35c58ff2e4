//! The Lambda function `alarm`.

use std::process::ExitCode;

use fleetfoot_alarm::Alarm;
use fleetfoot_aws::lambda;

fn main() -> ExitCode {
    lambda::notifications("alarm", |ports| Ok(Alarm { slack: ports.slack() }))
}
