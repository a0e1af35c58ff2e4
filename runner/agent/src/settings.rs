//! What the agent is told, all of it through the environment.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use fleetfoot_model::secret::Secret;
use reqwest::Url;

/// Where to register, such as `http://127.0.0.1:8080/runners/ff-1-1/register`. Required.
pub const REGISTER_URL: &str = "FLEETFOOT_REGISTER_URL";
/// The ticket to show there, or [`FROM_INPUT`]. Required.
pub const TICKET: &str = "FLEETFOOT_TICKET";
/// In place of the ticket: it is on the agent's standard input, up to its end.
pub const FROM_INPUT: &str = "-";
/// The folder that holds `run.sh`. Required.
pub const RUNNER_DIR: &str = "FLEETFOOT_RUNNER_DIR";
/// Within how many seconds to register; 600 unless told.
pub const REGISTER_SECONDS: &str = "FLEETFOOT_REGISTER_SECONDS";
/// For how many seconds a runner may wait for its job; 3600 unless told, 0 for ever. A runner whose registration is gone
/// lives on without a word (actions/runner issues), so this is the deadline that ends it. That there is a job is known by
/// the runner's hooks, or by what its listener prints; a `run.sh` that does neither counts as waiting.
pub const IDLE_SECONDS: &str = "FLEETFOOT_IDLE_SECONDS";
/// Within how many seconds a runner says that it listens for jobs, or begins one; 600 unless told, 0 for ever. Beyond, it
/// hangs. The real one retries a session conflict for four minutes before it ends by itself (`MessageListener.cs`).
pub const LISTEN_SECONDS: &str = "FLEETFOOT_LISTEN_SECONDS";
/// Within how many seconds a runner ends after its job; 300 unless told. Beyond, it hangs. Logs of the job are sent in
/// this time.
pub const END_SECONDS: &str = "FLEETFOOT_END_SECONDS";
/// How many seconds a job has to end in after SIGTERM; 110 unless told, as Fargate kills after 120 at most. It goes on
/// undisturbed until 30 of them are left, or half of them if that is less; then the runner is told to stop, which cancels
/// the job and lets it run its last steps.
pub const STOP_SECONDS: &str = "FLEETFOOT_STOP_SECONDS";
/// Where to write the [`Report`](crate::Report). None unless told.
pub const REPORT: &str = "FLEETFOOT_REPORT";
/// A file to hold locked for as long as the agent lives. With it, one report is one life: an agent that finds a report
/// leaves at once. None unless told.
pub const LOCK: &str = "FLEETFOOT_LOCK";
/// `1` for a verbose log of agent and runner.
pub const DEBUG: &str = "DEBUG";

/// No ticket is longer: one of Fleetfoot's has 64 characters. Fits into a pipe that nobody reads yet, which holds one
/// page at least (Linux manual, pipe(7)).
pub(crate) const LONGEST_TICKET: usize = 4096;

/// Every variable of the agent's own starts with this. None of them is inherited by the runner.
const PREFIX: &str = "FLEETFOOT_";

/// The agent's settings.
pub struct Settings {
    /// Where to register.
    pub register_url: Url,
    /// What to show there.
    pub ticket: Secret,
    /// The folder that holds `run.sh`.
    pub runner_dir: PathBuf,
    /// Within which time to register.
    pub register_within: Duration,
    /// For how long a runner may wait for its job; `None` for ever.
    pub idle_within: Option<Duration>,
    /// Within which time a runner listens for jobs; `None` for ever.
    pub listen_within: Option<Duration>,
    /// Within which time a runner ends after its job.
    pub end_within: Duration,
    /// How long a job has to end after SIGTERM.
    pub stop_within: Duration,
    /// Where to report.
    pub report: Option<PathBuf>,
    /// What to hold locked.
    pub lock: Option<PathBuf>,
    /// Whether to be verbose.
    pub debug: bool,
    /// What the runner inherits: everything else.
    pub environment: Vec<(OsString, OsString)>,
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// It is needed.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// It cannot be read. What was found is not repeated, as it may be a secret in the wrong place.
    #[error("{name} is not {allowed}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What it may be.
        allowed: &'static str,
    },
}

impl Settings {
    /// Takes the agent's own variables out of an environment; the rest is the runner's. The input is read if the ticket
    /// is there.
    pub fn from_environment(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        input: impl Read,
    ) -> Result<Self, SettingsError> {
        let (own, environment): (Vec<_>, Vec<_>) = variables.into_iter().partition(|(name, _)| is_own(name));
        let own = Own(own);
        Ok(Self {
            register_url: own.url()?,
            ticket: own.ticket(input)?,
            runner_dir: own.path(RUNNER_DIR).ok_or(SettingsError::Missing(RUNNER_DIR))?,
            register_within: own.seconds(REGISTER_SECONDS, 600)?,
            idle_within: own.limit(IDLE_SECONDS, 3600)?,
            listen_within: own.limit(LISTEN_SECONDS, 600)?,
            end_within: own.seconds(END_SECONDS, 300)?,
            stop_within: own.seconds(STOP_SECONDS, 110)?,
            report: own.path(REPORT),
            lock: own.path(LOCK),
            debug: own.get(DEBUG).is_some_and(|value| value == "1"),
            environment,
        })
    }

