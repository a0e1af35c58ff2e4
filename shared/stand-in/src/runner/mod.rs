//! The stand-in runner: as a program of its own, and simulated under virtual time.

mod hooks;
mod program;
mod session;
mod simulated;

pub use program::run;
pub use simulated::{RunnerExit, SimulatedRunners};

/// Its one job is done.
pub const DONE: i32 = 0;
/// It was terminated, its registration is gone, or its configuration was used before.
pub const TERMINATED: i32 = 1;
/// GitHub could not be reached; another try may succeed.
pub const RETRYABLE: i32 = 2;
