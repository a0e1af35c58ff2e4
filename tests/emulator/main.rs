//! The pipeline as it is deployed: the template and the functions as users have them, on an AWS emulator.
//!
//! `sam build` and `sam deploy` put it up, webhooks of a stand-in GitHub drive it, tasks are real agents with stand-in
//! runners. What the emulator cannot do is in `adaptations`, each with its reason, and is printed with every run.

mod harness;
mod stories;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::Arguments;

use crate::harness::{Stage, role};

fn main() -> ExitCode {
    if let Some(code) = role::play() {
        return code;
    }
    let mut arguments = Arguments::from_args();
    // They share one deployment, and each counts what is left of the others.
    arguments.test_threads = Some(1);
    let stage = Arc::new(Stage::default());
    let conclusion = libtest_mimic::run(&arguments, stories::all(&stage));
    stage.clear();
    conclusion.exit_code()
}
