//! When jobs come.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use fleetfoot_model::SignedDuration;
use fleetfoot_stand_in::Dice;

use super::trace::Trace;

/// When jobs come.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrival {
    /// All at once.
    Burst,
    /// So many a second on average, each independent of the others.
    Poisson(f64),
    /// As it was once recorded.
    Trace(Trace),
}

/// An arrival as it is written on a command line, the file of a trace unread.
#[derive(Debug, Clone, PartialEq)]
pub enum Named {
    /// `burst`
    Burst,
    /// `poisson:RATE`
    Poisson(f64),
    /// `trace:FILE`
    Trace(PathBuf),
}

/// Not an arrival.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "arrival is burst, poisson:RATE with a rate such as 600/h, 10/min, 2/s or 1000000/d, or trace:FILE; not {0:?}"
)]
pub struct InvalidArrival(String);

impl FromStr for Named {
    type Err = InvalidArrival;

    fn from_str(text: &str) -> Result<Self, InvalidArrival> {
        let refuse = || InvalidArrival(text.chars().take(60).collect());
        match text.split_once(':') {
            None if text == "burst" => Ok(Self::Burst),
            Some(("poisson", rate)) => per_second(rate).map(Self::Poisson).ok_or_else(refuse),
            Some(("trace", file)) if !file.is_empty() => Ok(Self::Trace(PathBuf::from(file))),
            _ => Err(refuse()),
        }
    }
}

fn per_second(rate: &str) -> Option<f64> {
    let (count, unit) = rate.split_once('/')?;
    let seconds = match unit {
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    let count: f64 = count.parse().ok()?;
    (count > 0.0 && count.is_finite()).then_some(count / seconds)
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Burst => f.write_str("burst"),
            Self::Poisson(rate) => write!(f, "poisson:{}/h", (rate * 3_600_000.0).round() / 1000.0),
            Self::Trace(file) => write!(f, "trace:{}", file.display()),
        }
    }
}

impl Arrival {
    /// When each job comes, from the beginning on.
    pub(super) fn times(self, seed: u64, jobs: u64) -> Box<dyn Iterator<Item = SignedDuration> + Send> {
        match self {
            Self::Burst => Box::new((0..jobs).map(|_| SignedDuration::ZERO)),
            Self::Poisson(rate) => {
                let mut dice = Dice::new(seed ^ 0xa771_7a15);
                let mut seconds = 0.0;
                Box::new((0..jobs).map(move |_| {
                    // The gap between two that do not know of each other is distributed exponentially.
                    let fraction = super::fraction(&mut dice).clamp(1e-9, 1.0);
                    seconds -= fraction.ln() / rate;
                    super::rounded(seconds)
                }))
            }
            Self::Trace(trace) => {
                let times: Vec<SignedDuration> = trace.rows().iter().map(|row| row.after).collect();
                Box::new(times.into_iter())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_with_their_units() {
        for (text, rate) in [
            ("poisson:2/s", 2.0),
            ("poisson:600/h", 600.0 / 3600.0),
            ("poisson:86400/d", 1.0),
            ("poisson:1.5/min", 0.025),
        ] {
            assert_eq!(text.parse(), Ok(Named::Poisson(rate)), "{text}");
        }
        for (text, shown) in [
            ("burst", "burst"),
            ("poisson:600/h", "poisson:600/h"),
            ("poisson:2/s", "poisson:7200/h"),
            ("poisson:1000000/d", "poisson:41666.667/h"),
            ("trace:day.csv", "trace:day.csv"),
        ] {
            assert_eq!(text.parse::<Named>().unwrap().to_string(), shown);
        }
        assert_eq!("burst".parse(), Ok(Named::Burst));
        assert_eq!("trace:a.csv".parse(), Ok(Named::Trace("a.csv".into())));
        for text in [
            "",
            "bursts",
            "poisson",
            "poisson:",
            "poisson:3",
            "poisson:-1/s",
            "poisson:x/s",
            "poisson:1/y",
            "trace:",
        ] {
            let error = text.parse::<Named>().unwrap_err().to_string();
            assert!(error.contains(&format!("not {text:?}")), "{error}");
        }
    }

    #[test]
    fn the_rarest_jobs_come_within_a_century_and_none_between_two_milliseconds() {
        let times: Vec<_> = Arrival::Poisson(1e-300).times(1, 3).collect();
        assert_eq!(times, [SignedDuration::from_hours(24 * 36_525); 3]);
        let times = Arrival::Poisson(7.0).times(1, 100);
        assert!(times.into_iter().all(|time| time.subsec_nanos() % 1_000_000 == 0));
    }

    #[test]
    fn a_poisson_day_has_about_as_many_jobs_as_its_rate_says() {
        let times: Vec<_> = Arrival::Poisson(1.0).times(3, 3600).collect();
        assert!(times.is_sorted());
        let last = times.last().map_or(0.0, SignedDuration::as_secs_f64);
        assert!((3300.0..3900.0).contains(&last), "{last}");
        assert_eq!(times, Arrival::Poisson(1.0).times(3, 3600).collect::<Vec<_>>());
        assert_ne!(times, Arrival::Poisson(1.0).times(4, 3600).collect::<Vec<_>>());
    }
}
