use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::ids::{BuildId, ImageKey};
use fleetfoot_model::image::ImageReference;
use fleetfoot_model::ports::{
    BaseImage, BuildRequest, BuildStatus, Images, ImagesError, Registry, RegistryError,
};
use fleetfoot_model::spec::Arch;
use fleetfoot_stand_in::InProcess;
use fleetfoot_stand_in::images::StandInImages;
use fleetfoot_stand_in::registry::StandInRegistry;

use super::Surroundings;

/// The builder of images of a world.
pub(crate) struct WorldImages {
    pub(crate) around: Arc<Surroundings>,
    pub(crate) builder: InProcess<StandInImages>,
}

#[async_trait]
impl Images for WorldImages {
    async fn find(&self, key: &ImageKey) -> Result<Option<String>, ImagesError> {
        self.around.call(&self.around.latency.fleet, || ()).await;
        self.builder.find(key).await
    }

    async fn build(&self, request: &BuildRequest) -> Result<BuildId, ImagesError> {
        let act = || self.builder.state().build(self.around.now(), request);
        self.around.call(&self.around.latency.fleet, act).await
    }

    async fn remove(&self, key: &ImageKey) -> Result<(), ImagesError> {
        let act = || self.builder.state().remove(self.around.now(), key);
        self.around.call(&self.around.latency.fleet, act).await
    }

    async fn status(&self, build: &BuildId) -> Result<BuildStatus, ImagesError> {
        self.around.call(&self.around.latency.fleet, || ()).await;
        self.builder.status(build).await
    }
}

/// The registries of a world.
pub(crate) struct WorldRegistry {
    pub(crate) around: Arc<Surroundings>,
    pub(crate) registry: InProcess<StandInRegistry>,
}

#[async_trait]
impl Registry for WorldRegistry {
    async fn resolve(&self, image: &ImageReference, arch: Arch) -> Result<BaseImage, RegistryError> {
        let act = || self.registry.state().resolve(self.around.now(), image, arch);
        self.around.call(&self.around.latency.fleet, act).await
    }
}
