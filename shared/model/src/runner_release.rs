//! The release of GitHub's runner that images are made with, and until when GitHub serves it.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{SignedDuration, Timestamp};

/// The file that pins the release, `runner/release.toml`, as it was when this was compiled.
pub const PINNED: &str = include_str!("../../../runner/release.toml");

/// The version in it, such as `2.330.0`.
pub const PINNED_VERSION: &str = quoted(PINNED, "\nversion = \"");

/// For so long after the next release has been published, GitHub sends jobs to a release (GitHub docs, "Self-hosted
/// runners reference", on runners that do not update themselves).
pub const SERVED_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// So long before the end of that people are warned.
pub const WARNED_BEFORE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The text between `begin` and the next quotation mark. A const item has no parser.
///
/// # Panics
/// If it is not there, which ends the compilation.
const fn quoted<'a>(text: &'a str, begin: &str) -> &'a str {
    let (bytes, begin) = (text.as_bytes(), begin.as_bytes());
    let mut at = 0;
    let mut matched = 0;
    while matched < begin.len() {
        assert!(at < bytes.len(), "runner/release.toml has no version");
        matched = if bytes[at] == begin[matched] { matched + 1 } else { (bytes[at] == begin[0]) as usize };
        at += 1;
    }
    let mut end = at;
    while bytes[end] != b'"' {
        end += 1;
    }
    text.split_at(end).0.split_at(at).1
}

/// A version of the runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunnerVersion {
    major: u32,
    minor: u32,
    patch: u32,
}

/// Text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a version such as 2.330.0")]
pub struct InvalidVersion(String);

impl FromStr for RunnerVersion {
    type Err = InvalidVersion;

    /// `2.330.0`, or `v2.330.0` as the release's tag has it.
    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let invalid = || InvalidVersion(text.chars().take(80).collect());
        let number = |text: &str| {
            let is_plain = !text.is_empty() && text.len() <= 9 && text.bytes().all(|it| it.is_ascii_digit());
            is_plain.then(|| text.parse().ok()).flatten().ok_or_else(invalid)
        };
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
        let mut next = || parts.next().ok_or_else(invalid).and_then(number);
        let version = Self { major: next()?, minor: next()?, patch: next()? };
        if parts.next().is_none() { Ok(version) } else { Err(invalid()) }
    }
}

impl fmt::Display for RunnerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { major, minor, patch } = self;
        f.pad(&format!("{major}.{minor}.{patch}"))
    }
}

/// The SHA-256 digests of a release's archives for Linux, 64 lower-case hexadecimal digits each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checksums {
    /// Of `actions-runner-linux-x64-<version>.tar.gz`.
    pub x64: String,
    /// Of `actions-runner-linux-arm64-<version>.tar.gz`.
    pub arm64: String,
}

/// A release that GitHub has published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerRelease {
    /// Its version.
    pub version: RunnerVersion,
    /// When.
    pub published_at: Timestamp,
    /// Of its archives, if the release tells them for both architectures.
    pub checksums: Option<Checksums>,
}

/// What `runner/release.toml` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// Which release.
    pub version: RunnerVersion,
    /// The day it was published, in UTC.
    pub published: Date,
    /// Of its archives.
    pub checksums: Checksums,
}

/// Text that is no pin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPin {
    /// It is not TOML of this form.
    #[error("{0}")]
    Form(String),
    /// The version is none.
    #[error(transparent)]
    Version(#[from] InvalidVersion),
    /// A checksum is none.
    #[error("the checksum for {0} is not 64 lower-case hexadecimal digits")]
    Checksum(&'static str),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    published: Date,
    sha256: Checksums,
}

impl FromStr for Pin {
    type Err = InvalidPin;

    fn from_str(text: &str) -> Result<Self, InvalidPin> {
        let form = |error: toml::de::Error| InvalidPin::Form(error.message().to_owned());
        let File { version, published, sha256 } = toml::from_str(text).map_err(form)?;
        for (arch, digest) in [("x64", &sha256.x64), ("arm64", &sha256.arm64)] {
            if !is_digest(digest) {
                return Err(InvalidPin::Checksum(arch));
            }
        }
        Ok(Self { version: version.parse()?, published, checksums: sha256 })
    }
}

impl Pin {
    /// The text with this pin instead of the one that is there. Its comments stay. None if it is no such file.
    pub fn write_into(&self, text: &str) -> Option<String> {
        let old: Self = text.parse().ok()?;
        let new = text
            .replacen(&format!("\"{}\"", old.version), &format!("\"{}\"", self.version), 1)
            .replacen(&format!("\"{}\"", old.published), &format!("\"{}\"", self.published), 1)
            .replacen(&old.checksums.x64, &self.checksums.x64, 1)
            .replacen(&old.checksums.arm64, &self.checksums.arm64, 1);
        (new.parse().as_ref() == Ok(self)).then_some(new)
    }
}

/// Whether a text is a SHA-256 digest: 64 lower-case hexadecimal digits.
pub fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
}

