//! What identifies a runner image: a digest over everything that goes into it.
//!
//! A key is never a cleaned-up name: where `/` and `:` both become `-`, two images share a tag.

use sha2::{Digest, Sha256};

use crate::ids::ImageKey;
use crate::image::ImageReference;
use crate::spec::Arch;

/// The version of the recipe (`runner/Dockerfile`). Raise it with each change that should rebuild every image.
pub const RECIPE_VERSION: u32 = 1;

/// The release of `actions/runner` that is built into images. GitHub stops sending jobs to a release 30 days after the
/// next one, so a new one has to change every key.
pub const RUNNER_VERSION: &str = crate::runner_release::PINNED_VERSION;

/// The key of the runner image on a base. Two spellings of one base (`ubuntu`, `docker.io/library/ubuntu:latest`) are
/// one image.
///
/// # Panics
/// Never: a SHA-256 digest has 64 hexadecimal digits.
pub fn key_of(image: &ImageReference, arch: Arch) -> ImageKey {
    // No part can hold a line break, so no two lists of parts join to the same text.
    let parts = format!("{}\n{arch}\n{RECIPE_VERSION}\n{RUNNER_VERSION}\n", image.normalized());
    hex::encode(Sha256::digest(parts.as_bytes())).parse().expect("a digest has 64 hexadecimal digits")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn key(image: &str, arch: Arch) -> ImageKey {
        key_of(&image.parse().unwrap(), arch)
    }

    #[test]
    fn spellings_of_one_base_share_an_image() {
        assert_eq!(key("ubuntu", Arch::X64), key("docker.io/library/ubuntu:latest", Arch::X64));
    }

    /// Peers' line 12: two images shared a tag because `/` and `:` both became `-`.
    #[test]
    fn no_two_bases_share_an_image() {
        let names = ["acme/app:1", "acme/app-1", "acme-app:1", "acme/app/1", "acme/app"];
        let keys: BTreeSet<_> =
            names.iter().flat_map(|name| [Arch::X64, Arch::Arm64].map(|arch| key(name, arch))).collect();
        assert_eq!(keys.len(), 2 * names.len());
    }
}
