//! Commands in a runner that is a process of this machine.

use std::env;

use async_trait::async_trait;
use fleetfoot_local::fleet::LocalFleet;
use fleetfoot_model::runner::Runner;
use tokio::process::Command;

use super::{Exec, Prepared};
use crate::failure::Failure;

/// In the folders of runners.
pub(crate) struct ExecHere(pub(crate) LocalFleet);

#[async_trait]
impl Exec for ExecHere {
    async fn prepare(&self, runner: &Runner, words: &[String]) -> Result<Prepared, Failure> {
        let Some(folder) = self.0.work_folder(&runner.name) else {
            return Err(Failure::new(format!("the folder of runner {} is not there", runner.name))
                .hint("it is cleared away when the runner has ended"));
        };
        let shell = env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into());
        let mut command = match words {
            [] => Command::new(shell),
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments);
                command
            }
        };
        // As a job sees it: no token of the fleet's own that happens to be in this terminal.
        command.current_dir(folder).env_clear().envs(self.0.inherited_environment());
        if let Some(term) = env::var_os("TERM") {
            command.env("TERM", term);
        }
        Ok(Prepared { command, if_missing: "what is behind `--` is looked for in PATH" })
    }
}
