//! The adapter at the wire: registries that are other people's, and hostile.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod hostile;
mod server;
mod signing_in;
mod unusable;

use std::sync::Arc;
use std::time::Duration;

use fleetfoot_model::ports::{BaseImage, Clock, Registry, RegistryError};
use fleetfoot_model::spec::Arch;
use fleetfoot_model::{Timestamp, config};
use fleetfoot_registry::{Anonymous, HttpRegistry, Patience, RegistryCredentials};

pub(crate) struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        "2026-11-21T10:00:00Z".parse().unwrap()
    }
}

/// The adapter for a configuration with this under `[images]`.
pub(crate) fn adapter(images: &str, credentials: Arc<dyn RegistryCredentials>) -> HttpRegistry {
    let text = format!(
        "[github]\norganization = \"acme\"\ntoken = \"env:T\"\nwebhook_secrets = [\"env:W\"]\n[images]\n{images}\n"
    );
    let images = config::load("fleet.toml", &text).unwrap().images;
    let patience = Patience { connect: Duration::from_secs(2), total: Duration::from_secs(2) };
    HttpRegistry::new(&images, credentials, Arc::new(Fixed), patience)
}

/// The adapter of a fleet that allows everything, and names this registry.
pub(crate) fn naming(host: &str) -> HttpRegistry {
    adapter(&format!("allow = [\"**\", \"{host}/**\"]"), Arc::new(Anonymous))
}

pub(crate) async fn resolve(registry: &HttpRegistry, image: &str) -> Result<BaseImage, RegistryError> {
    registry.resolve(&image.parse().unwrap(), Arch::X64).await
}

/// Why it is refused for good.
pub(crate) async fn refusal(registry: &HttpRegistry, image: &str) -> String {
    match resolve(registry, image).await {
        Err(RegistryError::Refused(text)) => text,
        other => panic!("{other:?}"),
    }
}

/// Why it may be asked for again.
pub(crate) async fn trouble(registry: &HttpRegistry, image: &str) -> String {
    match resolve(registry, image).await {
        Err(RegistryError::Unavailable(text)) => text,
        other => panic!("{other:?}"),
    }
}
