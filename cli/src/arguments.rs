//! Arguments that several commands share, and what they lead to.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use fleetfoot_local::database::Database;
use fleetfoot_local::ledger::SqliteLedger;
use fleetfoot_model::config::{self, Config, ConfigError};
use url::Url;

use crate::failure::{Failure, OrFail};

/// The file in the fleet's folder that holds rows, counters and events.
pub(crate) const DATABASE: &str = "fleet.db";

/// The file in it that `up` holds.
const LOCK: &str = "up.lock";

/// `--state`
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct State {
    /// The folder in which the fleet keeps its state
    #[arg(
        long,
        value_name = "DIR",
        env = "FLEETFOOT_STATE",
        default_value = ".fleetfoot",
        hide_env_values = true
    )]
    pub(crate) state: PathBuf,
}

impl State {
    /// The store of a fleet that is there. `up` may be using it meanwhile.
    pub(crate) fn database(&self) -> Result<Database, Failure> {
        let file = self.state.join(DATABASE);
        let here = self.state.display();
        match std::fs::metadata(&file) {
            Ok(found) if found.is_file() => {}
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                return Err(Failure::new(format!("the state of the fleet in {here} cannot be read"))
                    .because(&error)
                    .hint("it belongs to the user who runs `fleetfoot up`: ask as that user"));
            }
            _ => {
                return Err(Failure::new(format!("there is no fleet in {here}")).hint(
                    "`fleetfoot up` makes one; --state or FLEETFOOT_STATE names the folder of another",
                ));
            }
        }
        Database::open_existing(&file).map_err(|error| {
            Failure::new(format!("the state of the fleet in {here} cannot be opened"))
                .hint(format!(
                    "if its {DATABASE} is none of a fleet, name another folder with --state; else a copy of it has to \
                     take its place"
                ))
                .because(&error)
        })
    }

    /// Whether `up` runs: it holds its lock for as long as it lives.
    pub(crate) fn is_up(&self) -> bool {
        let Ok(file) = std::fs::File::open(self.state.join(LOCK)) else { return false };
        matches!(file.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock))
    }

    /// The rows of a fleet that is there.
    pub(crate) fn ledger(&self) -> Result<SqliteLedger, Failure> {
        SqliteLedger::new(self.database()?)
            .or_fail(format!("the state of the fleet in {} cannot be read", self.state.display()))
    }
}

/// `--config`
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Configuration {
    /// The fleet's configuration
    #[arg(
        long,
        value_name = "FILE",
        env = "FLEETFOOT_CONFIG",
        default_value = "fleet.toml",
        hide_env_values = true
    )]
    pub(crate) config: PathBuf,
}

impl Configuration {
    /// Its text, whatever is in it.
    pub(crate) fn text(&self) -> Result<String, Failure> {
        read_config(&self.config)
            .map_err(|failure| failure.hint("--config or FLEETFOOT_CONFIG names another file"))
    }

    /// Reads and checks it. Every mistake is told at once.
    pub(crate) fn load(&self) -> Result<Config, Failure> {
        let file = self.config.display().to_string();
        let text = self.text()?;
        config::load(&file, &text).map_err(|error| mistaken(&error))
    }

    /// Where relative `file:` secrets are looked for.
    pub(crate) fn folder(&self) -> &Path {
        self.config.parent().unwrap_or(Path::new("."))
    }
}

/// The text of a configuration.
pub(crate) fn read_config(file: &Path) -> Result<String, Failure> {
    let what = format!("the configuration {} cannot be read", file.display());
    std::fs::read_to_string(file).map_err(|error| {
        Failure::new(what).because(&error).hint("FILE or FLEETFOOT_CONFIG names another file")
    })
}

/// Every mistake in it.
pub(crate) fn mistaken(error: &ConfigError) -> Failure {
    let count = error.problems.len();
    let mistakes = if count == 1 { "a mistake".to_owned() } else { format!("{count} mistakes") };
    Failure::new(format!("the configuration {} has {mistakes}", error.file)).because(error)
}

/// `--runner-dir`
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RunnerFolder {
    /// A folder with GitHub's runner in it (`run.sh`), which each runner on this machine is a copy of
    #[arg(
        long,
        value_name = "DIR",
        env = "FLEETFOOT_RUNNER_DIR",
        default_value = "actions-runner",
        hide_env_values = true
    )]
    pub(crate) runner_dir: PathBuf,
}

/// `--json`
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Format {
    /// Answer with one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// An address that a fleet can be reached at.
pub(crate) fn address(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        Ok(_) => Err("an http:// or https:// address is allowed".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
