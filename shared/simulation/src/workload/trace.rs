//! A recorded workload: a table with a line for each job.

use std::sync::Arc;

use csv::StringRecord;
use fleetfoot_model::ids::Repository;
use fleetfoot_model::spec::Label;
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_stand_in::github::JobOrder;

use super::Coming;

const COLUMNS: [&str; 4] = ["at", "repository", "labels", "run_seconds"];
const OPTIONAL: &str = "cancel_after_seconds";
/// The longest time that a trace may say: three years. What is longer is a mistake.
const MOST_SECONDS: f64 = 1e8;

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

/// Where a column is, in the order of [`COLUMNS`], and the optional one.
struct Header {
    columns: usize,
    required: [usize; 4],
    cancel: Option<usize>,
}

/// When a job comes.
#[derive(Clone, Copy)]
enum When {
    Since(SignedDuration),
    At(Timestamp),
}

impl Trace {
    /// Reads comma-separated values, quoted or not, with a header that names the columns `at`, `repository`, `labels`,
    /// `run_seconds` and, if wanted, `cancel_after_seconds`, in any order. `at` is in seconds from the beginning, or a
    /// time as in RFC 3339, of which the earliest is the beginning; labels are separated by spaces; an empty
    /// `cancel_after_seconds` means never.
    ///
    /// # Errors
    /// The first line that cannot be read, with what was found and what is allowed.
    pub fn read(text: &str) -> Result<Self, InvalidTrace> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let mut records = reader.records().map(|record| match record {
            Ok(record) => Ok((line_of(&record, text), record)),
            Err(error) => Err(InvalidTrace { line: 1, what: error.to_string() }),
        });
        let (line, header) = records.next().transpose()?.unwrap_or((1, StringRecord::new()));
        let header = Header::read(&header).map_err(|what| InvalidTrace { line, what })?;
        let mut read = Vec::new();
        for record in records {
            let (line, record) = record?;
            let (when, order) = row(&record, &header).map_err(|what| InvalidTrace { line, what })?;
            read.push((line, when, order));
        }
        if read.is_empty() {
            return Err(InvalidTrace { line, what: "no job follows the header".to_owned() });
        }
        let earliest = read.iter().filter_map(|(_, when, _)| when.time()).min();
        let mut rows = Vec::with_capacity(read.len());
        for (line, when, order) in read {
            let after = when.after(earliest).map_err(|what| InvalidTrace { line, what })?;
            rows.push(Coming { after, order });
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

impl Header {
    fn read(header: &StringRecord) -> Result<Self, String> {
        let found = || header.iter().collect::<Vec<_>>().join(",");
        let expected = || format!("expected {:?}, perhaps with {OPTIONAL:?}", COLUMNS.join(","));
        let known = |name: &&str| COLUMNS.contains(name) || *name == OPTIONAL;
        let place = |name| header.iter().position(|column| column == name);
        let required = COLUMNS.map(place);
        let is_twice = header.iter().enumerate().any(|(n, name)| place(name) != Some(n));
        match required {
            [Some(at), Some(repository), Some(labels), Some(run)]
                if !is_twice && header.iter().all(|it| known(&it)) =>
            {
                let required = [at, repository, labels, run];
                Ok(Self { columns: header.len(), required, cancel: place(OPTIONAL) })
            }
            _ => Err(format!("the header is {:?}, {}", found(), expected())),
        }
    }
}

impl When {
    fn time(self) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(at),
            Self::Since(_) => None,
        }
    }

    fn after(self, earliest: Option<Timestamp>) -> Result<SignedDuration, String> {
        match (self, earliest) {
            (Self::Since(after), _) => Ok(after),
            (Self::At(at), earliest) => {
                let earliest = earliest.unwrap_or(at);
                let after = at.duration_since(earliest);
                let is_near = after.as_secs_f64() <= MOST_SECONDS;
                is_near.then_some(after).ok_or_else(|| {
                    format!(
                        "at is {at}, expected at most {MOST_SECONDS} seconds after the earliest, {earliest}"
                    )
                })
            }
        }
    }
}

/// On which line a record begins. Blank lines before it are skipped by the reader, but not counted.
fn line_of(record: &StringRecord, text: &str) -> usize {
    let Some(position) = record.position() else { return 1 };
    let byte = usize::try_from(position.byte()).unwrap_or(0);
    let rest = text.as_bytes().get(byte..).unwrap_or_default();
    let blank =
        rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).filter(|byte| **byte == b'\n').count();
    usize::try_from(position.line()).unwrap_or(1) + blank
}

