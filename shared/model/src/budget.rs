//! How much of the budget is spent, and when people are told.

use std::ops::Range;

use jiff::ToSpan;
use jiff::tz::TimeZone;

use crate::Timestamp;
use crate::config::BudgetConfig;
use crate::price::usd;

/// A month or a day of UTC, as AWS bills, with a budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Period {
    /// `2026-11` or `2026-11-21`.
    pub name: String,
    /// From when to when.
    pub within: Range<Timestamp>,
    /// Its budget.
    pub budget_usd: f64,
}

/// The periods that have a budget and that it is now.
pub fn periods(config: &BudgetConfig, now: Timestamp) -> Vec<Period> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let span = |first: jiff::civil::Date, length: jiff::Span| {
        let start = |date: jiff::civil::Date| Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp());
        Some(start(first)?..start(first.checked_add(length).ok()?)?)
    };
    let month = config.monthly_usd.and_then(|budget_usd| {
        let within = span(today.first_of_month(), 1.month())?;
        Some(Period { name: today.strftime("%Y-%m").to_string(), within, budget_usd })
    });
    let day = config.daily_usd.and_then(|budget_usd| {
        Some(Period { name: today.to_string(), within: span(today, 1.day())?, budget_usd })
    });
    month.into_iter().chain(day).collect()
}

impl Period {
    /// The highest of these percentages that is reached.
    pub fn reached(&self, micro_usd: u64, alert_percent: &[u32]) -> Option<u32> {
        let percent = usd(micro_usd) / self.budget_usd * 100.0;
        alert_percent.iter().copied().filter(|alert| f64::from(*alert) <= percent).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_and_days_are_those_of_utc() {
        let config =
            BudgetConfig { monthly_usd: Some(100.0), daily_usd: Some(5.0), alert_percent: vec![50, 80, 100] };
        let found = periods(&config, "2026-12-31T23:59:59Z".parse().unwrap());
        let shown: Vec<String> = found
            .iter()
            .map(|it| format!("{} {} {} {}", it.name, it.within.start, it.within.end, it.budget_usd))
            .collect();
        assert_eq!(
            shown,
            [
                "2026-12 2026-12-01T00:00:00Z 2027-01-01T00:00:00Z 100",
                "2026-12-31 2026-12-31T00:00:00Z 2027-01-01T00:00:00Z 5"
            ]
        );
    }

    #[test]
    fn the_highest_percentage_that_is_reached_is_told() {
        let config = BudgetConfig { monthly_usd: Some(10.0), daily_usd: None, alert_percent: Vec::new() };
        let month = periods(&config, Timestamp::UNIX_EPOCH).remove(0);
        for (micro_usd, reached) in [
            (0, None),
            (4_999_999, None),
            (5_000_000, Some(50)),
            (9_000_000, Some(80)),
            (99_000_000, Some(100)),
        ] {
            assert_eq!(month.reached(micro_usd, &[50, 80, 100]), reached, "{micro_usd}");
        }
    }
}
