//! Times on the command line: one way to write them for every `--since` and `--until`.

use std::str::FromStr;

use fleetfoot_model::{SignedDuration, Timestamp};
use jiff::civil::DateTime;
use jiff::{Span, SpanRelativeTo};

use crate::failure::Failure;
use crate::times::Times;

const ALLOWED: &str = "how long ago it was, such as 90m, 24h, 7d or `1h 30m`, a date such as 2026-11-21, or a time such as \
                       2026-11-21T08:00:00Z, is allowed";

/// A time, or how long ago it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// A time.
    At(Timestamp),
    /// A date, which is its beginning, or a time without a zone: the reader's zone is meant.
    Local(DateTime),
    /// So long ago; a day has 24 hours.
    Ago(SignedDuration),
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(time) = text.parse() {
            return Ok(Self::At(time));
        }
        if let Ok(local) = text.parse() {
            return Ok(Self::Local(local));
        }
        // Months and years have no length of their own.
        let span: Result<Span, _> = text.parse();
        let ago = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()));
        ago.map(|ago| Self::Ago(ago.abs())).map_err(|_| ALLOWED.to_owned())
    }
}

impl When {
    /// The time that is meant.
    pub(crate) fn time(self, times: &Times) -> Result<Timestamp, Failure> {
        let time = match self {
            Self::At(time) => return Ok(time),
            Self::Local(local) => local.to_zoned(times.zone.clone()).map(|zoned| zoned.timestamp()),
            Self::Ago(ago) => times.now.checked_sub(ago),
        };
        time.map_err(|error| {
            Failure::new("a time is too far away").because(&error).hint("name one that is nearer to now")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::times;

    #[test]
    fn times_are_absolute_of_the_readers_zone_or_ago() {
        for (text, at) in [
            ("90m", "2026-11-20T06:40:00Z"),
            ("7d", "2026-11-13T08:10:00Z"),
            ("4w", "2026-10-23T08:10:00Z"),
            ("23h 30m", "2026-11-19T08:40:00Z"),
            ("1 hour ago", "2026-11-20T07:10:00Z"),
            ("2026-11-01", "2026-10-31T23:00:00Z"),
            ("2026-11-01T08:00", "2026-11-01T07:00:00Z"),
            ("2026-11-01T08:00:00Z", "2026-11-01T08:00:00Z"),
            ("2026-11-01T08:00:00+05:00", "2026-11-01T03:00:00Z"),
        ] {
            let when: When = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(when.time(&times()).unwrap().to_string(), at, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for wrong in ["", "d", "7", "7y", "2 months", "yesterday", "2026-13-01", "99999999999d", "é"] {
            assert_eq!(wrong.parse::<When>(), Err(ALLOWED.to_owned()), "{wrong}");
        }
        let far: When = "5000000d".parse().unwrap();
        assert!(far.time(&times()).is_err(), "before all times");
    }
}
