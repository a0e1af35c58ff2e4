//! The Lambda function `task-state`.

use std::process::ExitCode;

use fleetfoot_aws::lambda;
use fleetfoot_task_state::TaskState;

fn main() -> ExitCode {
    lambda::events("task-state", |ports| {
        Ok(TaskState {
            ledger: ports.ledger()?,
            github: ports.github(),
            fleet: ports.fleet()?,
            config: ports.config(),
        })
    })
}
