//! Tasks and builds.

use super::System;
use super::wait::until;

impl System {
    /// What ECS, CodeBuild and ECR were asked.
    pub(crate) fn stood_in_calls(&self) -> Vec<(String, u64)> {
        Vec::new()
    }

    /// Waits until there is no task and no registration.
    pub(crate) async fn nothing_runs(&self) {
        until("every registration is gone", || self.github.state().registrations().is_empty()).await;
    }

    pub(crate) fn interrupt_next(&self) {}
    pub(crate) fn fail_next_start(&self) {}
}
