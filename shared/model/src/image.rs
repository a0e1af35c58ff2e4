//! Container image references, as they come from an `image:` label: hostile until parsed.

use std::fmt;
use std::str::FromStr;

use globset::GlobMatcher;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest reference that is read, in bytes.
pub const LONGEST_REFERENCE: usize = 200;

/// A well-formed reference `[registry[:port]/]path[:tag][@sha256:digest]`, as it was written.
/// The grammar is the distribution project's reference grammar, with the length bounded and without user names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct ImageReference(String);

/// Why text is no image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidImage {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// Over [`LONGEST_REFERENCE`].
    #[error("it has {0} bytes, {LONGEST_REFERENCE} are allowed")]
    TooLong(usize),
    /// A user name or password before an `@`.
    #[error("it carries credentials")]
    Credentials,
    /// The part after `@`.
    #[error("its digest is not sha256: and 64 lower-case hexadecimal digits")]
    Digest,
    /// The part after the last `:`.
    #[error("its tag is not 1 to 128 of A-Z a-z 0-9 _ . - beginning with a letter, digit or _")]
    Tag,
    /// The registry or the path.
    #[error("its name is not lower-case words joined by / with an optional registry in front")]
    Name,
}

impl ImageReference {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// With registry, namespace, and tag or digest spelled out: `ubuntu` is `docker.io/library/ubuntu:latest`.
    pub fn normalized(&self) -> String {
        let (rest, digest) = match self.0.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (self.0.as_str(), None),
        };
        let (name, tag) = split_tag(rest);
        let full = match name.split_once('/') {
            Some((registry, _)) if is_registry(registry) => name.to_owned(),
            Some(_) => format!("docker.io/{name}"),
            None => format!("docker.io/library/{name}"),
        };
        match (tag, digest) {
            (_, Some(digest)) => format!("{full}@{digest}"),
            (Some(tag), None) => format!("{full}:{tag}"),
            (None, None) => format!("{full}:latest"),
        }
    }

    /// Whether an allow-list pattern allows it: as written, with `:latest` added, or normalized.
    pub fn is_allowed_by(&self, pattern: &GlobMatcher) -> bool {
        let tagged = format!("{}:latest", self.0);
        pattern.is_match(&self.0)
            || (self.has_neither_tag_nor_digest() && pattern.is_match(tagged))
            || pattern.is_match(self.normalized())
    }

    fn has_neither_tag_nor_digest(&self) -> bool {
        !self.0.contains('@') && split_tag(&self.0).1.is_none()
    }
}

fn split_tag(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (text, None),
    }
}

fn is_registry(text: &str) -> bool {
    text == "localhost" || text.contains('.') || text.contains(':')
}

fn lower_or_digit(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn is_component(text: &str) -> bool {
    let edges = text.starts_with(lower_or_digit) && text.ends_with(lower_or_digit);
    edges
        && text.chars().all(|c| lower_or_digit(c) || "._-".contains(c))
        && !["..", "___", "._", "_.", "-.", ".-", "-_", "_-"].iter().any(|bad| text.contains(bad))
}

fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "443"));
    let legal_port = (1..=5).contains(&port.len()) && port.chars().all(|c| c.is_ascii_digit());
    legal_port
        && host.split('.').all(|part| {
            !part.is_empty()
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
                && !part.starts_with('-')
                && !part.ends_with('-')
        })
}

fn is_tag(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
        && !text.starts_with(['.', '-'])
}

impl FromStr for ImageReference {
    type Err = InvalidImage;

    fn from_str(text: &str) -> Result<Self, InvalidImage> {
        if text.is_empty() {
            return Err(InvalidImage::Empty);
        }
        if text.len() > LONGEST_REFERENCE {
            return Err(InvalidImage::TooLong(text.len()));
        }
        let rest = match text.split_once('@') {
            None => text,
            Some((rest, digest)) => {
                let Some(hexadecimal) = digest.strip_prefix("sha256:") else {
                    let credentials = digest.contains('/') || rest.contains("//");
                    return Err(if credentials { InvalidImage::Credentials } else { InvalidImage::Digest });
                };
                if hexadecimal.len() != 64
                    || !hexadecimal.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
                {
                    return Err(InvalidImage::Digest);
                }
                rest
            }
        };
        let (name, tag) = split_tag(rest);
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(InvalidImage::Tag);
        }
        let path = match name.split_once('/') {
            Some((registry, path)) if is_registry(registry) => {
                if !is_host(registry) {
                    return Err(InvalidImage::Name);
                }
                path
            }
            _ => name,
        };
        if !path.split('/').all(is_component) {
            return Err(InvalidImage::Name);
        }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn references_are_normalized_the_way_docker_does() {
        for (written, full) in [
            ("ubuntu", "docker.io/library/ubuntu:latest"),
            ("ubuntu:22.04", "docker.io/library/ubuntu:22.04"),
            ("acme/app:1", "docker.io/acme/app:1"),
            ("localhost:5000/app", "localhost:5000/app:latest"),
            ("public.ecr.aws/docker/library/ruby:3.2", "public.ecr.aws/docker/library/ruby:3.2"),
        ] {
            assert_eq!(written.parse::<ImageReference>().unwrap().normalized(), full);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, wrong) in [
            ("", InvalidImage::Empty),
            ("user:password@registry.example/app", InvalidImage::Credentials),
            ("ubuntu@sha256:12", InvalidImage::Digest),
            ("ubuntu:", InvalidImage::Tag),
            ("ubuntu:-x", InvalidImage::Tag),
            ("Ubuntu", InvalidImage::Name),
            ("ubuntu;rm -rf", InvalidImage::Name),
            ("a//b", InvalidImage::Name),
            ("../etc", InvalidImage::Name),
            ("$(id)", InvalidImage::Name),
        ] {
            assert_eq!(text.parse::<ImageReference>().unwrap_err(), wrong, "{text:?}");
        }
        assert_eq!("a".repeat(201).parse::<ImageReference>().unwrap_err(), InvalidImage::TooLong(201));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_parses_is_safe_to_show(text in "\\PC{0,220}") {
            if let Ok(image) = text.parse::<ImageReference>() {
                prop_assert!(image.as_str().chars().all(|c| c.is_ascii_alphanumeric() || "._-/:@".contains(c)));
                prop_assert!(image.normalized().parse::<ImageReference>().is_ok() || image.as_str().len() > 150);
            }
        }
    }
}
