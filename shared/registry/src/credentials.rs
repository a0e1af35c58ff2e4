//! Passwords of registries.

use async_trait::async_trait;
use fleetfoot_model::ports::RegistryError;
use fleetfoot_model::secret::Secret;

/// What one registry takes for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Who.
    pub username: String,
    /// A password or a token in its place.
    pub password: Secret,
}

/// Knows passwords of registries.
#[async_trait]
pub trait RegistryCredentials: Send + Sync {
    /// The credentials for a registry (host name with `:port` if there is one), if there are any. Asked only when the
    /// registry wants some. They are sent to it, and to a host below its name where it gives out tokens
    /// (`auth.docker.io` for `docker.io`), and nowhere else.
    async fn credentials(&self, registry: &str) -> Result<Option<Credentials>, RegistryError>;
}

/// Knows none: what is public is all there is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Anonymous;

#[async_trait]
impl RegistryCredentials for Anonymous {
    async fn credentials(&self, _: &str) -> Result<Option<Credentials>, RegistryError> {
        Ok(None)
    }
}
