//! A recorded workload: a table with a line for each job.

use std::sync::Arc;

use fleetfoot_model::ids::Repository;
use fleetfoot_model::spec::Label;
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_stand_in::github::JobOrder;

use super::Coming;

const COLUMNS: [&str; 4] = ["at", "repository", "labels", "run_seconds"];
const OPTIONAL: &str = "cancel_after_seconds";

/// A recorded workload, in the order of time.
#[derive(Debug, Clone)]
pub struct Trace(Arc<Vec<Coming>>);

impl PartialEq for Trace {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Why a recorded workload cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct InvalidTrace {
    /// Counted from 1.
    pub line: usize,
    /// What was found and what is allowed.
    pub what: String,
}

impl Trace {
    /// Reads comma-separated values with the header `at,repository,labels,run_seconds` and, if wanted, a fifth column
    /// `cancel_after_seconds`. `at` is in seconds from the beginning or a time as in RFC 3339; labels are separated by
    /// spaces.
    ///
    /// # Errors
    /// The first line that cannot be read, with what is allowed.
    pub fn read(text: &str) -> Result<Self, InvalidTrace> {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let header = lines.next().map_or("", |(_, line)| line);
        let names: Vec<&str> = header.split(',').map(str::trim).collect();
        if names != COLUMNS && names != [&COLUMNS[..], &[OPTIONAL]].concat() {
            let what = format!("the header is {header:?}, expected {:?}, perhaps with {OPTIONAL:?}", COLUMNS.join(","));
            return Err(InvalidTrace { line: 1, what });
        }
        let mut first = None;
        let mut rows = Vec::new();
        for (index, line) in lines {
            let row = row(line, names.len(), &mut first).map_err(|what| InvalidTrace { line: index + 1, what })?;
            rows.push(row);
        }
        rows.sort_by_key(|row| row.after);
        Ok(Self(Arc::new(rows)))
    }

    pub(super) fn rows(&self) -> &Arc<Vec<Coming>> {
        &self.0
    }

    /// How many jobs it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn row(line: &str, columns: usize, first: &mut Option<Timestamp>) -> Result<Coming, String> {
    let cells: Vec<&str> = line.split(',').map(str::trim).collect();
    if cells.len() != columns {
        return Err(format!("{} columns, expected {columns}", cells.len()));
    }
    let repository: Repository =
        cells[1].parse().map_err(|error| format!("repository {:?}: {error}", cells[1]))?;
    let labels: Result<Vec<Label>, String> = cells[2]
        .split_whitespace()
        .map(|label| label.parse().map_err(|error| format!("label {label:?}: {error}")))
        .collect();
    let mut order = JobOrder::new(repository, labels?);
    order.run_for = seconds("run_seconds", cells[3])?;
    if let Some(cell) = cells.get(4).filter(|cell| !cell.is_empty()) {
        order.cancel_after = Some(seconds(OPTIONAL, cell)?);
    }
    Ok(Coming { after: after(cells[0], first)?, order })
}

fn after(cell: &str, first: &mut Option<Timestamp>) -> Result<SignedDuration, String> {
    if let Ok(at) = cell.parse::<Timestamp>() {
        return Ok(at.duration_since(*first.get_or_insert(at)).max(SignedDuration::ZERO));
    }
    seconds("at", cell).map_err(|error| format!("{error}, or a time such as 2026-11-23T09:00:00Z"))
}

fn seconds(column: &str, cell: &str) -> Result<SignedDuration, String> {
    let seconds: Option<f64> = cell.parse().ok().filter(|seconds| (0.0..=1e8).contains(seconds));
    seconds
        .and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| format!("{column} is {cell:?}, expected seconds from 0 to 100000000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_read_in_the_order_of_time() {
        let text = "at,repository,labels,run_seconds,cancel_after_seconds\n\
                    2026-11-23T09:00:00Z,acme/app,self-hosted class:small,60,\n\
                    2026-11-23T09:02:00Z,acme/lib,self-hosted,90.5,10\n\n\
                    30,acme/app,self-hosted,1,\n";
        let trace = Trace::read(text).unwrap();
        let seconds: Vec<_> = trace.rows().iter().map(|row| row.after.as_secs()).collect();
        assert_eq!(seconds, [0, 30, 120]);
        assert_eq!(trace.rows()[2].order.cancel_after, Some(SignedDuration::from_secs(10)));
        assert_eq!(trace.rows()[2].order.run_for, SignedDuration::from_millis(90_500));
        assert_eq!(trace.rows()[0].order.labels.len(), 2);
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line_and_what_is_allowed() {
        for (text, expected) in [
            ("", "line 1: the header is \"\", expected \"at,repository,labels,run_seconds\""),
            ("at,repo,labels,run_seconds\n", "line 1: the header is \"at,repo,"),
            ("at,repository,labels,run_seconds\n0,acme/app,a\n", "line 2: 3 columns, expected 4"),
            ("at,repository,labels,run_seconds\n0,acme,a,1\n", "line 2: repository \"acme\":"),
            ("at,repository,labels,run_seconds\nsoon,acme/app,a,1\n", "line 2: at is \"soon\", expected seconds"),
            ("at,repository,labels,run_seconds\n\n0,acme/app,a,-1\n", "line 3: run_seconds is \"-1\", expected seconds"),
        ] {
            let error = Trace::read(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
