//! `--since 7d`, `--since 2026-11-01`

use std::str::FromStr;

use fleetfoot_model::{SignedDuration, Timestamp};
use jiff::civil::Date;

use crate::times::Times;

/// A moment as the command line names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Moment {
    /// So long ago.
    Ago(SignedDuration),
    /// The beginning of a day in the reader's zone.
    Day(Date),
    /// A time.
    At(Timestamp),
}

impl Moment {
    /// When that is.
    pub(crate) fn at(&self, times: &Times) -> Timestamp {
        match self {
            Self::Ago(span) => times.now.checked_sub(*span).unwrap_or(Timestamp::MIN),
            // A date that no zone has, at the end of time, is as late as it gets.
            Self::Day(date) => {
                date.to_zoned(times.zone.clone()).map_or(Timestamp::MAX, |zoned| zoned.timestamp())
            }
            Self::At(time) => *time,
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(span) = ago(text) {
            return Ok(Self::Ago(span));
        }
        if let Ok(date) = text.parse::<Date>() {
            // A date is also the beginning of a time, which says more.
            return Ok(text.parse().map_or(Self::Day(date), Self::At));
        }
        Err("a time ago such as 90m, 24h, 7d or 4w, a date such as 2026-11-01, or a time such as \
             2026-11-01T08:00:00Z"
            .to_owned())
    }
}

fn ago(text: &str) -> Option<SignedDuration> {
    let unit = text.chars().next_back()?;
    let count: u32 = text[..text.len() - unit.len_utf8()].parse().ok()?;
    let minutes = match unit {
        'm' => 1,
        'h' => 60,
        'd' => 24 * 60,
        'w' => 7 * 24 * 60,
        _ => return None,
    };
    Some(SignedDuration::from_mins(i64::from(count) * minutes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::times;

    #[test]
    fn moments_are_ago_days_of_the_readers_zone_or_times() {
        for (text, at) in [
            ("90m", "2026-11-20T06:40:00Z"),
            ("7d", "2026-11-13T08:10:00Z"),
            ("2026-11-01", "2026-10-31T23:00:00Z"),
            ("2026-11-01T08:00:00Z", "2026-11-01T08:00:00Z"),
        ] {
            assert_eq!(text.parse::<Moment>().unwrap().at(&times()).to_string(), at, "{text}");
        }
        for wrong in ["", "d", "7", "7y", "-1d", "yesterday", "2026-13-01", "99999999999d", "é"] {
            assert!(wrong.parse::<Moment>().is_err(), "{wrong}");
        }
    }
}
