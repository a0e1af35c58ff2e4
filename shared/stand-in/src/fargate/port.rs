//! The stand-in Fargate behind the port, in this process.

use async_trait::async_trait;
use fleetfoot_model::ids::TaskId;
use fleetfoot_model::ports::{Fleet, FleetError, LaunchRequest, Task};

use super::StandInFargate;
use crate::in_process::InProcess;

/// The stand-in Fargate behind the port.
pub type InProcessFargate = InProcess<StandInFargate>;

#[async_trait]
impl Fleet for InProcess<StandInFargate> {
    async fn launch(&self, request: &LaunchRequest) -> Result<TaskId, FleetError> {
        self.state().launch(self.now(), request)
    }

    async fn stop(&self, task: &TaskId, reason: &str) -> Result<(), FleetError> {
        self.state().stop(self.now(), task, reason)
    }

    async fn list(&self) -> Result<Vec<Task>, FleetError> {
        self.state().list(self.now())
    }
}
