//! Stories of setting up, with a stand-in GitHub and a person who has a browser.

mod person;
mod stories;
mod trouble;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use clap::Parser;
use fleetfoot_model::config::{Config, load};
use fleetfoot_model::secret::Secret;
use fleetfoot_shell::clock::SystemClock;
use fleetfoot_stand_in::github::{RegisteredApp, Settings, StandInGitHub};
use fleetfoot_stand_in::github_http::serve;
use tempfile::TempDir;
use tokio::net::TcpListener;

use self::person::Person;
use super::app::Patience;
use super::{Args, Setup};
use crate::failure::Failure;
use crate::output::{Answer, describe};
use crate::{Cli, Command};

const KEY: &str = include_str!("../../../../shared/github/tests/wire/keys/test-only-app-key.pem");
const PATIENCE: Patience = Patience {
    browser: Duration::from_secs(20),
    installation: Duration::from_secs(20),
    job: Duration::from_secs(20),
    pause: Duration::from_millis(5),
    fresh: Duration::ZERO,
};

/// A folder, and a GitHub.
struct World {
    folder: TempDir,
    github: Arc<Mutex<StandInGitHub>>,
    address: String,
    patience: Patience,
}

impl World {
    async fn new() -> Self {
        let secret = Secret::new("of-nobody");
        let settings = Settings { app_key: Secret::new(KEY), ..Settings::new(1, secret) };
        let github = Arc::new(Mutex::new(StandInGitHub::new(settings)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let nowhere = "http://127.0.0.1:1/webhook".to_owned();
        tokio::spawn(serve(listener, Arc::clone(&github), Arc::new(SystemClock), nowhere));
        Self { folder: tempfile::tempdir().unwrap(), github, address, patience: PATIENCE }
    }

    fn github(&self) -> MutexGuard<'_, StandInGitHub> {
        self.github.lock().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        let path = self.path(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn config(&self) -> Config {
        load("fleet.toml", &self.read("fleet.toml")).unwrap()
    }

    /// The only App that there is.
    fn app(&self) -> RegisteredApp {
        let github = self.github();
        let apps: Vec<_> = github.registered_apps().cloned().collect();
        assert_eq!(apps.len(), 1, "{apps:#?}");
        apps[0].clone()
    }

    fn arguments(&self, line: &str) -> Args {
        let (config, state) = (self.path("fleet.toml"), self.path("state"));
        let words = format!(
            "fleetfoot setup --local --config {} --state {} --github-url {} {line}",
            config.display(),
            state.display(),
            self.address
        );
        match Cli::try_parse_from(words.split_whitespace()) {
            Ok(Cli { command: Command::Setup(args) }) => *args,
            other => panic!("{other:?}"),
        }
    }

    /// Runs `fleetfoot setup --local` with a person before it.
    async fn run(&self, line: &str, person: &Person) -> Result<Answer, Failure> {
        let args = self.arguments(line);
        let setup = Setup::new(&args, person, self.patience).await?;
        if args.tear_down { setup.tear_down().await } else { setup.set_up().await }
    }

    /// The same, which has to succeed; answers all that was told.
    async fn done(&self, line: &str, person: &Person) -> String {
        match self.run(line, person).await {
            Ok(answer) => format!("{}{}", person.heard(), answer.data),
            Err(failure) => panic!("{}{}", person.heard(), describe(&failure)),
        }
    }

    /// The same, which has to fail.
    async fn failed(&self, line: &str, person: &Person) -> Failure {
        self.run(line, person).await.err().unwrap_or_else(|| panic!("{}", person.heard()))
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// How a step was told to stand: `+` done, `=` was done, `-` skipped, `!` left.
fn mark(told: &str, step: &str) -> char {
    let told = anstream::adapter::strip_str(told).to_string();
    let line = told.lines().find(|line| line.get(2..).is_some_and(|it| it.starts_with(&format!("{step} "))));
    line.unwrap_or_else(|| panic!("{step} is not in\n{told}")).chars().next().unwrap()
}
