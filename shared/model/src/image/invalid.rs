//! What is wrong with text that is no image reference: what was found, what is allowed, what to do.

use super::LONGEST_REFERENCE;

/// How much of an offending part is shown.
const LONGEST_SHOWN: usize = 40;

/// Why text is no image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidImage {
    /// Nothing there.
    #[error("it is empty; name an image, such as ubuntu:24.04")]
    Empty,
    /// Over [`LONGEST_REFERENCE`].
    #[error(
        "it has {0} bytes with registry and tag spelled out, {LONGEST_REFERENCE} are allowed; shorten the name or the tag"
    )]
    TooLong(usize),
    /// Something before an `@` that is followed by no digest. Never shown: it may be a password.
    #[error(
        "what stands around its @ (not shown) is taken for a user name and a password, which everybody can read in a \
         label; leave them out (a digest is written @sha256: and 64 hexadecimal digits)"
    )]
    Credentials,
    /// Begins with `https://` or the like.
    #[error("it begins with {0}; write the name without it, such as ghcr.io/acme/app:1")]
    Scheme(String),
    /// A digest of another algorithm.
    #[error(
        "its digest is of the algorithm {0}, which is not supported; use the sha256: digest of the image"
    )]
    Algorithm(String),
    /// The part after `@sha256:`.
    #[error(
        "its digest has {found} characters after sha256:, allowed are 64 of 0-9 and a-f; copy it from the registry"
    )]
    Digest {
        /// How many there are.
        found: usize,
    },
    /// The part after the last `:`.
    #[error(
        "its tag \"{0}\" is not 1 to 128 of A-Z a-z 0-9 _ . - beginning with a letter, a digit or _; correct it or leave \
         it out for latest"
    )]
    Tag(String),
    /// An IPv6 address as registry.
    #[error("its registry is an IPv6 address, which is not supported; give the registry a host name")]
    Ipv6,
    /// The port of the registry.
    #[error("its registry has the port \"{0}\", allowed are 1 to 65535 without leading zeros; correct it")]
    Port(String),
    /// The registry.
    #[error(
        "its registry \"{0}\" is no host name; allowed are parts of A-Z a-z 0-9 - joined by dots, at most 63 characters \
         each, such as ghcr.io"
    )]
    Registry(String),
    /// An address at which no registry can be, such as that of the machine's metadata.
    #[error("its registry is the address {0}, which is no registry's; name a registry, such as ghcr.io")]
    Address(String),
    /// A name in upper case, which is not legal after the registry.
    #[error(
        "its name \"{0}\" has upper-case letters, which only registry and tag may have; write it in lower case"
    )]
    UpperCase(String),
    /// A part of the path.
    #[error(
        "the part \"{0}\" of its name is not a-z and 0-9, joined within by one of . _ __ or by -; parts are joined by /, \
         such as ghcr.io/acme/app"
    )]
    Name(String),
}

/// An offending part, cut and in one line of ASCII.
pub(super) fn shown(part: &str) -> String {
    let escaped: String = part.escape_default().take(LONGEST_SHOWN + 1).collect();
    if escaped.len() <= LONGEST_SHOWN {
        return escaped;
    }
    format!("{}...", &escaped[..LONGEST_SHOWN])
}
