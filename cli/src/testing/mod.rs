//! Command lines over a fleet in a folder of its own, with everything they answer as one text.

pub(crate) mod commands;
mod costs;
mod doctor;
pub(crate) mod explain;
pub(crate) mod fleet;
mod help;
mod logs;
mod replay;
pub(crate) mod rows;

use std::path::Path;

use clap::{CommandFactory, Parser};
use fleetfoot_local::ledger::SqliteLedger;
use fleetfoot_model::Timestamp;
use fleetfoot_model::ledger::{Ledger, Stored, change};
use fleetfoot_model::record::Record;
use jiff::tz::TimeZone;
use tempfile::TempDir;

pub(crate) use self::commands::assert_documented;
pub(crate) use self::rows::HOSTILE;
use crate::failure::Exit;
use crate::output::{Answer, describe};
use crate::times::Times;
use crate::{Cli, answer};

/// A folder with the state and the configuration of a fleet.
pub(crate) struct World {
    folder: TempDir,
}

/// The moment at which every command line of the tests runs.
pub(crate) fn now() -> Timestamp {
    "2026-11-20T08:10:00Z".parse().unwrap()
}

pub(crate) fn times() -> Times {
    Times { now: now(), zone: TimeZone::get("Europe/Berlin").unwrap() }
}

/// The sample of a fact: `JobQueued` is `events/job-queued.json`.
pub(crate) fn sample(detail_type: &str) -> String {
    let mut name = String::new();
    for letter in detail_type.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    event_file(&format!("{name}.json"))
}

/// A file under `events/`.
pub(crate) fn event_file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a command line answered.
pub(crate) struct Said {
    /// stdout, without colours.
    pub(crate) data: String,
    /// stderr, without colours.
    pub(crate) rest: String,
    /// Whether it is to end with 0.
    pub(crate) succeeded: bool,
}

impl Said {
    /// As a terminal would show it.
    pub(crate) fn screen(&self) -> String {
        let end = if self.succeeded { "" } else { "[exit 1]\n" };
        format!("{}{}{end}", self.data, self.rest)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.rest, "");
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {}", self.data))
    }
}

impl World {
    /// A fleet that was never up: there is a folder, and no state.
    pub(crate) fn without_state() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A fleet without any job.
    pub(crate) fn new() -> Self {
        let world = Self::without_state();
        world.ledger();
        world
    }

    /// A fleet with jobs and runners in every state.
    pub(crate) async fn seeded() -> Self {
        let world = Self::new();
        world.put(rows::all()).await;
        world
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn ledger(&self) -> SqliteLedger {
        SqliteLedger::open(&self.path().join(crate::arguments::DATABASE)).unwrap()
    }

    pub(crate) async fn put(&self, rows: Vec<Record>) {
        let changes = rows.into_iter().map(|row| change(Stored::new(row))).collect();
        self.ledger().commit(changes).await.unwrap();
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Runs a command line. `--state` and `--config` name this world's unless they are given.
    pub(crate) async fn run(&self, line: &str) -> Said {
        let mut words: Vec<String> =
            format!("fleetfoot {line}").split_whitespace().map(str::to_owned).collect();
        let cli = Cli::command();
        let command = words[1..].iter().try_fold(&cli, |at, word| at.find_subcommand(word).ok_or(at));
        let command = command.unwrap_or_else(|last| last);
        let takes =
            |option: &str| command.get_arguments().any(|it| it.get_long() == option.strip_prefix("--"));
        for (option, value) in
            [("--state", self.path().to_owned()), ("--config", self.path().join("fleet.toml"))]
        {
            if takes(option) && !line.contains(option) {
                words.extend([option.to_owned(), value.display().to_string()]);
            }
        }
        let cli = Cli::try_parse_from(words).unwrap_or_else(|usage| panic!("{usage}"));
        let (answer, failure) = match answer(cli.command, &times()).await {
            Ok(answer) => (answer, None),
            Err(failure) => (Answer::default(), Some(failure)),
        };
        let succeeded = failure.is_none() && answer.failures.is_empty() && answer.exit == Exit::Success;
        let notes = answer.notes.iter().map(|note| format!("{note}\n"));
        let failures = answer.failures.iter().chain(&failure).map(describe);
        let rest: String = notes.chain(failures).collect();
        Said { data: self.plain(&answer.data), rest: self.plain(&rest), succeeded }
    }

    /// Without colours, and without this run's folder.
    fn plain(&self, text: &str) -> String {
        let text = anstream::adapter::strip_str(text).to_string();
        text.replace(&self.path().display().to_string(), "[folder]")
    }
}