    /// A variable that the runner inherits, unless it is empty.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        let found = self.environment.iter().find(|(inherited, _)| inherited == name);
        found.map(|(_, value)| value.as_os_str()).filter(|value| !value.is_empty())
    }

    /// The runner's name, as the address to register at has it: `.../runners/ff-1-1/register`.
    pub fn runner_name(&self) -> Option<&str> {
        let mut segments = self.register_url.path_segments()?.rev();
        (segments.next() == Some("register")).then(|| segments.next()).flatten()
    }

    /// The runner's own entry point.
    pub fn run_script(&self) -> PathBuf {
        self.runner_dir.join("run.sh")
    }
}

fn is_own(name: &OsStr) -> bool {
    name == DEBUG || name.as_encoded_bytes().starts_with(PREFIX.as_bytes())
}

struct Own(Vec<(OsString, OsString)>);

impl Own {
    /// An empty value is none.
    fn get(&self, name: &str) -> Option<&OsStr> {
        let found = self.0.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_os_str()).filter(|value| !value.is_empty())
    }

    fn required(&self, name: &'static str) -> Result<&str, SettingsError> {
        let value = self.get(name).ok_or(SettingsError::Missing(name))?;
        value.to_str().ok_or(SettingsError::Invalid { name, allowed: "text" })
    }

    fn ticket(&self, input: impl Read) -> Result<Secret, SettingsError> {
        let given = self.required(TICKET)?;
        if given != FROM_INPUT {
            return Ok(Secret::new(given));
        }
        let mut ticket = String::new();
        let read = input.take(LONGEST_TICKET as u64).read_to_string(&mut ticket);
        read.map_err(|_| SettingsError::Invalid { name: TICKET, allowed: "to be read from the input" })?;
        let ticket = ticket.trim_end();
        if ticket.is_empty() { Err(SettingsError::Missing(TICKET)) } else { Ok(Secret::new(ticket)) }
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    fn url(&self) -> Result<Url, SettingsError> {
        let invalid =
            SettingsError::Invalid { name: REGISTER_URL, allowed: "an address that starts with http(s)://" };
        let url = Url::parse(self.required(REGISTER_URL)?).map_err(|_| invalid.clone())?;
        if matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(invalid) }
    }

    /// 0 is none.
    fn limit(&self, name: &'static str, default: u64) -> Result<Option<Duration>, SettingsError> {
        Ok(Some(self.seconds(name, default)?).filter(|limit| !limit.is_zero()))
    }

    fn seconds(&self, name: &'static str, default: u64) -> Result<Duration, SettingsError> {
        if self.get(name).is_none() {
            return Ok(Duration::from_secs(default));
        }
        let seconds: u32 = self
            .required(name)?
            .parse()
            .map_err(|_| SettingsError::Invalid { name, allowed: "a whole number of seconds" })?;
        Ok(Duration::from_secs(seconds.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let required = [
            (REGISTER_URL, "http://127.0.0.1:1/runners/ff-1-1/register"),
            (TICKET, "0123"),
            (RUNNER_DIR, "/runner"),
        ];
        let given = variables
            .iter()
            .chain(required.iter().filter(|(name, _)| !variables.iter().any(|(given, _)| given == name)));
        Settings::from_environment(
            given.map(|(name, value)| (name.into(), value.into())),
            &b"from input\n"[..],
        )
    }

    #[test]
    fn the_ticket_is_given_or_on_the_input() {
        assert_eq!(read(&[]).unwrap().ticket.expose(), "0123");
        assert_eq!(read(&[(TICKET, FROM_INPUT)]).unwrap().ticket.expose(), "from input");
        let url = (REGISTER_URL.into(), "http://127.0.0.1:1/".into());
        let variables = [url, (TICKET.into(), FROM_INPUT.into()), (RUNNER_DIR.into(), "/runner".into())];
        let nothing = Settings::from_environment(variables, std::io::empty());
        assert_eq!(nothing.map(|_| ()), Err(SettingsError::Missing(TICKET)));
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.register_within, Duration::from_mins(10));
        assert_eq!(settings.idle_within, Some(Duration::from_hours(1)));
        assert_eq!(settings.listen_within, Some(Duration::from_mins(10)));
        assert_eq!(settings.end_within, Duration::from_mins(5));
        assert_eq!(settings.stop_within, Duration::from_secs(110));
        assert_eq!(settings.runner_name(), Some("ff-1-1"));
        assert!(settings.report.is_none() && settings.lock.is_none() && !settings.debug);
    }

    #[test]
    fn the_runner_inherits_nothing_of_the_agents_own() {
        let settings =
            read(&[("HOME", "/root"), (DEBUG, "1"), ("FLEETFOOT_SOMETHING", "x"), (IDLE_SECONDS, "0")])
                .unwrap();
        assert_eq!(settings.environment, [("HOME".into(), "/root".into())]);
        assert!(settings.debug);
        assert_eq!(settings.idle_within, None);
    }

    #[test]
    fn a_mistake_is_named_without_its_value() {
        let error = |variables: &[(&str, &str)]| read(variables).map(|_| ()).unwrap_err().to_string();
        assert_eq!(error(&[(TICKET, "")]), "FLEETFOOT_TICKET is not set");
        assert_eq!(error(&[(STOP_SECONDS, "-1")]), "FLEETFOOT_STOP_SECONDS is not a whole number of seconds");
        let of_the_url = "FLEETFOOT_REGISTER_URL is not an address that starts with http(s)://";
        assert_eq!(error(&[(REGISTER_URL, "file:///etc/passwd")]), of_the_url);
        assert_eq!(error(&[(REGISTER_URL, "swordfish")]), of_the_url);
    }
}
