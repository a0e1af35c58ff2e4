//! The grammar of references, and what they leave out.

use std::net::Ipv4Addr;

use super::invalid::shown;
use super::location::{DOCKER_HUB, OFFICIAL};
use super::{InvalidImage, LONGEST_REFERENCE, Location, Selector};

/// Algorithms by which a digest is told from a password.
const OTHER_ALGORITHMS: [&str; 6] = ["sha512", "sha384", "sha1", "md5", "blake3", "multihash"];
/// The longest part of a host name (RFC 1035, 2.3.4).
const LONGEST_LABEL: usize = 63;

/// Whether text is a reference.
pub(super) fn check(text: &str) -> Result<(), InvalidImage> {
    if text.is_empty() {
        return Err(InvalidImage::Empty);
    }
    let rest = check_digest(text)?;
    if text.len() > LONGEST_REFERENCE {
        return Err(InvalidImage::TooLong(text.len()));
    }
    check_scheme(rest)?;
    if rest.contains('[') {
        return Err(InvalidImage::Ipv6);
    }
    let (name, tag) = split_tag(rest);
    if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
        return Err(InvalidImage::Tag(shown(tag)));
    }
    let (registry, path) = split_registry(name);
    if let Some(registry) = registry {
        check_registry(registry)?;
    }
    check_path(path)?;
    // A reference that is spelled out is one, too: whoever is given it reads it with this very parser.
    match spelled_out(text).to_string().len() {
        0..=LONGEST_REFERENCE => Ok(()),
        bytes => Err(InvalidImage::TooLong(bytes)),
    }
}

/// The parts of a reference.
pub(super) fn spelled_out(text: &str) -> Location {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (text, None),
    };
    let (name, tag) = split_tag(rest);
    let (registry, path) = split_registry(name);
    let registry = match registry.map(str::to_ascii_lowercase) {
        // The old name of Docker Hub, which Docker reads the same way.
        Some(old) if old == "index.docker.io" => DOCKER_HUB.to_owned(),
        Some(registry) => registry,
        None => DOCKER_HUB.to_owned(),
    };
    let official = registry == DOCKER_HUB && !path.contains('/');
    Location {
        repository: if official { format!("{OFFICIAL}{path}") } else { path.to_owned() },
        registry,
        selector: match digest {
            Some(digest) => Selector::Digest(digest.to_owned()),
            None => Selector::Tag(tag.unwrap_or("latest").to_owned()),
        },
    }
}

/// That text does not begin like an address.
pub(super) fn check_scheme(text: &str) -> Result<(), InvalidImage> {
    match text.split_once("://") {
        Some((scheme, _)) => Err(InvalidImage::Scheme(shown(&format!("{scheme}://")))),
        None => Ok(()),
    }
}

/// What stands before the digest.
pub(super) fn check_digest(text: &str) -> Result<&str, InvalidImage> {
    // The last one: a password may hold an @ too.
    let Some((rest, digest)) = text.rsplit_once('@') else { return Ok(text) };
    let (algorithm, digits) = digest.split_once(':').unwrap_or((digest, ""));
    let known = algorithm == "sha256" || OTHER_ALGORITHMS.contains(&algorithm);
    if !known || digits.contains('/') || rest.contains('@') {
        return Err(InvalidImage::Credentials);
    }
    if algorithm != "sha256" {
        return Err(InvalidImage::Algorithm(algorithm.to_owned()));
    }
    if digits.len() != 64 || !digits.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c)) {
        return Err(InvalidImage::Digest { found: digits.chars().count() });
    }
    Ok(rest)
}

fn split_tag(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (text, None),
    }
}

fn split_registry(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((registry, path)) if is_registry(registry) => (Some(registry), path),
        _ => (None, name),
    }
}

/// Whether the first part of a name is a registry and not an owner at Docker Hub.
pub(super) fn is_registry(text: &str) -> bool {
    text.eq_ignore_ascii_case("localhost") || text.contains(['.', ':'])
}

/// Whether text is a host with an optional port.
pub(super) fn check_registry(text: &str) -> Result<(), InvalidImage> {
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    if let Some(port) = port {
        // Hexadecimal digits and more colons.
        if port.contains(':') {
            return Err(InvalidImage::Ipv6);
        }
        let digits = port.chars().all(|c| c.is_ascii_digit()) && !port.starts_with('0');
        if !digits || port.parse::<u16>().is_err() {
            return Err(InvalidImage::Port(shown(port)));
        }
    }
    let is_label = |part: &str| {
        (1..=LONGEST_LABEL).contains(&part.len())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    if !host.split('.').all(is_label) {
        return Err(InvalidImage::Registry(shown(text)));
    }
    if host.parse().is_ok_and(is_nobodys) {
        return Err(InvalidImage::Address(host.to_owned()));
    }
    Ok(())
}

/// Addresses where no registry is. The machine's own services, credentials among them, are on link-local ones.
fn is_nobodys(address: Ipv4Addr) -> bool {
    address.is_link_local() || address.is_unspecified() || address.is_multicast() || address.is_broadcast()
}

/// Whether text is parts that are joined by slashes.
pub(super) fn check_path(path: &str) -> Result<(), InvalidImage> {
    match path.split('/').find(|part| !is_component(part)) {
        None => Ok(()),
        Some(_) if path.to_ascii_lowercase().split('/').all(is_component) => {
            Err(InvalidImage::UpperCase(shown(path)))
        }
        Some(part) => Err(InvalidImage::Name(shown(part))),
    }
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

fn is_tag(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
        && !text.starts_with(['.', '-'])
}
