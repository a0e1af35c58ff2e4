//! Tasks, and what becomes of them.

use fleetfoot_stand_in::fargate::Faults;

use super::System;
use super::wait::{eventually, until};

impl System {
    /// What goes wrong with tasks, until one was launched.
    pub(crate) async fn once(&self, faults: Faults, act: impl AsyncFnOnce()) {
        let launched = || self.cloud.calls().get("ECS.RunTask").copied().unwrap_or_default();
        let before = launched();
        self.cloud.set_faults(faults);
        act().await;
        until("a task was launched", || launched() > before).await;
        self.cloud.set_faults(Faults::NONE);
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
