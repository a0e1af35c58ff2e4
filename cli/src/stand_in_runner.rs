//! The hidden `fleetfoot stand-in-runner`: what the demo's `run.sh` starts instead of the real runner.

use fleetfoot_model::secret::Secret;

use crate::failure::Exit;
use crate::output::Answer;

#[expect(clippy::disallowed_methods, reason = "a runner takes its configuration from its environment")]
pub(crate) async fn run() -> Answer {
    let configuration = std::env::var("ACTIONS_RUNNER_INPUT_JITCONFIG").unwrap_or_default();
    let code = fleetfoot_stand_in::runner::run(Secret::new(configuration)).await;
    Answer { exit: Exit::Runner(u8::try_from(code).unwrap_or(u8::MAX)), ..Answer::default() }
}
