//! `fleetfoot cost`

use std::fmt::Write as _;
use std::ops::Range;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use fleetfoot_model::Timestamp;
use fleetfoot_model::config::Config;
use fleetfoot_model::cost::{CostHint, hints, hour_of, spent};
use fleetfoot_report::cost::{By, CONTROL_PLANE_USD_PER_1000_JOBS, CostRow, rows, together};
use serde_json::json;

use crate::arguments::Format;
use crate::failure::{Failure, OrFail};
use crate::output::{self, Answer};
use crate::place::Location;
use crate::progress::Progress;
use crate::table::{Cell, table};
use crate::text::cut;
use crate::times::Times;
use crate::when::When;

pub(crate) const EXAMPLES: &str = r#"Examples:
  fleetfoot cost                                      the last 7 days by repository
  fleetfoot cost --since 30d --by workflow
  fleetfoot cost --since 2026-11-01 --until 2026-12-01 --csv > november.csv
  fleetfoot cost --since 24h --by class --json | jq '.rows[] | select(.share > 0.5) | .name'
  fleetfoot cost --stack fleetfoot --by day

Costs are list prices of runners by their real size, time and capacity type, with the table of [prices] in
force when each ended. Sums are kept by the hour for 400 days. docs/cost.md says what is in them.

JSON:
  { "since", "until", "by",
    "rows": [ { "name": absent for what has none, "repository": of a workflow, "runners", "jobs",
      "hours", "usd", "share": 0 to 1, "unusedRunners", "unusedUsd" } ],
    "total": as a row, "prices": [ dates of the price tables ],
    "controlPlaneUsd": an estimate, not in the total,
    "hints": [ { "text", "usd": what it would have saved at best } ] }
  Times are RFC 3339 in UTC."#;

/// `--by`
fn by() -> impl TypedValueParser<Value = By> {
    let names = PossibleValuesParser::new(By::ALL.map(By::name));
    names.try_map(|name| By::named(&name).ok_or("costs are not told apart so"))
}

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// From when on: so long ago (`7d`, `24h`), or a date (`2026-11-01`) of your time zone
    #[arg(long, value_name = "TIME", default_value = "7d")]
    since: When,
    /// Until when, excluded; now unless it is given
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
    /// What to tell apart
    #[arg(long, value_name = "BY", default_value = "repository", value_parser = by())]
    by: By,
    /// Comma-separated values with a heading, for a spreadsheet
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Location,
}

/// What is shown.
struct Shown {
    within: Range<Timestamp>,
    by: By,
    rows: Vec<CostRow>,
    total: CostRow,
    prices: Vec<String>,
    hints: Vec<CostHint>,
}

pub(crate) async fn run(args: Args, times: &Times) -> Result<Answer, Failure> {
    let is_until_now = args.until.is_none();
    let until = args.until.map_or(Ok(times.now), |until| until.time(times))?;
    let within = hour_of(args.since.time(times)?)..until;
    if within.start >= within.end {
        let what = if is_until_now { "--since has not come yet" } else { "--until is not after --since" };
        return Err(
            Failure::new(what).hint("both take a time ago, such as 7d, or a date, such as 2026-11-01")
        );
    }
    let place = args.place.open().await?;
    let config = place.config().await?;
    let ledger = place.ledger()?;
    let progress = Progress::waiting("reading what was spent", Format { json: args.json });
    let spent = spent(&*ledger, &config.fleet, within.clone(), times.now);
    let spent = spent.await.or_fail("what was spent cannot be read")?;
    drop(progress);
    let (rows, total) = rows(&spent, args.by, &times.zone);
    let sums = together(&spent);
    let hints = hints(&sums, &config.prices);
    let shown = Shown { within, by: args.by, rows, total, prices: sums.prices.into_iter().collect(), hints };
    if args.json {
        return shown.json();
    }
    if args.csv {
        return Ok(Answer::data(shown.csv()));
    }
    Ok(shown.screen(&config, times))
}

