//! Ids. Each is a type of its own, parsed once at the edge.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Text that is not a legal id. Says what was found and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {found:?} is not legal: {allowed}")]
pub struct InvalidId {
    /// Which kind of id was expected.
    pub what: &'static str,
    /// The offending text, cut to 80 characters.
    pub found: String,
    /// What would be legal.
    pub allowed: &'static str,
}

impl InvalidId {
    pub(crate) fn new(what: &'static str, found: &str, allowed: &'static str) -> Self {
        Self { what, found: found.chars().take(80).collect(), allowed }
    }
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.parse().map(Self).map_err(|_| InvalidId::new(stringify!($name), text, "a whole number"))
            }
        }
    };
}

// Text that is shared by whoever has the id: rows and events are copied far more often than ids are made.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $allowed:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidId::new(stringify!($name), text, $allowed))
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.as_str().to_owned()
            }
        }
    };
}

number_id!(
    /// GitHub's `workflow_job.id`. A re-run has a new one.
    JobId
);
number_id!(
    /// GitHub's `workflow_run.id`.
    RunId
);
number_id!(
    /// The id GitHub gives a registered runner.
    GithubRunnerId
);
number_id!(
    /// The id of one webhook delivery attempt in GitHub's list of deliveries.
    DeliveryId
);

fn word(text: &str, longest: usize, extra: &str) -> bool {
    (1..=longest).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
}

text_id!(
    /// A class of runner size, as in the label `class:small`.
    ClassName,
    "1 to 32 of a-z 0-9 - _",
    |text| word(text, 32, "-_") && !text.contains(|c: char| c.is_ascii_uppercase())
);
text_id!(
    /// A pool of warm runners.
    PoolName,
    "1 to 20 of a-z 0-9 -",
    |text| word(text, 20, "-") && !text.contains(|c: char| c.is_ascii_uppercase())
);
text_id!(
    /// What a fleet's runner names start with; two fleets in one organization need different ones.
    FleetName,
    "1 to 16 of a-z 0-9",
    |text| word(text, 16, "") && !text.contains(|c: char| c.is_ascii_uppercase())
);
text_id!(
    /// The id of a running task: an ECS task ARN, or a name the local fleet gave.
    TaskId,
    "1 to 256 of A-Z a-z 0-9 - _ : /",
    |text| word(text, 256, "-_:/")
);
text_id!(
    /// The id of a running image build.
    BuildId,
    "1 to 256 of A-Z a-z 0-9 - _ : /",
    |text| word(text, 256, "-_:/")
);
text_id!(
    /// The ARN of an IAM role.
    RoleArn,
    "the ARN of a role, such as arn:aws:iam::123456789012:role/name",
    |text| {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        word(text, 256, "-_:/+=,.@")
            && matches!(parts[..], ["arn", _, "iam", "", account, name]
                if account.len() == 12 && name.len() > 5 && name.starts_with("role/"))
    }
);
text_id!(
    /// What identifies a built image: a digest over all that goes into it, never a sanitized name.
    ImageKey,
    "64 hexadecimal digits",
    |text| text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit())
);
text_id!(
    /// What an `image:` label names, on one architecture: a digest over the normalized reference and the architecture.
    BaseKey,
    "64 hexadecimal digits",
    |text| text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit())
);
text_id!(
    /// The digest of a manifest in a registry.
    ImageDigest,
    "sha256: and 64 lower-case hexadecimal digits",
    |text| text.strip_prefix("sha256:").is_some_and(|digits| {
        digits.len() == 64 && digits.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
    })
);
text_id!(
    /// What people are told of, as its row is found: a digest over what names it.
    NoticeKey,
    "32 hexadecimal digits",
    |text| text.len() == 32 && text.chars().all(|c| c.is_ascii_hexdigit())
);
text_id!(
    /// The id of a channel of Slack's. Names are no ids: they can be changed.
    SlackChannel,
    "the id of a channel, such as C0123456789: at Slack in the channel's details",
    |text| text.starts_with(['C', 'D', 'G'])
        && (9..=32).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
);
text_id!(
    /// A GitHub organization or user.
    Owner,
    "1 to 100 of A-Z a-z 0-9 - _",
    |text| word(text, 100, "-_")
);
text_id!(
    /// A repository, `owner/name`.
    Repository,
    "owner/name, each 1 to 100 of A-Z a-z 0-9 - _ .",
    |text| text
        .split_once('/')
        .is_some_and(|(owner, name)| word(owner, 100, "-_") && word(name, 100, "-_.") && name != "." && name != "..")
);

