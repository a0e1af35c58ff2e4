//! What registries answer: lists of manifests for several platforms, manifests, and configurations of images.

use std::collections::BTreeSet;

use fleetfoot_model::ids::ImageDigest;
use fleetfoot_model::spec::Arch;
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

/// The formats that are understood, for the `Accept` header: those of the OCI, and Docker's of before.
pub(crate) const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json";

/// How many platforms a message names.
const MOST_NAMED: usize = 12;

/// An answer to the question for a manifest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Document {
    /// A list of manifests, each for a platform.
    Index(Vec<Entry>),
    /// One manifest. For which platform is said by its configuration, which has this digest.
    Image(ImageDigest),
}

/// A manifest in a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    digest: ImageDigest,
    platform: Platform,
}

/// What an image runs on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Platform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

/// Why an answer is none that can be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    /// Cut off, or never JSON.
    #[error("it cannot be read")]
    Unreadable,
    /// Nothing that runs.
    #[error(
        "it is no container image, or of a format from before 2016; push it anew with a current docker push"
    )]
    Format,
    /// Both a list and a manifest: what it is would depend on who reads it (CVE-2021-41190).
    #[error("it is both a list of manifests and a manifest; push it anew")]
    Ambiguous,
    /// A digest that is none of SHA-256.
    #[error("the digest of its configuration is not of sha256, which alone is supported")]
    Algorithm,
}

#[derive(Deserialize)]
struct Raw {
    manifests: Option<Vec<RawEntry>>,
    config: Option<RawEntry>,
    layers: Option<IgnoredAny>,
    #[serde(rename = "fsLayers")]
    fs_layers: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct RawEntry {
    digest: String,
    platform: Option<Platform>,
}

/// The SHA-256 of content.
///
/// # Panics
/// Never: a SHA-256 digest has 64 hexadecimal digits.
pub(crate) fn digest_of(content: &[u8]) -> ImageDigest {
    format!("sha256:{}", hex::encode(Sha256::digest(content))).parse().expect("a digest of SHA-256")
}

/// Reads a manifest or a list of them.
pub(crate) fn read(content: &[u8]) -> Result<Document, Unusable> {
    let raw: Raw = serde_json::from_slice(content).map_err(|_| Unusable::Unreadable)?;
    match raw {
        Raw { manifests: Some(_), config, layers, fs_layers }
            if config.is_some() || layers.is_some() || fs_layers.is_some() =>
        {
            Err(Unusable::Ambiguous)
        }
        Raw { manifests: Some(entries), .. } => {
            Ok(Document::Index(entries.into_iter().filter_map(entry).collect()))
        }
        Raw { config: Some(config), layers: Some(_), .. } => {
            config.digest.parse().map(Document::Image).map_err(|_| Unusable::Algorithm)
        }
        _ => Err(Unusable::Format),
    }
}

/// What is signed or attested beside images is listed as for the platform unknown/unknown (`BuildKit`), and is never
/// asked for.
fn entry(raw: RawEntry) -> Option<Entry> {
    Some(Entry { digest: raw.digest.parse().ok()?, platform: raw.platform? })
}

/// Reads for which platform an image is, from its configuration.
pub(crate) fn platform(configuration: &[u8]) -> Result<Platform, Unusable> {
    let platform: Platform = serde_json::from_slice(configuration).map_err(|_| Unusable::Format)?;
    if platform.os.is_empty() || platform.architecture.is_empty() {
        Err(Unusable::Format)
    } else {
        Ok(platform)
    }
}

/// The manifest for an architecture; else the platforms that are there.
pub(crate) fn choose(entries: &[Entry], arch: Arch) -> Result<ImageDigest, String> {
    match entries.iter().find(|entry| entry.platform.suits(arch)) {
        Some(entry) => Ok(entry.digest.clone()),
        None => Err(named(entries.iter().map(|entry| &entry.platform))),
    }
}

/// Platforms for a message.
pub(crate) fn named<'a>(platforms: impl Iterator<Item = &'a Platform>) -> String {
    let names: BTreeSet<String> = platforms.filter(|it| it.os != "unknown").map(Platform::shown).collect();
    let mut shown: Vec<String> = names.iter().take(MOST_NAMED).cloned().collect();
    match names.len() {
        0 => return "nothing that runs".to_owned(),
        all if all > MOST_NAMED => shown.push(format!("{} more", all - MOST_NAMED)),
        _ => {}
    }
    shown.join(", ")
}

/// An architecture as registries name it.
pub(crate) fn platform_of(arch: Arch) -> &'static str {
    match arch {
        Arch::X64 => "linux/amd64",
        Arch::Arm64 => "linux/arm64",
    }
}

impl Platform {
    /// Whether it runs here. Later variants are for processors that a task may not get.
    pub(crate) fn suits(&self, arch: Arch) -> bool {
        let (architecture, variant) = match arch {
            Arch::X64 => ("amd64", "v1"),
            Arch::Arm64 => ("arm64", "v8"),
        };
        let told = self.variant.as_deref().unwrap_or_default();
        self.os == "linux" && self.architecture == architecture && (told.is_empty() || told == variant)
    }

    /// `linux/arm/v7`, without what a stranger may have put there.
    fn shown(&self) -> String {
        let parts = [Some(&self.os), Some(&self.architecture), self.variant.as_ref()];
        let clean = |part: &String| -> String {
            part.chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).take(16).collect()
        };
        let parts: Vec<String> =
            parts.into_iter().flatten().map(clean).filter(|part| !part.is_empty()).collect();
        parts.join("/")
    }
}
