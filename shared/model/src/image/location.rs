//! Where an image is: registry, repository, and which of its images.

use std::fmt;

use super::parse::is_registry;
use crate::ids::ImageDigest;
use crate::ports::BaseImage;

/// The registry of names that tell none.
pub(super) const DOCKER_HUB: &str = "docker.io";
/// Where Docker Hub keeps the images that have no owner.
pub(super) const OFFICIAL: &str = "library/";

/// Where an image is, spelled out. Shows as a reference: `docker.io/library/ubuntu:latest`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// Host name in lower case, with `:port` if one was told.
    pub registry: String,
    /// The path within the registry.
    pub repository: String,
    /// Which of its images.
    pub selector: Selector,
}

/// Which image of a repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selector {
    /// Whatever this tag names now.
    Tag(String),
    /// `sha256:` and 64 hexadecimal digits. A tag beside it says nothing, as with Docker.
    Digest(String),
}

impl Selector {
    /// The tag or the digest.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Tag(text) | Self::Digest(text) => text,
        }
    }
}

impl Location {
    /// Registry and repository.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// The same repository's image of this digest, which its address names for ever.
    pub fn pinned(&self, digest: ImageDigest) -> BaseImage {
        BaseImage { uri: format!("{}@{digest}", self.name()), digest }
    }

    /// Docker's short form of an image of Docker Hub: without `docker.io/` and `library/`. None if it would read as
    /// another registry's: `docker.io/evil.example/app` must not pass for `evil.example/app`.
    pub(super) fn familiar(&self) -> Option<String> {
        if self.registry != DOCKER_HUB {
            return None;
        }
        let full = self.to_string();
        let path = full.strip_prefix(DOCKER_HUB)?.strip_prefix('/')?;
        let (first, rest) = path.split_once('/')?;
        if is_registry(first) {
            return None;
        }
        let official = self.repository.starts_with(OFFICIAL) && !rest.contains('/');
        Some(if official { rest } else { path }.to_owned())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = match self.selector {
            Selector::Tag(_) => ':',
            Selector::Digest(_) => '@',
        };
        write!(f, "{}/{}{separator}{}", self.registry, self.repository, self.selector.as_str())
    }
}