/// How a release stands among those that are published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The newest release; the pinned one itself if there is none after it.
    pub newest: RunnerVersion,
    /// Until when GitHub serves the pinned one; none while it is the newest.
    pub served_until: Option<Timestamp>,
}

impl Standing {
    /// That of `pinned`.
    pub fn of(pinned: RunnerVersion, releases: &[RunnerRelease]) -> Self {
        let later = || releases.iter().filter(|release| release.version > pinned);
        let newest = later().map(|release| release.version).max().unwrap_or(pinned);
        let next = later().map(|release| release.published_at).min();
        let served_until = next.map(|at| at.checked_add(SERVED_FOR).unwrap_or(Timestamp::MAX));
        Self { newest, served_until }
    }

    /// Whether people are to be warned: GitHub stops serving it within 14 days, or has stopped.
    pub fn is_aging(&self, now: Timestamp) -> bool {
        self.served_until.is_some_and(|until| until.duration_since(now) <= WARNED_BEFORE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(version: &str, day: &str) -> RunnerRelease {
        let published_at = format!("{day}T12:00:00Z").parse().unwrap();
        RunnerRelease { version: version.parse().unwrap(), published_at, checksums: None }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_file_says_what_is_compiled_in() {
        let pin: Pin = PINNED.parse().unwrap();
        assert_eq!(pin.version.to_string(), PINNED_VERSION);
    }

    #[test]
    fn versions_are_compared_by_number_and_nothing_else_is_one() {
        let version = |text: &str| text.parse::<RunnerVersion>();
        assert!(version("2.330.0").unwrap() > version("v2.99.9").unwrap());
        assert!(version("2.330.1").unwrap() > version("2.330.0").unwrap());
        for text in
            ["", "2", "2.330", "2.330.0.1", "2.330.-1", "2.330.+1", "2..0", "2.330.0-rc1", "2.9999999999.0"]
        {
            assert!(version(text).is_err(), "{text}");
        }
    }

    #[test]
    fn github_serves_a_release_for_thirty_days_after_the_next_not_the_newest() {
        let pinned = "2.330.0".parse().unwrap();
        let releases = [
            release("2.332.0", "2026-02-20"),
            release("2.331.0", "2026-01-09"),
            release("2.330.0", "2025-11-19"),
        ];
        let standing = Standing::of(pinned, &releases);
        assert_eq!(standing.newest.to_string(), "2.332.0");
        assert_eq!(standing.served_until, Some(at("2026-02-08T12:00:00Z")));
        assert!(!standing.is_aging(at("2026-01-25T11:59:59Z")));
        assert!(standing.is_aging(at("2026-01-25T12:00:00Z")));
        assert!(standing.is_aging(at("2026-03-01T00:00:00Z")), "one that is served no more is worse");
    }

    #[test]
    fn the_newest_release_does_not_age() {
        let pinned = "2.332.0".parse().unwrap();
        for releases in [vec![], vec![release("2.332.0", "2026-02-20"), release("2.331.0", "2026-01-09")]] {
            let standing = Standing::of(pinned, &releases);
            assert_eq!(standing, Standing { newest: pinned, served_until: None });
            assert!(!standing.is_aging(at("2030-01-01T00:00:00Z")));
        }
    }

    #[test]
    fn a_new_pin_is_written_over_the_old_one_and_comments_stay() {
        let checksums = Checksums { x64: "1".repeat(64), arm64: "2".repeat(64) };
        let pin =
            Pin { version: "2.400.1".parse().unwrap(), published: jiff::civil::date(2026, 12, 1), checksums };
        let text = pin.write_into(PINNED).unwrap();
        assert_eq!(text.parse(), Ok(pin.clone()));
        let comments = |text: &str| text.lines().filter(|it| it.starts_with('#')).count();
        assert_eq!(comments(&text), comments(PINNED));
        assert_eq!(pin.write_into("version = 1"), None);
    }

    #[test]
    fn a_pin_that_cannot_be_right_is_refused() {
        let told = |text: &str| text.parse::<Pin>().unwrap_err().to_string();
        assert!(told("").contains("missing field"), "{}", told(""));
        assert!(told(&PINNED.replace("2.3", "2.x")).contains("is not a version"));
        assert!(told(&PINNED.replacen("x64 = \"", "x64 = \"A", 1)).contains("the checksum for x64 is not"));
        assert!(told(&format!("{PINNED}x86 = \"\"")).contains("unknown field"));
    }
}