text_id!(
    /// The hash of a commit, as Git writes it: SHA-1 or SHA-256.
    CommitSha,
    "40 or 64 lower-case hexadecimal digits",
    |text| [40, 64].contains(&text.len())
        && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
);

impl NoticeKey {
    /// The key of what these words name, whatever they are.
    pub fn of(words: &str) -> Self {
        let digest = Sha256::digest(words.as_bytes());
        Self(hex::encode(&digest[..16]).into())
    }
}

impl Repository {
    /// The part before the slash.
    pub fn owner(&self) -> &str {
        self.0.split_once('/').map_or("", |(owner, _)| owner)
    }

    /// The part after the slash.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, name)| name)
    }
}

text_id!(
    /// A runner's name: `ff-<job id>-<launch>` or `ff-pool-<pool>-<n>`. Also RunTask's `clientToken` and `startedBy`,
    /// which allow 64 characters (ECS API reference).
    RunnerName,
    "<fleet>-<job id>-<launch> or <fleet>-pool-<pool>-<n>, at most 64 characters",
    |text| text.len() <= 64 && origin(text).is_some()
);

/// What a runner was launched for, as its name tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The n-th runner launched for a job.
    Job {
        /// The job.
        job: JobId,
        /// Counts from 1.
        launch: u32,
    },
    /// The n-th runner of a pool.
    Pool {
        /// The pool.
        pool: PoolName,
        /// Counts from 1.
        sequence: u64,
    },
}

fn origin(text: &str) -> Option<Origin> {
    let (fleet, rest) = text.split_once('-')?;
    fleet.parse::<FleetName>().ok()?;
    let (subject, number) = rest.rsplit_once('-')?;
    match subject.strip_prefix("pool-") {
        Some(pool) => Some(Origin::Pool { pool: pool.parse().ok()?, sequence: number.parse().ok()? }),
        None => Some(Origin::Job { job: subject.parse().ok()?, launch: number.parse().ok()? }),
    }
}

impl RunnerName {
    /// The name of the n-th runner launched for a job.
    pub fn for_job(fleet: &FleetName, job: JobId, launch: u32) -> Self {
        Self(format!("{fleet}-{job}-{launch}").into())
    }

    /// The name of the n-th runner of a pool.
    pub fn for_pool(fleet: &FleetName, pool: &PoolName, sequence: u64) -> Self {
        Self(format!("{fleet}-pool-{pool}-{sequence}").into())
    }

    /// What it was launched for.
    ///
    /// # Panics
    /// Never: a name is only made from text that has an origin.
    pub fn origin(&self) -> Origin {
        origin(&self.0).expect("a runner name has an origin")
    }

    /// Whether this fleet made it.
    pub fn belongs_to(&self, fleet: &FleetName) -> bool {
        self.0.split_once('-').is_some_and(|(prefix, _)| prefix == fleet.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runner_name_tells_what_it_was_launched_for() {
        let name: RunnerName = "ff-123-2".parse().unwrap();
        assert_eq!(name.origin(), Origin::Job { job: JobId(123), launch: 2 });
        let name: RunnerName = "ff-pool-night-shift-7".parse().unwrap();
        assert_eq!(name.origin(), Origin::Pool { pool: "night-shift".parse().unwrap(), sequence: 7 });
        assert!(name.belongs_to(&"ff".parse().unwrap()));
        assert!(!name.belongs_to(&"gg".parse().unwrap()));
    }

    #[test]
    fn a_commit_is_named_by_its_whole_hash() {
        for good in ["0".repeat(40), "16c5286e8d9a0629956a28938386b36608707a71".to_owned(), "f".repeat(64)] {
            assert_eq!(good.parse::<CommitSha>().unwrap().as_str(), good);
        }
        for bad in ["", "main", "16c5286", "../../16c5286e8d9a0629956a28938386b36608707a", &"G".repeat(40)] {
            assert!(bad.parse::<CommitSha>().is_err(), "{bad:?}");
        }
        for length in [39, 41, 63, 65] {
            assert!("0".repeat(length).parse::<CommitSha>().is_err(), "{length}");
        }
    }

    #[test]
    fn hostile_names_are_refused() {
        for bad in [
            "",
            "ff",
            "ff-",
            "ff-1",
            "ff--1",
            "ff-1-x",
            "ff-pool--1",
            "../ff-1-1",
            "ff-1-1\n",
            "FF-1-1",
            "GitHub Actions 5",
        ] {
            assert!(bad.parse::<RunnerName>().is_err(), "{bad:?}");
        }
        for bad in ["acme", "acme/", "/app", "acme/..", "acme/a b", "a/b/c", "acme/a\u{0}"] {
            assert!(bad.parse::<Repository>().is_err(), "{bad:?}");
        }
    }
}
