//! Reading lists of jobs and runners from the ledger.

use std::collections::BTreeMap;
use std::sync::Arc;

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::RunnerName;
use fleetfoot_model::job::Job;
use fleetfoot_model::ledger::{Ledger, LedgerError, Stored};
use fleetfoot_model::record::{Index, Record};
use fleetfoot_model::runner::Runner;
use serde::Serialize;
use serde_json::json;

use crate::arguments::Format;
use crate::failure::{Failure, OrFail};
use crate::output::{self, Answer};
use crate::place::InRows;

/// What a list shows, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Also those that have ended, newest first; they are kept for 7 days
    #[arg(long)]
    all: bool,
    /// Show this many at most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    #[command(flatten)]
    pub(crate) place: InRows,
    #[command(flatten)]
    format: Format,
}

/// A list, and whether there is more.
#[derive(Debug)]
pub(crate) struct Listed<T> {
    pub(crate) rows: Vec<T>,
    is_cut: bool,
}

impl<T> Listed<T> {
    /// The answer to `fleetfoot THINGS list`.
    pub(crate) fn answer<'a, View: Serialize + From<&'a T>>(
        &'a self,
        things: &str,
        args: &ListArgs,
        table: String,
    ) -> Result<Answer, Failure> {
        if args.format.json {
            let rows: Vec<View> = self.rows.iter().map(View::from).collect();
            return Ok(Answer::data(output::json(&json!({ things: rows, "isCut": self.is_cut }))?));
        }
        let answer = Answer::data(table);
        Ok(match self.rows.len() {
            0 if args.all => answer.note(format!("there were no {things} in the last 7 days")),
            0 => answer.note(format!("there are no {things} now; --all lists those that have ended, too")),
            _ if self.is_cut => {
                answer.note(format!("there are more; --limit shows more than {}", args.limit))
            }
            _ => answer,
        })
    }
}

/// Jobs: open ones, oldest first, then the ended ones.
pub(crate) async fn jobs(ledger: &dyn Ledger, args: &ListArgs) -> Result<Listed<Job>, Failure> {
    list(ledger, args, job, |job| (job.description.created_at, job.id()), Job::is_open).await
}

/// Runners: open ones, oldest first, then those of which nothing is left.
pub(crate) async fn runners(ledger: &dyn Ledger, args: &ListArgs) -> Result<Listed<Runner>, Failure> {
    list(ledger, args, runner, place_of, |runner| !runner.is_settled()).await
}

/// Every live runner, oldest first.
pub(crate) async fn live_runners(ledger: &dyn Ledger) -> Result<Vec<Runner>, LedgerError> {
    // One that moves on between two lists is in both.
    let mut found = BTreeMap::new();
    for index in [Index::Unmatched, Index::Active] {
        let rows = of_index(ledger, index, usize::MAX, runner).await?;
        found.extend(rows.into_iter().map(|row| (place_of(&row), row)));
    }
    Ok(found.into_values().filter(Runner::is_live).collect())
}

fn place_of(runner: &Runner) -> (Timestamp, RunnerName) {
    (runner.reserved_at, runner.name.clone())
}

/// The job that a row is.
pub(crate) fn job(row: Record) -> Option<Job> {
    match row {
        Record::Job(job) => Some(Arc::unwrap_or_clone(job)),
        _ => None,
    }
}

/// The runner that a row is.
pub(crate) fn runner(row: Record) -> Option<Runner> {
    match row {
        Record::Runner(runner) => Some(Arc::unwrap_or_clone(runner)),
        _ => None,
    }
}

async fn list<T, K: Ord>(
    ledger: &dyn Ledger,
    args: &ListArgs,
    pick: impl Fn(Record) -> Option<T> + Copy,
    key: impl Fn(&T) -> K,
    is_open: impl Fn(&T) -> bool,
) -> Result<Listed<T>, Failure> {
    let limit = args.limit as usize;
    let read = async {
        // What moves on between two lists is in both: what it became is told.
        let mut found: BTreeMap<K, T> = BTreeMap::new();
        for index in [Index::Unmatched, Index::Active] {
            let rows = of_index(ledger, index, limit + 1, pick).await?;
            found.extend(rows.into_iter().map(|row| (key(&row), row)));
        }
        let mut ended = Vec::new();
        if args.all && found.len() <= limit {
            ended = of_index(ledger, Index::Ended, limit + 1 - found.len(), pick).await?;
            for row in &ended {
                found.remove(&key(row));
            }
        }
        // A job has ended even if GitHub is still to be told something of it.
        let (mut rows, mut unsettled): (Vec<T>, Vec<T>) = found.into_values().partition(&is_open);
        if args.all {
            rows.append(&mut unsettled);
            rows.append(&mut ended);
        }
        Ok::<Vec<T>, LedgerError>(rows)
    };
    let mut rows = read.await.or_fail("the fleet's rows cannot be read")?;
    let is_cut = rows.len() > limit;
    rows.truncate(limit);
    Ok(Listed { rows, is_cut })
}

/// The first rows of one kind. An index holds several kinds, so more of it is read until there are enough.
pub(crate) async fn of_index<T>(
    ledger: &dyn Ledger,
    index: Index,
    limit: usize,
    pick: impl Fn(Record) -> Option<T>,
) -> Result<Vec<T>, LedgerError> {
    let mut read = limit.saturating_mul(2);
    loop {
        let rows = ledger.list(index, read).await?;
        let is_whole = rows.len() < read;
        let mut picked: Vec<T> = rows.into_iter().filter_map(|Stored { value, .. }| pick(value)).collect();
        if is_whole || picked.len() >= limit {
            picked.truncate(limit);
            return Ok(picked);
        }
        read = read.saturating_mul(2);
    }
}