impl Shown {
    fn control_plane_usd(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "jobs are far below 2^53")]
        let jobs = self.total.jobs as f64;
        jobs / 1000.0 * CONTROL_PLANE_USD_PER_1000_JOBS
    }

    fn json(&self) -> Result<Answer, Failure> {
        let answer = json!({
            "since": self.within.start,
            "until": self.within.end,
            "by": self.by,
            "rows": self.rows,
            "total": self.total,
            "prices": self.prices,
            "controlPlaneUsd": self.control_plane_usd(),
            "hints": self.hints,
        });
        Ok(Answer::data(output::json(&answer)?))
    }

    fn csv(&self) -> String {
        // Workflows of several repositories may have one name.
        let is_in_repository = self.by == By::Workflow;
        let mut text =
            heading(self.by).to_lowercase() + ",runners,jobs,hours,usd,share,unused_runners,unused_usd\n";
        if is_in_repository {
            text.insert_str(0, "repository,");
        }
        for row in &self.rows {
            if is_in_repository {
                text.push_str(&field(row.repository.as_deref().unwrap_or_default()));
                text.push(',');
            }
            let _ = writeln!(
                text,
                "{},{},{},{:.4},{:.6},{:.4},{},{:.6}",
                field(row.name.as_deref().unwrap_or_default()),
                row.runners,
                row.jobs,
                row.hours,
                row.usd,
                row.share,
                row.unused_runners,
                row.unused_usd
            );
        }
        text
    }

    fn screen(&self, config: &Config, times: &Times) -> Answer {
        let span = format!("{} to {}", times.date_time(self.within.start), times.date_time(self.within.end));
        if self.rows.is_empty() {
            return Answer::default().note(format!("no runner and no job of the fleet ended from {span}"));
        }
        let heading = [heading(self.by), "RUNNERS", "JOBS", "HOURS", "USD", "SHARE"];
        let rows = self.rows.iter().map(|row| (label(row), row));
        let rows = rows.chain([("total".to_owned(), &self.total)]).map(|(name, row)| line(name, row));
        let prices = match self.prices.as_slice() {
            [] => "nothing was billed".to_owned(),
            dates => format!("list prices of {} in {}", dates.join(", "), config.prices.region),
        };
        let mut answer = Answer::data(table(heading, rows)).note(format!("{span}; {prices}")).note(format!(
            "not in it: the control plane, some {:.4} USD ({CONTROL_PLANE_USD_PER_1000_JOBS} for each 1,000 jobs)",
            self.control_plane_usd()
        ));
        if self.total.unused_runners > 0 {
            let count = self.total.unused_runners;
            let runners = if count == 1 { "runner" } else { "runners" };
            answer = answer
                .note(format!("{count} {runners} ran no job and cost {:.4} USD", self.total.unused_usd));
        }
        self.hints.iter().fold(answer, |answer, hint| answer.note(format!("hint: {}", hint.text)))
    }
}

fn heading(by: By) -> &'static str {
    match by {
        By::Repository => "REPOSITORY",
        By::Workflow => "WORKFLOW",
        By::Class => "CLASS",
        By::Image => "IMAGE",
        By::Arch => "ARCH",
        By::Capacity => "CAPACITY",
        By::Day => "DAY",
    }
}

fn label(row: &CostRow) -> String {
    let name = row.name.as_deref().map_or_else(|| "(none)".to_owned(), |name| cut(name, 50));
    match &row.repository {
        Some(repository) => format!("{} {name}", cut(repository, 40)),
        None => name,
    }
}

fn line(name: String, row: &CostRow) -> [Cell; 6] {
    [
        name.into(),
        row.runners.to_string().into(),
        row.jobs.to_string().into(),
        format!("{:.2}", row.hours).into(),
        format!("{:.4}", row.usd).into(),
        format!("{:.1}%", row.share * 100.0).into(),
    ]
}

/// A field of a line. What a spreadsheet could take for a formula begins with an apostrophe, and what a terminal could obey
/// is escaped: workflows are named by whoever may push.
fn field(text: &str) -> String {
    let text = crate::text::safe(text);
    let text = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text };
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_takes_a_hostile_name_for_text() {
        for (name, shown) in [
            ("CI", "CI"),
            ("a, \"b\"", "\"a, \"\"b\"\"\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("@SUM(A1)", "'@SUM(A1)"),
        ] {
            assert_eq!(field(name), shown);
        }
    }

    #[test]
    fn the_control_plane_costs_what_the_performance_table_says() {
        let told = include_str!("../../../docs/performance.md");
        let row = told.lines().find(|line| line.starts_with("| control plane, 1,000 jobs")).unwrap();
        let measured: f64 = row.split('|').nth(3).unwrap().trim().trim_end_matches(" USD").parse().unwrap();
        assert!((measured - CONTROL_PLANE_USD_PER_1000_JOBS).abs() < 0.001, "{row}");
    }
}
