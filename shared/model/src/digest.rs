//! What people are told of a day in the morning after.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use jiff::ToSpan;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cost::{Amounts, Spent, Sums};
use crate::ids::Repository;
use crate::price::usd;
use crate::{SignedDuration, Timestamp};

/// The repositories that are named.
const MOST_REPOSITORIES: usize = 5;
/// The days before that a day is compared with.
const DAYS_BEFORE: i32 = 7;

/// When a digest is told: `09:00 Europe/Berlin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestTime {
    text: String,
    time: Time,
    zone: TimeZone,
}

/// Text that is no time of a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; a digest's time is HH:MM ZONE, such as \"09:00 Europe/Berlin\"")]
pub struct InvalidDigestTime(String);

impl FromStr for DigestTime {
    type Err = InvalidDigestTime;

    fn from_str(text: &str) -> Result<Self, InvalidDigestTime> {
        let (time, zone) = text
            .split_once(' ')
            .ok_or_else(|| InvalidDigestTime("a time and a zone are needed".to_owned()))?;
        let parsed = Time::strptime("%H:%M", time).ok().filter(|_| time.len() == 5);
        let time =
            parsed.ok_or_else(|| InvalidDigestTime(format!("{time:?} is no time from 00:00 to 23:59")))?;
        let zone = TimeZone::get(zone.trim()).map_err(|_| {
            InvalidDigestTime(format!("{:?} is not a time zone of the IANA database", zone.trim()))
        })?;
        Ok(Self { text: text.to_owned(), time, zone })
    }
}

impl fmt::Display for DigestTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl DigestTime {
    /// The day of which is to be told now, if the time of today has come: yesterday. Nothing is told of days before it,
    /// however long nobody asked.
    pub fn due(&self, now: Timestamp) -> Option<DigestDay> {
        let local = now.to_zoned(self.zone.clone());
        if local.time() < self.time {
            return None;
        }
        DigestDay::of(local.date().yesterday().ok()?, &self.zone)
    }
}

/// A day, and those it is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestDay {
    date: Date,
    zone: String,
    /// The day itself.
    pub within: Range<Timestamp>,
    /// The week before it.
    pub before: Range<Timestamp>,
}

impl DigestDay {
    fn of(date: Date, zone: &TimeZone) -> Option<Self> {
        let start = |date: Date| Some(date.to_zoned(zone.clone()).ok()?.start_of_day().ok()?.timestamp());
        let (begins, ends) = (start(date)?, start(date.tomorrow().ok()?)?);
        let week_before = start(date.checked_sub(DAYS_BEFORE.days()).ok()?)?;
        let zone = zone.iana_name().unwrap_or("UTC").to_owned();
        Some(Self { date, zone, within: begins..ends, before: week_before..begins })
    }

    /// Its date, `YYYY-MM-DD`.
    pub fn name(&self) -> String {
        self.date.to_string()
    }
}

/// What a repository cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryCost {
    /// Which; none for what was launched for nobody in particular, such as warm runners that got no job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<Repository>,
    /// How much.
    pub usd: f64,
}

/// A day in numbers. Costs are list prices of runners; the control plane is not in them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Digest {
    /// Which day, `YYYY-MM-DD`.
    pub day: String,
    /// In which time zone it began and ended.
    pub zone: String,
    /// What its runners cost.
    pub usd: f64,
    /// What a day of the seven before cost on average; absent if the fleet is not as old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_usd: Option<f64>,
    /// The dates of the price tables.
    pub prices: Vec<String>,
    /// The most expensive repositories, at most 5.
    pub repositories: Vec<RepositoryCost>,
    /// Runners that ended.
    pub runners: u64,
    /// Their billed hours.
    pub hours: f64,
    /// Jobs that ended on a runner of the fleet.
    pub jobs: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// Jobs that got no runner.
    pub rejected: u64,
    /// Jobs that were given up.
    pub expired: u64,
    /// From queued to started, in seconds: half of the jobs started within.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_to_start_p50_seconds: Option<u64>,
    /// From queued to started, in seconds: 99 of 100 jobs started within.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_to_start_p99_seconds: Option<u64>,
    /// Runners that ran no job.
    pub unused_runners: u64,
    /// What they cost.
    pub unused_usd: f64,
    /// What would save most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Digest {
    /// Of a day, from the hours of it and of the week before.
    pub fn of(day: &DigestDay, spent: &Spent, hint: Option<String>) -> Self {
        let mut sums = Sums::default();
        spent.range(day.within.clone()).for_each(|(_, hour)| sums.merge(hour));
        let total = sums.total();
        Self {
            day: day.name(),
            zone: day.zone.clone(),
            usd: usd(total.micro_usd),
            average_usd: average_usd(day, spent),
            prices: sums.prices.iter().cloned().collect(),
            repositories: most_expensive(&sums),
            runners: total.runners,
            hours: hours(total.seconds),
            jobs: total.jobs,
            failed: total.failed,
            rejected: total.rejected,
            expired: total.expired,
            queue_to_start_p50_seconds: sums.waits.percentile(50),
            queue_to_start_p99_seconds: sums.waits.percentile(99),
            unused_runners: total.unused_runners,
            unused_usd: usd(total.unused_micro_usd),
            hint,
        }
    }

    /// In plain text, a line each, for whatever subscribes to the topic.
    pub fn text(&self) -> String {
        let mut lines = vec![match self.average_usd {
            Some(average) => format!("{:.2} USD, {average:.2} on average of the 7 days before", self.usd),
            None => format!("{:.2} USD", self.usd),
        }];
        let named = |it: &RepositoryCost| {
            let name = it.repository.as_ref().map_or("no repository", Repository::as_str);
            format!("{name} {:.2} USD", it.usd)
        };
        if !self.repositories.is_empty() {
            lines.push(self.repositories.iter().map(named).collect::<Vec<_>>().join(", "));
        }
        lines.push(format!(
            "{} jobs ran, {} of them failed; {} were rejected, {} expired",
            self.jobs, self.failed, self.rejected, self.expired
        ));
        if let (Some(p50), Some(p99)) = (self.queue_to_start_p50_seconds, self.queue_to_start_p99_seconds) {
            lines.push(format!("queued to started: p50 {p50} s, p99 {p99} s"));
        }
        lines.push(format!("{} runners, {:.1} hours", self.runners, self.hours));
        if self.unused_runners > 0 {
            lines.push(format!("{} runners ran no job: {:.2} USD", self.unused_runners, self.unused_usd));
        }
        lines.extend(self.hint.clone());
        lines.join("\n")
    }
}

