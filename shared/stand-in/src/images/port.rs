//! The stand-in image builder behind the port, in this process.

use async_trait::async_trait;
use fleetfoot_model::ids::{BuildId, ImageKey};
use fleetfoot_model::ports::{BuildRequest, BuildStatus, Images, ImagesError};

use super::StandInImages;
use crate::in_process::InProcess;

/// The stand-in image builder behind the port.
pub type InProcessImages = InProcess<StandInImages>;

#[async_trait]
impl Images for InProcess<StandInImages> {
    async fn find(&self, key: &ImageKey) -> Result<Option<String>, ImagesError> {
        self.state().find(self.now(), key)
    }

    async fn build(&self, request: &BuildRequest) -> Result<BuildId, ImagesError> {
        self.state().build(self.now(), request)
    }

    async fn remove(&self, key: &ImageKey) -> Result<(), ImagesError> {
        self.state().remove(self.now(), key)
    }

    async fn status(&self, build: &BuildId) -> Result<BuildStatus, ImagesError> {
        self.state().status(self.now(), build)
    }
}
