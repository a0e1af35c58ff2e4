//! What runners are started from: the registries of base images, and whoever builds on them.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::ids::{BuildId, ImageDigest, ImageKey};
use crate::image::ImageReference;
use crate::image_key::ImageMode;
use crate::spec::Arch;

/// What an image is to be built from.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    /// The image to be.
    pub key: ImageKey,
    /// The label that first asked for it.
    pub image: ImageReference,
    /// Where precisely its base can be pulled.
    pub base: String,
    /// For which processors.
    pub arch: Arch,
    /// What is made of it.
    pub mode: ImageMode,
}

/// Why an image could not be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImagesError {
    /// Too many requests, until a time.
    #[error("throttled until {until}")]
    Throttled {
        /// When by the limit's own clock.
        until: Timestamp,
    },
    /// The request can never succeed.
    #[error("impossible: {0}")]
    Impossible(String),
    /// No answer, or an error on the other side.
    #[error("image builder unavailable: {0}")]
    Unavailable(String),
}

/// How a build stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildStatus {
    /// It runs.
    Running,
    /// It succeeded.
    Succeeded,
    /// It failed, and why.
    Failed(String),
    /// The builder does not know it.
    Unknown,
}

/// Builds runner images. The end of a build is told by `CodeBuild Build State Change` events.
#[async_trait]
pub trait Images: Send + Sync {
    /// Where the image can be pulled, if it is there.
    async fn find(&self, key: &ImageKey) -> Result<Option<String>, ImagesError>;

    /// Starts a build.
    async fn build(&self, request: &BuildRequest) -> Result<BuildId, ImagesError>;

    /// How a build stands, for when its event was lost.
    async fn status(&self, build: &BuildId) -> Result<BuildStatus, ImagesError>;

    /// Deletes an image. One that is not there is no error.
    async fn remove(&self, key: &ImageKey) -> Result<(), ImagesError>;
}

/// What an image reference names now, for one architecture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseImage {
    /// The digest of the manifest for that architecture.
    pub digest: ImageDigest,
    /// Where precisely this can be pulled: `registry/path@sha256:...`, of a mirror if there is one.
    pub uri: String,
}

/// Why a registry does not tell what a reference names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// It cannot be had: it is not there or not to be seen, it is for other architectures, or it is not what its digest
    /// says. The text is for whoever wrote the label: what was found, what is allowed, what to do.
    #[error("{0}")]
    Refused(String),
    /// Too many requests, until a time.
    #[error("throttled by the registry until {until}")]
    Throttled {
        /// When by the limit's own clock.
        until: Timestamp,
    },
    /// No answer, an unreadable one, or an error on the other side.
    #[error("registry unavailable: {0}")]
    Unavailable(String),
}

/// The registries of base images.
#[async_trait]
pub trait Registry: Send + Sync {
    /// What a reference names now.
    async fn resolve(&self, image: &ImageReference, arch: Arch) -> Result<BaseImage, RegistryError>;
}
