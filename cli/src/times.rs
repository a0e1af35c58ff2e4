//! How times are shown: in the reader's zone, and as spans.

use fleetfoot_model::{SignedDuration, Timestamp};
use jiff::tz::TimeZone;

/// The moment of the command and the reader's zone.
#[derive(Debug, Clone)]
pub(crate) struct Times {
    /// Now.
    pub(crate) now: Timestamp,
    /// The reader's zone.
    pub(crate) zone: TimeZone,
}

impl Times {
    /// `2026-11-21 10:04:13`
    pub(crate) fn date_time(&self, time: Timestamp) -> String {
        self.show(time, "%Y-%m-%d %H:%M:%S")
    }

    /// `2026-11-21 10:04:13 (4m 13s ago)`
    pub(crate) fn date_time_and_age(&self, time: Timestamp) -> String {
        let age = self.now.duration_since(time);
        let relation =
            if age.is_negative() { format!("in {}", span(age)) } else { format!("{} ago", span(age)) };
        format!("{} ({relation})", self.date_time(time))
    }

    /// How long ago it was.
    pub(crate) fn age(&self, time: Timestamp) -> String {
        span(self.now.duration_since(time).max(SignedDuration::ZERO))
    }

    /// The zone, such as `Europe/Berlin`.
    pub(crate) fn zone_name(&self) -> &str {
        match self.zone.iana_name() {
            Some("Etc/UTC") => "UTC",
            Some(name) => name,
            None => "the local zone",
        }
    }

    fn show(&self, time: Timestamp, format: &str) -> String {
        time.to_zoned(self.zone.clone()).strftime(format).to_string()
    }
}

/// `10:04:13`
pub(crate) fn time_of_day(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
}

/// The length of a span, its sign left out: `340ms`, `1.8s`, `42s`, `4m 13s`, `3h 5m`, `2d 4h`.
pub(crate) fn span(span: SignedDuration) -> String {
    let span = span.abs();
    let (seconds, minutes, hours) = (span.as_secs(), span.as_mins(), span.as_hours());
    match seconds {
        0 => format!("{}ms", span.as_millis()),
        1..10 => format!("{}.{}s", seconds, span.subsec_millis() / 100),
        10..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m {}s", seconds % 60),
        3600..172_800 => format!("{hours}h {}m", minutes % 60),
        _ => format!("{}d {}h", hours / 24, hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_shown_in_its_two_largest_units() {
        for (millis, shown) in [
            (0, "0ms"),
            (340, "340ms"),
            (1850, "1.8s"),
            (9999, "9.9s"),
            (-42_000, "42s"),
            (253_000, "4m 13s"),
            (11_100_000, "3h 5m"),
            (187_200_000, "2d 4h"),
        ] {
            assert_eq!(span(SignedDuration::from_millis(millis)), shown);
        }
    }
}
