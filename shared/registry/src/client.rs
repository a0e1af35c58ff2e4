//! The port.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fleetfoot_model::config::ImagesConfig;
use fleetfoot_model::ids::ImageDigest;
use fleetfoot_model::image::{ImageReference, Location, Mirrors, Selector};
use fleetfoot_model::ports::{BaseImage, Clock, Registry, RegistryError};
use fleetfoot_model::spec::Arch;

use crate::credentials::RegistryCredentials;
use crate::guard::Guard;
use crate::manifest::{self, ACCEPTED, Document, Platform, Unusable};
use crate::session::Session;
use crate::wire::Wire;

/// How long registries are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection. Default 3 s.
    pub connect: Duration,
    /// For everything that one image needs: up to five requests. Default 8 s, which a function waits.
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), total: Duration::from_secs(8) }
    }
}

/// Registries over the distribution API. Make one and keep it: it holds the connections.
pub struct HttpRegistry {
    wire: Wire,
    patience: Patience,
    mirrors: Mirrors,
    credentials: Arc<dyn RegistryCredentials>,
    clock: Arc<dyn Clock>,
}

impl HttpRegistry {
    /// Asks registries or, where the configuration says so, their mirrors. Nothing is connected to before it is needed.
    pub fn new(
        images: &ImagesConfig,
        credentials: Arc<dyn RegistryCredentials>,
        clock: Arc<dyn Clock>,
        patience: Patience,
    ) -> Self {
        let wire = Wire::new(Guard::new(images.named_registries()), patience);
        Self { wire, patience, mirrors: images.mirrors.clone(), credentials, clock }
    }

    async fn look_up(&self, location: &Location, arch: Arch) -> Result<ImageDigest, RegistryError> {
        let unusable = |error: Unusable| match error {
            Unusable::Unreadable => {
                RegistryError::Unavailable(format!("the manifest of {location}: {error}"))
            }
            _ => RegistryError::Refused(format!("{location} cannot be used: {error}")),
        };
        let mut session = Session::new(&self.wire, self.credentials.as_ref(), location, self.clock.now());
        let path = format!("manifests/{}", location.selector.as_str());
        let content = session.get(&path, ACCEPTED).await?;
        let digest = checked(location, &content)?;
        match manifest::read(&content).map_err(unusable)? {
            Document::Index(entries) => {
                manifest::choose(&entries, arch).map_err(|there| elsewhere(location, arch, &there))
            }
            Document::Image(configuration) => {
                let content = session.get(&format!("blobs/{configuration}"), "*/*").await?;
                if manifest::digest_of(&content) != configuration {
                    return Err(altered(location, &configuration, &content));
                }
                let platform: Platform = manifest::platform(&content).map_err(unusable)?;
                if !platform.suits(arch) {
                    return Err(elsewhere(location, arch, &manifest::named(std::iter::once(&platform))));
                }
                Ok(digest)
            }
        }
    }
}

#[async_trait]
impl Registry for HttpRegistry {
    async fn resolve(&self, image: &ImageReference, arch: Arch) -> Result<BaseImage, RegistryError> {
        let location = self.mirrors.apply(image);
        let found = tokio::time::timeout(self.patience.total, self.look_up(&location, arch)).await;
        let late = |_| {
            let seconds = self.patience.total.as_secs_f32();
            RegistryError::Unavailable(format!("{} did not answer within {seconds} s", location.registry))
        };
        Ok(location.pinned(found.map_err(late)??))
    }
}

/// The digest of a manifest, which is the one asked for if one was.
fn checked(location: &Location, content: &[u8]) -> Result<ImageDigest, RegistryError> {
    let digest = manifest::digest_of(content);
    match &location.selector {
        Selector::Digest(wanted) if *wanted != digest.as_str() => Err(altered(location, wanted, content)),
        _ => Ok(digest),
    }
}

fn altered(location: &Location, wanted: &impl std::fmt::Display, content: &[u8]) -> RegistryError {
    let digest = manifest::digest_of(content);
    RegistryError::Refused(format!(
        "{location} is not what its digest says: what {} answers for {wanted} has the digest {digest}; do not use it",
        location.registry
    ))
}

fn elsewhere(location: &Location, arch: Arch, there: &str) -> RegistryError {
    RegistryError::Refused(format!(
        "{location} is not there for {}, only for {there}; choose another arch: or another image",
        manifest::platform_of(arch)
    ))
}
