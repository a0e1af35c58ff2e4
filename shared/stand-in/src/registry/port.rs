//! The stand-in registries behind the port, in this process: as somebody without an account sees them.

use async_trait::async_trait;
use fleetfoot_model::Timestamp;
use fleetfoot_model::image::{ImageReference, Location, Selector};
use fleetfoot_model::ports::{BaseImage, Registry, RegistryError};
use fleetfoot_model::spec::Arch;

use super::content::name_of;
use super::{Refusal, StandInRegistry};
use crate::in_process::InProcess;

/// The stand-in registries behind the port.
pub type InProcessRegistry = InProcess<StandInRegistry>;

#[async_trait]
impl Registry for InProcess<StandInRegistry> {
    async fn resolve(&self, image: &ImageReference, arch: Arch) -> Result<BaseImage, RegistryError> {
        self.state().resolve(self.now(), image, arch)
    }
}

impl StandInRegistry {
    /// What a reference names now, for one architecture.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub fn resolve(
        &mut self,
        now: Timestamp,
        image: &ImageReference,
        arch: Arch,
    ) -> Result<BaseImage, RegistryError> {
        let location = image.location();
        let told = |refusal| told(&location, refusal);
        self.request(now).map_err(told)?;
        let name = location.name();
        if self.is_private(&name) {
            return Err(told(Refusal::Denied));
        }
        let piece = self.manifest(&name, location.selector.as_str()).map_err(told)?;
        if matches!(location.selector, Selector::Digest(_)) && self.repositories[&name].altered {
            return Err(RegistryError::Refused(format!("{location} is not what its digest says")));
        }
        let images = self.images_of(&name, &piece.digest);
        if let Some((_, digest)) = images.iter().find(|(of, _)| *of == arch) {
            return Ok(location.pinned(digest.clone()));
        }
        let there: Vec<String> = images.iter().map(|(of, _)| format!("linux/{}", name_of(*of))).collect();
        let text = format!("{location} is not there for {arch}, only for {}", there.join(", "));
        Err(RegistryError::Refused(text))
    }
}

fn told(location: &Location, refusal: Refusal) -> RegistryError {
    match refusal {
        Refusal::NotFound => RegistryError::Refused(format!("there is no {location}; correct name and tag")),
        Refusal::Denied => RegistryError::Refused(format!("{location} is not there, or not public")),
        Refusal::Throttled(until) => RegistryError::Throttled { until },
        Refusal::Failed => RegistryError::Unavailable(format!("{} answered 503", location.registry)),
        Refusal::Stalls => {
            RegistryError::Unavailable(format!("{} did not answer in time", location.registry))
        }
    }
}
