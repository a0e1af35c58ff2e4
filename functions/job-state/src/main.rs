//! The Lambda function `job-state`.

use std::process::ExitCode;

use fleetfoot_aws::lambda;
use fleetfoot_job_state::JobState;

fn main() -> ExitCode {
    lambda::events("job-state", |ports| {
        Ok(JobState {
            ledger: ports.ledger()?,
            github: ports.github(),
            fleet: ports.fleet()?,
            config: ports.config(),
        })
    })
}
