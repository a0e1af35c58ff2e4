//! What is to be simulated, from the command line.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use fleetfoot_model::SignedDuration;
use fleetfoot_model::config::{self, Config};
use fleetfoot_simulation::files;
use fleetfoot_simulation::plot::{Limit, Limited};
use fleetfoot_simulation::run::{AllFaults, Limits, Scenario};
use fleetfoot_simulation::workload::{Arrival, Named, Oddities, Trace, Workload};
use fleetfoot_stand_in::FaultLevel;

use super::Args;
use crate::arguments::{mistaken, read_config};
use crate::failure::{Failure, OrFail};

/// The configuration of who brings none: no limit of its own binds.
const PLANNING: &str = "\
[github]
organization = \"acme\"
token = \"env:GITHUB_TOKEN\"
webhook_secrets = [\"env:FLEETFOOT_WEBHOOK_SECRET\"]

[images]
allow = [\"ubuntu:*\"]

[classes.small]
cpu = 512
memory = 1024

[limits]
runners = 100000
";
/// Of who does not say how many jobs.
const JOBS: u64 = 200;
/// How long after the last job everything must have settled, beyond what the limits need.
const SETTLES_WITHIN: SignedDuration = SignedDuration::from_hours(8);
/// The longest that is simulated after the last job.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 14);

/// Seeds, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seeds(u64, u64);

impl Seeds {
    pub(crate) fn first(self) -> u64 {
        self.0
    }

    pub(crate) fn all(self) -> std::ops::RangeInclusive<u64> {
        self.0..=self.1
    }
}

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        match (first.parse(), last.parse()) {
            (Ok(first), Ok(last)) if first <= last => Ok(Self(first, last)),
            _ => Err("expected a number, or two such as 1..100, the first not above the second".to_owned()),
        }
    }
}

/// `--faults`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FaultsOf {
    Level(FaultLevel),
    File(PathBuf),
}

impl FromStr for FaultsOf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(text.parse().map_or_else(|_| Self::File(PathBuf::from(text)), Self::Level))
    }
}

impl fmt::Display for FaultsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Level(level) => level.fmt(f),
            Self::File(file) => file.display().fmt(f),
        }
    }
}

/// `--set`
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Setting {
    path: Vec<String>,
    value: toml::Value,
    text: String,
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE, such as limits.runners=50")?;
        let read = |value: &str| format!("it = {value}").parse::<toml::Table>().ok()?.remove("it");
        // What is not TOML is a text without quotes.
        let value = read(value.trim()).unwrap_or_else(|| toml::Value::String(value.trim().to_owned()));
        let path: Vec<String> = key.trim().split('.').map(str::to_owned).collect();
        if path.iter().any(String::is_empty) {
            return Err(format!("{key:?} is no key, expected one such as limits.runners"));
        }
        Ok(Self { path, value, text: text.to_owned() })
    }
}

/// Everything but the seed.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    file: String,
    text: String,
    pub(crate) config: Arc<Config>,
    faults: AllFaults,
    pub(crate) limits: Limits,
    arrival: Arrival,
    oddities: Oddities,
    jobs: u64,
    is_thorough: bool,
}

impl Base {
    pub(crate) fn of(args: &Args) -> Result<Self, Failure> {
        let (file, text) = match &args.config {
            Some(file) => (file.display().to_string(), read_config(file)?),
            None => ("the planning configuration".to_owned(), PLANNING.to_owned()),
        };
        let config = config::load(&file, &text).map_err(|error| mistaken(&error))?;
        let faults = match &args.faults {
            FaultsOf::Level(level) => AllFaults::from(*level),
            FaultsOf::File(file) => files::faults(&read("the faults", file)?)
                .or_fail(format!("the faults in {} cannot be read", file.display()))
                .map_err(|it| {
                    it.hint("--faults is none, some, heavy, or a file; docs/simulation.md shows one")
                })?,
        };
        let limits = match &args.limits {
            Some(file) => files::limits(&read("the limits", file)?)
                .or_fail(format!("the limits in {} cannot be read", file.display()))
                .map_err(|it| it.hint("docs/simulation.md shows a file of limits"))?,
            None => Limits::default(),
        };
        let (arrival, recorded) = match &args.arrival {
            Named::Burst => (Arrival::Burst, None),
            Named::Poisson(rate) => (Arrival::Poisson(*rate), None),
            Named::Trace(file) => {
                let trace = Trace::read(&read("the trace", file)?)
                    .or_fail(format!("the trace in {} cannot be read", file.display()))
                    .map_err(|it| it.hint("docs/simulation.md says what the columns of a trace are"))?;
                let jobs = trace.len() as u64;
                (Arrival::Trace(trace), Some(jobs))
            }
        };
        let is_fair = faults == AllFaults::from(FaultLevel::None);
        Ok(Self {
            file,
            text,
            config: Arc::new(config),
            faults,
            limits,
            arrival,
            oddities: if is_fair { Oddities::NONE } else { Oddities::SOME },
            jobs: args.jobs.or(recorded).unwrap_or(JOBS),
            is_thorough: !is_fair,
        })
    }

