//! Releases of GitHub's runner.

use fleetfoot_model::Timestamp;
use fleetfoot_model::ports::GitHubError;
use fleetfoot_model::runner_release::{Checksums, RunnerRelease, is_digest};
use serde::Deserialize;

use crate::wire::{Answer, Call};

/// How many releases are looked at, newest first: those of more than a year.
const RELEASES: usize = 30;

#[derive(Deserialize)]
struct Entry {
    tag_name: String,
    #[serde(default)]
    draft: bool,
    #[serde(default)]
    prerelease: bool,
    #[serde(default)]
    published_at: Option<Timestamp>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    assets: Vec<Asset>,
}

#[derive(Deserialize)]
struct Asset {
    name: String,
    /// `sha256:` and the digits; assets from before 2025 have none.
    #[serde(default)]
    digest: Option<String>,
}

/// What to ask. Anybody may.
pub(crate) fn call() -> Call {
    Call::get("repos/actions/runner/releases".to_owned()).query("per_page", RELEASES.to_string())
}

/// The published releases in an answer. Drafts, previews and what has no version are left out.
pub(crate) fn read(answer: &Answer) -> Result<Vec<RunnerRelease>, GitHubError> {
    let entries: Vec<Entry> = answer.read(&call())?;
    Ok(entries.iter().filter_map(release).collect())
}

fn release(entry: &Entry) -> Option<RunnerRelease> {
    if entry.draft || entry.prerelease {
        return None;
    }
    let version = entry.tag_name.parse().ok()?;
    let checksum =
        |arch: &str| checksum(entry, arch, &format!("actions-runner-linux-{arch}-{version}.tar.gz"));
    let checksums = checksum("x64").zip(checksum("arm64")).map(|(x64, arm64)| Checksums { x64, arm64 });
    Some(RunnerRelease { version, published_at: entry.published_at?, checksums })
}

/// GitHub's own digest of the archive, else the one in the release's notes. None if the two differ.
fn checksum(entry: &Entry, arch: &str, archive: &str) -> Option<String> {
    let asset = entry.assets.iter().find(|asset| asset.name == archive);
    let own = asset.and_then(|asset| asset.digest.as_deref()?.strip_prefix("sha256:"));
    let noted = entry.body.as_deref().and_then(|notes| noted(notes, arch));
    match (own, noted) {
        (Some(own), Some(noted)) if own != noted => None,
        (own, noted) => own.or(noted).filter(|digest| is_digest(digest)).map(str::to_owned),
    }
}

/// `<!-- BEGIN SHA linux-x64 -->digits<!-- END SHA linux-x64 -->` (actions/runner, `releaseNote.md`).
fn noted<'a>(notes: &'a str, arch: &str) -> Option<&'a str> {
    let (_, rest) = notes.split_once(&format!("<!-- BEGIN SHA linux-{arch} -->"))?;
    rest.split_once("<!-- END SHA").map(|(digest, _)| digest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};
    use serde_json::{Value, json};

    fn read_all(body: &str) -> Result<Vec<RunnerRelease>, GitHubError> {
        read(&Answer { status: StatusCode::OK, headers: HeaderMap::new(), body: body.as_bytes().to_vec() })
    }

    fn one(assets: &Value, body: &Value) -> Option<Checksums> {
        let entry = json!({ "tag_name": "v2.337.0", "published_at": "2026-09-01T10:00:00Z", "assets": assets,
            "body": body });
        read_all(&json!([entry]).to_string()).unwrap().remove(0).checksums
    }

    fn asset(arch: &str, digit: &str) -> Value {
        let digest = format!("sha256:{}", digit.repeat(64));
        json!({ "name": format!("actions-runner-linux-{arch}-2.337.0.tar.gz"), "digest": digest })
    }

    fn note(arch: &str, digit: &str) -> String {
        let digest = digit.repeat(64);
        format!("- archive <!-- BEGIN SHA linux-{arch} -->{digest}<!-- END SHA linux-{arch} -->\n")
    }

    #[test]
    fn checksums_are_githubs_own_or_those_of_the_notes_and_never_two_different_ones() {
        let both = Checksums { x64: "1".repeat(64), arm64: "2".repeat(64) };
        let notes = format!("{}{}", note("x64", "1"), note("arm64", "2"));
        assert_eq!(one(&json!([asset("x64", "1"), asset("arm64", "2")]), &Value::Null), Some(both.clone()));
        assert_eq!(one(&json!([]), &json!(notes)), Some(both.clone()));
        assert_eq!(one(&json!([asset("x64", "1")]), &json!(notes)), Some(both));
        assert_eq!(one(&json!([asset("x64", "3"), asset("arm64", "2")]), &json!(notes)), None);
        assert_eq!(one(&json!([asset("x64", "1")]), &Value::Null), None);
        assert_eq!(one(&json!([asset("x64", "g"), asset("arm64", "2")]), &Value::Null), None);
        assert_eq!(one(&json!([]), &json!("<!-- BEGIN SHA linux-x64 --><LINUX_X64_SHA>")), None);
    }

    #[test]
    fn only_what_is_published_is_a_release() {
        let at = "2026-09-01T10:00:00Z";
        let entries = json!([
            { "tag_name": "v2.340.0", "published_at": at, "draft": true },
            { "tag_name": "v2.339.0", "published_at": at, "prerelease": true },
            { "tag_name": "v2.338.0", "published_at": null },
            { "tag_name": "nightly", "published_at": at },
            { "tag_name": "v2.337.0", "published_at": at, "body": null },
        ]);
        let releases = read_all(&entries.to_string()).unwrap();
        assert_eq!(releases.iter().map(|it| it.version.to_string()).collect::<Vec<_>>(), ["2.337.0"]);
        for malformed in ["", "{}", "[{}]", "<html>"] {
            assert!(matches!(read_all(malformed), Err(GitHubError::Unavailable(_))), "{malformed}");
        }
    }
}
