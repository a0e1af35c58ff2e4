//! The command `fleetfoot`, as an operator of the deployed fleet uses it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use fleetfoot_tests::tools::{root, run, target};
use tokio::task::spawn_blocking;

use super::System;
use super::build::newest;
use super::deploy::STACK;

impl System {
    /// Runs the command for the deployed stack; answers whether it succeeded, and all that it printed.
    pub(crate) async fn fleetfoot(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(&self.command);
        command.args(arguments).args(["--stack", STACK]).envs(self.ministack.environment());
        let output = spawn_blocking(move || command.output()).await.expect("a command ends");
        let output = output.expect("the command can be started");
        let printed = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&printed).into_owned())
    }
}

/// What goes into the command.
const SOURCES: [&str; 8] =
    ["Cargo.lock", "Cargo.toml", "cli", "events", "functions", "runner/agent", "shared", "template.yaml"];

/// Builds the command, unless it is there and newer than what it is made from: `cargo test --workspace` has built it
/// before any test runs, with all the features that the workspace asks for, and building it alone takes minutes.
pub(crate) fn build() -> PathBuf {
    let program = target().join("debug").join("fleetfoot");
    let built_at = fs::metadata(&program).and_then(|about| about.modified()).ok();
    if built_at < newest(&SOURCES) {
        run(Command::new(env!("CARGO")).args(["build", "--quiet", "--bin", "fleetfoot"]).current_dir(root()));
    }
    program
}
