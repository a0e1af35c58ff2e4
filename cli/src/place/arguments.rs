//! `--stack` beside `--state` and `--config`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::builder::NonEmptyStringValueParser;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use fleetfoot_model::config::Config;
use fleetfoot_model::ledger::Ledger;

use super::{Deployed, Here, Place};
use crate::arguments::{Configuration, State};
use crate::failure::Failure;

/// `--stack`, `--region` and `--profile`
#[derive(Debug, Clone, Args)]
struct StackArguments {
    /// The name of its CloudFormation stack, instead of a fleet on this machine
    #[arg(
        long,
        help_heading = HEADING,
        value_name = "NAME",
        env = "FLEETFOOT_STACK",
        hide_env_values = true,
        value_parser = NonEmptyStringValueParser::new()
    )]
    stack: Option<String>,
    /// Its region, if the AWS tools' configuration does not tell
    #[arg(
        long,
        help_heading = HEADING,
        value_name = "REGION",
        requires = "stack",
        value_parser = NonEmptyStringValueParser::new()
    )]
    region: Option<String>,
    /// The profile of the AWS tools' configuration to use
    #[arg(
        long,
        help_heading = HEADING,
        value_name = "PROFILE",
        requires = "stack",
        value_parser = NonEmptyStringValueParser::new()
    )]
    profile: Option<String>,
}

/// A stack, if one is meant. What the command line says wins over the environment. In a structure of arguments it stands
/// before the local ones, as clap forgets those that have been read.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    /// The stack's name.
    pub(crate) stack: Option<String>,
    /// Its region, if it was named.
    pub(crate) region: Option<String>,
    /// The profile, if it was named.
    pub(crate) profile: Option<String>,
}

/// Over the options of a stack in `--help`.
pub(crate) const HEADING: &str = "A fleet on AWS";

/// Options that only mean something on this machine.
const LOCAL: [&str; 3] = ["state", "config", "url"];

impl Args for Remote {
    fn augment_args(command: Command) -> Command {
        StackArguments::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        StackArguments::augment_args_for_update(command)
    }
}

impl FromArgMatches for Remote {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let StackArguments { mut stack, region, profile } = StackArguments::from_arg_matches(matches)?;
        let source = |id: &str| {
            let is_known = matches.ids().any(|known| known == id);
            is_known.then(|| matches.value_source(id)).flatten()
        };
        for local in LOCAL {
            match (source("stack"), source(local)) {
                (Some(ValueSource::CommandLine), Some(ValueSource::CommandLine)) => {
                    return Err(conflict(local, "the command line names both"));
                }
                (Some(ValueSource::EnvVariable), Some(ValueSource::CommandLine)) => stack = None,
                (Some(ValueSource::EnvVariable), Some(ValueSource::EnvVariable)) if local == "state" => {
                    return Err(conflict(local, "FLEETFOOT_STACK and FLEETFOOT_STATE are both set"));
                }
                _ => {}
            }
        }
        Ok(Self { stack, region, profile })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn conflict(local: &str, why: &str) -> clap::Error {
    let message = format!(
        "--stack, a fleet on AWS, and --{local}, one on this machine, exclude each other: {why}\n\n\
         For more information, try '--help'.\n"
    );
    clap::Error::raw(ErrorKind::ArgumentConflict, message)
}

/// Where a fleet's rows are.
#[derive(Debug, Clone, Args)]
pub(crate) struct InRows {
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    state: State,
}

impl InRows {
    /// The rows.
    pub(crate) async fn ledger(&self) -> Result<Arc<dyn Ledger>, Failure> {
        match &self.remote.stack {
            Some(stack) => Deployed::find(stack, &self.remote).await?.ledger(),
            None => Ok(Arc::new(self.state.ledger()?)),
        }
    }
}

/// Where a fleet's configuration is.
#[derive(Debug, Clone, Args)]
pub(crate) struct Configured {
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    config: Configuration,
}

impl Configured {
    /// The configuration, checked.
    pub(crate) async fn load(&self) -> Result<Config, Failure> {
        match &self.remote.stack {
            Some(stack) => Deployed::find(stack, &self.remote).await?.config().await,
            None => self.config.load(),
        }
    }
}

/// Where a fleet is, with everything.
#[derive(Debug, Clone, Args)]
pub(crate) struct Location {
    #[command(flatten)]
    pub(crate) remote: Remote,
    #[command(flatten)]
    state: State,
    #[command(flatten)]
    config: Configuration,
}

impl Location {
    /// The folder of a fleet on this machine.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        self.remote.stack.is_none().then(|| self.state.state.clone())
    }

    /// The fleet.
    pub(crate) async fn open(self) -> Result<Box<dyn Place>, Failure> {
        Ok(match &self.remote.stack {
            Some(stack) => Box::new(Deployed::find(stack, &self.remote).await?),
            None => Box::new(Here { state: self.state, config: self.config }),
        })
    }
}