    /// The same with some settings of the configuration changed.
    pub(crate) fn with(&self, settings: &[Setting]) -> Result<Self, Failure> {
        let mut table: toml::Table =
            self.text.parse().or_fail(format!("the configuration {} cannot be read", self.file))?;
        for setting in settings {
            set(&mut table, &setting.path, &setting.value).ok_or_else(|| {
                Failure::new(format!("--set {}: that is no section", setting.text))
                    .hint("a key is SECTION.KEY, such as limits.runners; docs/configuration.md explains each")
            })?;
        }
        let text = table.to_string();
        let file = format!("{} with --set", self.file);
        let config = config::load(&file, &text).map_err(|error| mistaken(&error))?;
        Ok(Self { file, text, config: Arc::new(config), ..self.clone() })
    }

    /// How many jobs come in each run.
    pub(crate) fn jobs(&self) -> u64 {
        self.jobs
    }

    pub(crate) fn scenario(&self, seed: u64) -> Scenario {
        let workload = Workload {
            seed,
            arrival: self.arrival.clone(),
            jobs: self.jobs,
            oddities: self.oddities,
            only: None,
        };
        let mut scenario = Scenario {
            seed,
            config: self.config.clone(),
            workload,
            faults: self.faults.clone(),
            limits: self.limits.clone(),
            mutation: None,
            settles_within: SETTLES_WITHIN,
            is_thorough: self.is_thorough,
        };
        let needed = scenario.bounds().last_launch * 2;
        scenario.settles_within = (SETTLES_WITHIN + needed).min(LONGEST);
        scenario
    }

    /// Whether nothing goes wrong, so that the limits alone say what is possible.
    pub(crate) fn is_fair(&self) -> bool {
        !self.is_thorough
    }

    /// The limits that a picture shows.
    pub(crate) fn drawn_limits(&self) -> Vec<Limit> {
        let (github, fargate) = (&self.limits.github, &self.limits.fargate);
        let limit = |name: &str, of, value: f64| Limit { name: name.to_owned(), of, value };
        #[expect(clippy::cast_precision_loss, reason = "counts of runners")]
        let runners = self.config.limits.runners as f64;
        vec![
            limit("[limits] runners", Limited::Runners, runners),
            limit("GitHub's points", Limited::Pace, f64::from(github.points_per_minute) / 5.0),
            limit("Fargate's launches", Limited::Pace, f64::from(fargate.launches_per_second) * 60.0),
        ]
    }
}

fn set(table: &mut toml::Table, path: &[String], value: &toml::Value) -> Option<()> {
    let (first, rest) = path.split_first()?;
    if rest.is_empty() {
        table.insert(first.clone(), value.clone());
        return Some(());
    }
    let section = table.entry(first.clone()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
    set(section.as_table_mut()?, rest, value)
}

fn read(what: &str, file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).or_fail(format!("{what} {} cannot be read", file.display()))
}

/// The command line that plays one seed of this again.
pub(crate) fn command(args: &Args, seed: u64) -> String {
    let mut words = vec!["fleetfoot simulate".to_owned(), format!("--seeds {seed}")];
    let mut add = |name: &str, value: String| words.push(format!("--{name} {value}"));
    if let Some(jobs) = args.jobs {
        add("jobs", jobs.to_string());
    }
    add("arrival", args.arrival.to_string());
    add("faults", args.faults.to_string());
    for (name, file) in [("limits", &args.limits), ("config", &args.config)] {
        if let Some(file) = file {
            add(name, file.display().to_string());
        }
    }
    for setting in &args.set {
        add("set", setting.text.clone());
    }
    words.join(" ")
}
