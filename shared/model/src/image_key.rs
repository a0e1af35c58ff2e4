//! What identifies a runner image: a digest over everything that goes into it.
//!
//! A key is never a cleaned-up name: where `/` and `:` both become `-`, two images share a tag.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::{ImageDigest, ImageKey};
use crate::spec::Arch;

/// The version of the recipe (`runner/Dockerfile`). Raise it with each change that should rebuild every image.
pub const RECIPE_VERSION: u32 = 2;

/// The release of `actions/runner` that is built into images. GitHub stops sending jobs to a release 30 days after the
/// next one, so a new one has to change every key.
pub const RUNNER_VERSION: &str = crate::runner_release::PINNED_VERSION;

/// What the image is made on that puts agent and runner beside a base ([`ImageMode::Inject`]). Public, and without a limit
/// on pulls from within AWS (Amazon ECR public gallery).
pub const INJECTOR_BASE: &str = "public.ecr.aws/docker/library/debian:13-slim";

/// How agent and runner come onto a base: `[images] mode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ImageMode {
    /// An image is built on each base.
    #[default]
    Build,
    /// Each base runs as it is; agent and runner are put on a volume beside it when a task starts.
    Inject,
}

impl ImageMode {
    /// As the configuration names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Inject => "inject",
        }
    }

    /// The target of `runner/Dockerfile` that is built.
    pub fn target(self) -> &'static str {
        match self {
            Self::Build => "runner",
            Self::Inject => "inject",
        }
    }
}

impl fmt::Display for ImageMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How images are made now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// [`RECIPE_VERSION`]
    pub version: u32,
    /// [`RUNNER_VERSION`]
    pub runner: String,
    /// What is made.
    pub mode: ImageMode,
}

impl Recipe {
    /// This program's.
    pub fn current(mode: ImageMode) -> Self {
        Self { version: RECIPE_VERSION, runner: RUNNER_VERSION.to_owned(), mode }
    }
}

/// The key of the image that a recipe makes on a base.
///
/// # Panics
/// Never: a SHA-256 digest has 64 hexadecimal digits.
pub fn key_of(base: &ImageDigest, arch: Arch, recipe: &Recipe) -> ImageKey {
    let Recipe { version, runner, mode } = recipe;
    // No part can hold a line break, so no two lists of parts join to the same text.
    let parts = format!("{base}\n{arch}\n{version}\n{runner}\n{mode}\n");
    hex::encode(Sha256::digest(parts.as_bytes())).parse().expect("a digest has 64 hexadecimal digits")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn digest(digits: char) -> ImageDigest {
        format!("sha256:{}", digits.to_string().repeat(64)).parse().unwrap()
    }

    #[test]
    fn whatever_goes_in_changes_the_key() {
        let recipes = [ImageMode::Build, ImageMode::Inject].into_iter().flat_map(|mode| {
            let current = Recipe::current(mode);
            let bumped = Recipe { runner: "2.999.0".to_owned(), ..current.clone() };
            let changed = Recipe { version: RECIPE_VERSION + 1, ..current.clone() };
            [current, bumped, changed]
        });
        let keys: Vec<_> = recipes
            .flat_map(|recipe| {
                ['a', 'b'].into_iter().flat_map(move |base| {
                    let recipe = recipe.clone();
                    [Arch::X64, Arch::Arm64].map(|arch| key_of(&digest(base), arch, &recipe))
                })
            })
            .collect();
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
    }

    proptest! {
        /// Peers' line 12: two images shared a tag because `/` and `:` both became `-`.
        #[test]
        fn no_two_bases_share_an_image(one in "[0-9a-f]{64}", other in "[0-9a-f]{64}") {
            let key = |digits: &str| {
                key_of(&format!("sha256:{digits}").parse().unwrap(), Arch::X64, &Recipe::current(ImageMode::Build))
            };
            prop_assert_eq!(key(&one) == key(&other), one == other);
        }
    }
}
