//! Weekly hours with a time zone: `Mon-Fri 08:00-18:00 Europe/Berlin`.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

use crate::Timestamp;

/// Days, hours and the time zone they are meant in. Hours that end before they begin run over midnight.
#[derive(Debug, Clone)]
pub struct Schedule {
    text: String,
    days: [bool; 7],
    from: Time,
    until: Time,
    zone: TimeZone,
}

/// Text that is not a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; a schedule is DAYS HH:MM-HH:MM ZONE, such as \"Mon-Fri 08:00-18:00 Europe/Berlin\" or \"Sat,Sun 00:00-24:00 UTC\""
)]
pub struct InvalidSchedule(String);

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Schedule {
    /// Whether it is on at a moment.
    pub fn is_on(&self, now: Timestamp) -> bool {
        let local = now.to_zoned(self.zone.clone());
        let (day, time) = (local.weekday(), local.time());
        if self.from <= self.until {
            return self.has(day) && self.from <= time && time < self.until;
        }
        (self.has(day) && self.from <= time) || (self.has(day.previous()) && time < self.until)
    }

    fn has(&self, day: Weekday) -> bool {
        self.days[usize::from(day.to_monday_zero_offset().unsigned_abs())]
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn parse_day(text: &str) -> Result<usize, InvalidSchedule> {
    let wanted = text.to_ascii_lowercase();
    DAYS.iter()
        .position(|day| *day == wanted)
        .ok_or_else(|| InvalidSchedule(format!("{text:?} is not one of Mon Tue Wed Thu Fri Sat Sun")))
}

fn parse_days(text: &str) -> Result<[bool; 7], InvalidSchedule> {
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (parse_day(first)?, parse_day(last)?);
        let length = (last + 7 - first) % 7;
        for offset in 0..=length {
            days[(first + offset) % 7] = true;
        }
    }
    Ok(days)
}

fn parse_time(text: &str) -> Result<Time, InvalidSchedule> {
    if text == "24:00" {
        return Ok(Time::MAX);
    }
    let invalid = || InvalidSchedule(format!("{text:?} is not a time from 00:00 to 24:00"));
    let (hour, minute) = text
        .split_once(':')
        .filter(|(hour, minute)| hour.len() == 2 && minute.len() == 2)
        .ok_or_else(invalid)?;
    let (hour, minute) = (hour.parse().map_err(|_| invalid())?, minute.parse().map_err(|_| invalid())?);
    Time::new(hour, minute, 0, 0).map_err(|_| invalid())
}

impl FromStr for Schedule {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, InvalidSchedule> {
        let parts: Vec<&str> = text.split_whitespace().collect();
        let [days, hours, zone] = parts.as_slice() else {
            return Err(InvalidSchedule(format!("{text:?} has {} parts, not 3", parts.len())));
        };
        let (from, until) =
            hours.split_once('-').ok_or_else(|| InvalidSchedule(format!("{hours:?} has no \"-\"")))?;
        let (from, until) = (parse_time(from)?, parse_time(until)?);
        if from == until {
            return Err(InvalidSchedule(format!("{hours:?} begins when it ends")));
        }
        let zone = TimeZone::get(zone)
            .map_err(|_| InvalidSchedule(format!("{zone:?} is not a time zone of the IANA database")))?;
        Ok(Self { text: text.to_owned(), days: parse_days(days)?, from, until, zone })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn on(schedule: &str, at: &str) -> bool {
        schedule.parse::<Schedule>().unwrap().is_on(at.parse().unwrap())
    }

    #[test]
    fn office_hours_follow_the_zone_through_daylight_saving() {
        let hours = "Mon-Fri 08:00-18:00 Europe/Berlin";
        assert!(on(hours, "2026-07-01T06:00:00Z"));
        assert!(!on(hours, "2026-07-01T05:59:59Z"));
        assert!(!on(hours, "2026-12-01T06:30:00Z"), "in winter 08:00 is 07:00 UTC");
        assert!(on(hours, "2026-12-01T16:59:59Z"));
        assert!(!on(hours, "2026-12-01T17:00:00Z"));
        assert!(!on(hours, "2026-11-21T12:00:00Z"), "a Saturday");
    }

    #[test]
    fn nights_run_over_midnight_and_belong_to_the_day_they_begin_on() {
        let nights = "Fri 22:00-06:00 UTC";
        assert!(on(nights, "2026-11-20T23:00:00Z"));
        assert!(on(nights, "2026-11-21T05:59:00Z"));
        assert!(!on(nights, "2026-11-20T05:59:00Z"));
        assert!(on("Sat,Sun 00:00-24:00 UTC", "2026-11-21T23:59:59Z"));
        assert!(on("Sat-Mon 00:00-24:00 UTC", "2026-11-23T00:00:00Z"));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, word) in [
            ("Mon-Fri 08:00-18:00", "parts"),
            ("Mo-Fr 08:00-18:00 UTC", "Mo"),
            ("Mon 8:00-18:00 UTC", "8:00"),
            ("Mon 08:00-25:00 UTC", "25:00"),
            ("Mon 08:00-08:00 UTC", "begins"),
            ("Mon 08:00-18:00 Europe/Berln", "Berln"),
        ] {
            let error = text.parse::<Schedule>().unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = text.parse::<Schedule>();
        }
    }
}
