//! Container image references, as they come from an `image:` label: hostile until parsed.

mod invalid;
mod location;
mod mirrors;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use globset::GlobMatcher;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use invalid::InvalidImage;
pub use location::{Location, Selector};
pub use mirrors::{InvalidMirror, Mirrors};

/// The longest reference that is read, in bytes, both as it was written and with everything spelled out.
pub const LONGEST_REFERENCE: usize = 200;

/// A well-formed reference `[registry[:port]/]path[:tag][@sha256:digest]`, as it was written.
/// The grammar is the distribution project's reference grammar, with the length bounded, and without user names, IPv6
/// addresses and digests other than SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct ImageReference(String);

impl ImageReference {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its parts, spelled out.
    pub fn location(&self) -> Location {
        parse::spelled_out(&self.0)
    }

    /// With registry, namespace, and tag or digest spelled out: `ubuntu` is `docker.io/library/ubuntu:latest`. Whatever
    /// names the same image in the same registry has the same, which is a reference itself.
    pub fn normalized(&self) -> String {
        self.location().to_string()
    }

    /// Whether an allow-list pattern allows it: as written, normalized, or in Docker's short form, with or without
    /// `:latest`. Two spellings of one image are allowed alike.
    pub fn is_allowed_by(&self, pattern: &GlobMatcher) -> bool {
        let location = self.location();
        let full = location.to_string();
        let short = location.familiar();
        [Some(self.0.as_str()), Some(&full), short.as_deref()].into_iter().flatten().any(|form| {
            pattern.is_match(form) || form.strip_suffix(":latest").is_some_and(|form| pattern.is_match(form))
        })
    }
}

impl FromStr for ImageReference {
    type Err = InvalidImage;

    fn from_str(text: &str) -> Result<Self, InvalidImage> {
        parse::check(text)?;
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for ImageReference {
    type Error = InvalidImage;
    fn try_from(text: String) -> Result<Self, InvalidImage> {
        text.parse()
    }
}

impl From<ImageReference> for String {
    fn from(image: ImageReference) -> String {
        image.0
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
