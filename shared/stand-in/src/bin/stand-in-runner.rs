//! The stand-in runner as a program: what a `run.sh` starts instead of the real one.

use std::process::ExitCode;

use fleetfoot_model::secret::Secret;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "a runner takes its configuration from its environment")]
async fn main() -> ExitCode {
    let configuration = std::env::var("ACTIONS_RUNNER_INPUT_JITCONFIG").unwrap_or_default();
    let code = fleetfoot_stand_in::runner::run(Secret::new(configuration)).await;
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}
