//! How much goes wrong, in one word.

use std::fmt;
use std::str::FromStr;

/// A preset of faults, for a command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FaultLevel {
    /// Nothing goes wrong.
    #[default]
    None,
    /// What a bad week brings.
    Some,
    /// Far worse than anything seen.
    Heavy,
}

/// Not a preset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("faults are none, some or heavy, not {0:?}")]
pub struct UnknownLevel(String);

impl fmt::Display for FaultLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Some => "some",
            Self::Heavy => "heavy",
        })
    }
}

impl FromStr for FaultLevel {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        match text {
            "none" => Ok(Self::None),
            "some" => Ok(Self::Some),
            "heavy" => Ok(Self::Heavy),
            other => Err(UnknownLevel(other.chars().take(40).collect())),
        }
    }
}

/// Makes a set of faults with `NONE`, `SOME` and `HEAVY` nameable by a level, and by its word.
macro_rules! nameable_by_level {
    ($faults:ty) => {
        impl From<$crate::FaultLevel> for $faults {
            fn from(level: $crate::FaultLevel) -> Self {
                match level {
                    $crate::FaultLevel::None => Self::NONE,
                    $crate::FaultLevel::Some => Self::SOME,
                    $crate::FaultLevel::Heavy => Self::HEAVY,
                }
            }
        }

        impl std::str::FromStr for $faults {
            type Err = $crate::UnknownLevel;

            fn from_str(text: &str) -> Result<Self, $crate::UnknownLevel> {
                text.parse::<$crate::FaultLevel>().map(Self::from)
            }
        }
    };
}

pub(crate) use nameable_by_level;