fn row(record: &StringRecord, header: &Header) -> Result<(When, JobOrder), String> {
    if record.len() != header.columns {
        return Err(format!("{} columns, expected {}", record.len(), header.columns));
    }
    let [at, repository, labels, run] = header.required.map(|column| record.get(column).unwrap_or_default());
    let repository: Repository =
        repository.parse().map_err(|error| format!("repository is {repository:?}: {error}"))?;
    let label = |label: &str| label.parse().map_err(|error| format!("labels has {label:?}: {error}"));
    let labels: Vec<Label> = labels.split_whitespace().map(label).collect::<Result<_, _>>()?;
    if labels.is_empty() {
        return Err("labels is empty, expected labels separated by spaces".to_owned());
    }
    let mut order = JobOrder::new(repository, labels);
    order.run_for = seconds(COLUMNS[3], run)?;
    let cancel = header.cancel.and_then(|column| record.get(column)).filter(|cell| !cell.is_empty());
    order.cancel_after = cancel.map(|cell| seconds(OPTIONAL, cell)).transpose()?;
    Ok((when(at)?, order))
}

fn when(cell: &str) -> Result<When, String> {
    if let Ok(at) = cell.parse() {
        return Ok(When::At(at));
    }
    let after = seconds(COLUMNS[0], cell);
    after.map(When::Since).map_err(|error| format!("{error}, or a time such as 2026-11-23T09:00:00Z"))
}

fn seconds(column: &str, cell: &str) -> Result<SignedDuration, String> {
    let seconds: Option<f64> = cell.parse().ok().filter(|seconds| (0.0..=MOST_SECONDS).contains(seconds));
    seconds
        .and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| format!("{column} is {cell:?}, expected seconds from 0 to {MOST_SECONDS}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_read_in_the_order_of_time() {
        let text = "at,repository,labels,run_seconds,cancel_after_seconds\n\
                    2026-11-23T09:02:00Z,acme/lib,self-hosted,90.5,10\n\
                    2026-11-23T10:00:00+01:00,acme/app,self-hosted class:small,60,\n\n\
                    30,acme/app,self-hosted,1,\n";
        let trace = Trace::read(text).unwrap();
        assert_eq!((trace.len(), trace.is_empty()), (3, false));
        let seconds: Vec<_> = trace.rows().iter().map(|row| row.after.as_secs()).collect();
        assert_eq!(seconds, [0, 30, 120]);
        assert_eq!(trace.rows()[0].order.labels.len(), 2);
        assert_eq!(trace.rows()[0].order.cancel_after, None);
        assert_eq!(trace.rows()[2].order.cancel_after, Some(SignedDuration::from_secs(10)));
        assert_eq!(trace.rows()[2].order.run_for, SignedDuration::from_millis(90_500));
    }

    #[test]
    fn spreadsheets_and_tools_may_quote_move_columns_and_end_lines_as_they_do() {
        let text = "\u{feff}\"run_seconds\", labels ,\"repository\",\"at\"\r\n\
                    \"20\",\"self-hosted  spot\",\"acme/app\",\"1.5\"\r\n";
        let trace = Trace::read(text).unwrap();
        let Coming { after, order } = &trace.rows()[0];
        assert_eq!((*after, order.run_for.as_secs()), (SignedDuration::from_millis(1500), 20));
        assert_eq!((order.repository.as_str(), order.labels.len()), ("acme/app", 2));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line_its_column_and_what_is_allowed() {
        let header = "at,repository,labels,run_seconds";
        for (text, expected) in [
            (
                String::new(),
                "line 1: the header is \"\", expected \"at,repository,labels,run_seconds\", perhaps with",
            ),
            ("\nat,repo,labels,run_seconds\n".into(), "line 2: the header is \"at,repo,"),
            (format!("{header},at\n"), "line 1: the header is \"at,repository,labels,run_seconds,at\""),
            (format!("{header}\n"), "line 1: no job follows the header"),
            (format!("{header}\n0,acme/app,a\n"), "line 2: 3 columns, expected 4"),
            (format!("{header}\n0,acme,a,1\n"), "line 2: repository is \"acme\":"),
            (format!("{header}\n0,acme/app, ,1\n"), "line 2: labels is empty, expected"),
            (
                format!("{header}\nsoon,acme/app,a,1\n"),
                "line 2: at is \"soon\", expected seconds from 0 to 100000000, or",
            ),
            (
                format!("{header}\n\n\n0,acme/app,a,1\n\n0,acme/app,a,-1\n"),
                "line 6: run_seconds is \"-1\", expected",
            ),
            (format!("{header}\r\n\r\n0,acme/app,a,NaN\r\n"), "line 3: run_seconds is \"NaN\", expected"),
            (
                format!("{header}\n9000-01-01T00:00:00Z,acme/app,a,1\n2026-11-23T09:00:00Z,acme/app,a,1\n"),
                "line 2: at is 9000-01-01T00:00:00Z, expected at most 100000000 seconds after the earliest, 2026-",
            ),
        ] {
            let error = Trace::read(&text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        let named = format!("{header},{OPTIONAL}\n0,acme/app,a,1,later\n");
        let error = Trace::read(&named).unwrap_err().to_string();
        assert!(error.starts_with("line 2: cancel_after_seconds is \"later\", expected seconds"), "{error}");
    }
}
