//! What a runner is to be: parsed once from a job's labels, then carried as a value.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{ClassName, InvalidId};
use crate::image::ImageReference;

/// A `runs-on` label. GitHub compares labels without regard to case, and so does this type.
#[derive(Debug, Clone, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Label(Arc<str>);

impl Label {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Label {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Label {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let legal = (1..=256).contains(&text.len()) && !text.chars().any(char::is_control);
        legal
            .then(|| Self(text.into()))
            .ok_or_else(|| InvalidId::new("label", text, "1 to 256 bytes without control characters"))
    }
}

impl TryFrom<String> for Label {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<Label> for String {
    fn from(label: Label) -> String {
        label.as_str().to_owned()
    }
}

/// GitHub's rule for who may run what: a runner may get a job when its labels cover all of the job's.
pub fn covers(runner: &[Label], job: &[Label]) -> bool {
    job.iter().all(|label| runner.contains(label))
}

/// Processor architecture, named as GitHub's runner labels name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// x86-64.
    X64,
    /// 64-bit ARM.
    Arm64,
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::X64 => "x64",
            Self::Arm64 => "arm64",
        })
    }
}

impl FromStr for Arch {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text {
            "x64" => Ok(Self::X64),
            "arm64" => Ok(Self::Arm64),
            other => Err(InvalidId::new("arch", other, "x64 or arm64")),
        }
    }
}

/// How the task's capacity is bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Capacity {
    /// Fargate.
    OnDemand,
    /// Fargate Spot: cheaper, may be interrupted with a warning of two minutes.
    Spot,
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::OnDemand => "on-demand",
            Self::Spot => "spot",
        })
    }
}

/// What a runner is to be, with every default resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// The class by name; its size below is the class's at the time of parsing.
    pub class: ClassName,
    /// Fargate CPU units, 1024 to a vCPU.
    pub cpu: u32,
    /// Memory.
    pub memory_mib: u32,
    /// Ephemeral storage, 20 to 200.
    pub disk_gib: u32,
    /// Architecture.
    pub arch: Arch,
    /// Spot or on demand.
    pub capacity: Capacity,
    /// The base image, or the fleet's default image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageReference>,
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({} CPU units, {} MiB, {} GiB, {}, {})",
            self.class, self.cpu, self.memory_mib, self.disk_gib, self.arch, self.capacity
        )?;
        match &self.image {
            Some(image) => write!(f, " on {image}"),
            None => Ok(()),
        }
    }
}
