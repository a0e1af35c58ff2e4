//! A fleet that is only asked to forget images.

use std::collections::BTreeSet;
use std::sync::Mutex;

use async_trait::async_trait;
use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::TaskId;
use fleetfoot_model::ports::{Fleet, FleetError, LaunchRequest, Task, TaskImage};

#[derive(Default)]
pub(crate) struct Definitions(Mutex<Vec<BTreeSet<TaskImage>>>);

impl Definitions {
    /// What was in use each time it was told to forget the others.
    pub(crate) fn told(&self) -> Vec<BTreeSet<TaskImage>> {
        self.0.lock().expect("no test panics here").clone()
    }
}

#[async_trait]
impl Fleet for Definitions {
    async fn launch(&self, _: &LaunchRequest) -> Result<TaskId, FleetError> {
        unreachable!("nothing is launched")
    }

    async fn stop(&self, _: &TaskId, _: &str) -> Result<(), FleetError> {
        unreachable!("nothing is stopped")
    }

    async fn list(&self) -> Result<Vec<Task>, FleetError> {
        unreachable!("nothing is listed")
    }

    async fn forget_images_except(
        &self,
        in_use: &BTreeSet<TaskImage>,
        _: Timestamp,
    ) -> Result<usize, FleetError> {
        self.0.lock().expect("no test panics here").push(in_use.clone());
        Ok(0)
    }
}
