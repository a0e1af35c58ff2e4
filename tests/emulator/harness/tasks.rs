//! Tasks, and what becomes of them.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::wait::{eventually, until};
use super::{Figures, System};

impl System {
    /// Waits until nothing has been asked of AWS or GitHub for a second.
    pub(crate) async fn is_quiet(&self) {
        let last = Mutex::new((Figures::of(self), Instant::now()));
        until("it is quiet", || {
            let (figures, mut last) = (Figures::of(self), last.lock().expect("nobody else has it"));
            if figures != last.0 {
                *last = (figures, Instant::now());
            }
            last.1.elapsed() > Duration::from_secs(1)
        })
        .await;
    }

    /// Waits until there is no task, no registration, and no message for `launch`.
    pub(crate) async fn nothing_runs(&self) {
        until("every task has stopped", || self.cloud.live_runners().is_empty()).await;
        until("every registration is gone", || self.github.state().registrations().is_empty()).await;
        eventually("the launch queue is empty", async || {
            (self.aws.depth(self.stack.resource("LaunchQueue")).await == 0).then_some(())
        })
        .await;
    }
}