/// Seconds in hours.
#[expect(clippy::cast_precision_loss, reason = "seconds of runners are far below 2^53")]
pub fn hours(seconds: u64) -> f64 {
    seconds as f64 / 3600.0
}

/// Over the days since the fleet ended its first runner.
fn average_usd(day: &DigestDay, spent: &Spent) -> Option<f64> {
    let before: Vec<_> = spent.range(day.before.clone()).collect();
    let (first, _) = before.first()?;
    let age = day.before.end.duration_since(**first);
    let days = (age.as_secs_f64() / SignedDuration::from_hours(24).as_secs_f64()).ceil().max(1.0);
    let micro_usd: u64 = before.iter().map(|(_, sums)| sums.total().micro_usd).sum();
    Some(usd(micro_usd) / days)
}

fn most_expensive(sums: &Sums) -> Vec<RepositoryCost> {
    let mut costs = std::collections::BTreeMap::<Option<Repository>, Amounts>::new();
    for (group, amounts) in &sums.groups {
        *costs.entry(group.repository.clone()).or_default() += amounts;
    }
    let mut costs: Vec<_> = costs.into_iter().filter(|(_, amounts)| amounts.micro_usd > 0).collect();
    costs.sort_by_key(|(_, amounts)| std::cmp::Reverse(amounts.micro_usd));
    let named = costs.into_iter().take(MOST_REPOSITORIES);
    named.map(|(repository, amounts)| RepositoryCost { repository, usd: usd(amounts.micro_usd) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::{Group, HOUR};

    fn due(time: &str, now: &str) -> Option<DigestDay> {
        time.parse::<DigestTime>().unwrap().due(now.parse().unwrap())
    }

    #[test]
    fn a_digest_is_due_from_its_time_on_and_tells_of_yesterday_in_its_zone() {
        assert_eq!(due("09:00 Europe/Berlin", "2026-11-21T07:59:59Z"), None);
        let day = due("09:00 Europe/Berlin", "2026-11-21T08:00:00Z").unwrap();
        assert_eq!(day.name(), "2026-11-20");
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(day.within, at("2026-11-19T23:00:00Z")..at("2026-11-20T23:00:00Z"));
        assert_eq!(day.before, at("2026-11-12T23:00:00Z")..at("2026-11-19T23:00:00Z"));
        let long = due("09:00 Europe/Berlin", "2026-10-26T12:00:00Z").unwrap();
        assert_eq!(long.within.end.duration_since(long.within.start), SignedDuration::from_hours(25));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, word) in
            [("09:00", "zone"), ("9:00 UTC", "9:00"), ("24:00 UTC", "24:00"), ("09:00 Europe/Berln", "Berln")]
        {
            let error = text.parse::<DigestTime>().unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_day_is_compared_with_the_days_that_there_were() {
        let day = due("09:00 UTC", "2026-11-21T09:00:00Z").unwrap();
        let sums = |repository: &str, micro_usd| {
            let group = Group { repository: Some(repository.parse().unwrap()), ..Group::default() };
            let amounts = Amounts { runners: 1, jobs: 1, micro_usd, ..Amounts::default() };
            Sums { groups: [(group, amounts)].into(), ..Sums::default() }
        };
        let start = day.within.start;
        let mut spent = Spent::from([(start, sums("acme/app", 2_000_000))]);
        let of = |spent: &Spent| Digest::of(&day, spent, None);
        assert_eq!((of(&spent).usd, of(&spent).average_usd), (2.0, None));
        spent.insert(start - HOUR * 30, sums("acme/app", 3_000_000));
        spent.insert(start - HOUR, sums("acme/lib", 1_000_000));
        spent.insert(start + HOUR, sums("acme/lib", 5_000_000));
        spent.insert(day.within.end, sums("acme/lib", 9_000_000));
        let digest = of(&spent);
        assert_eq!((digest.usd, digest.average_usd, digest.jobs), (7.0, Some(2.0), 2));
        assert_eq!((digest.repositories[0].usd, digest.repositories.len()), (5.0, 2));
        assert_eq!(
            digest.text(),
            "7.00 USD, 2.00 on average of the 7 days before\nacme/lib 5.00 USD, acme/app 2.00 USD\n2 jobs ran, 0 of \
             them failed; 0 were rejected, 0 expired\n2 runners, 0.0 hours"
        );
    }
}
