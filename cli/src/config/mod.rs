//! `fleetfoot config`

mod check;
mod put;
mod secrets;
mod show;

use std::path::{Path, PathBuf};

use aws_config::SdkConfig;

use crate::failure::Failure;
use crate::output::Answer;

pub(crate) use secrets::misplaced;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Check a configuration and tell every mistake in it
    #[command(after_long_help = check::EXAMPLES)]
    Check(check::Args),
    /// Check a configuration and make it that of a fleet on AWS
    #[command(after_long_help = put::EXAMPLES)]
    Put(put::Args),
    /// Show the configuration of a fleet: the file here, or on AWS what was put there
    #[command(after_long_help = show::EXAMPLES)]
    Show(show::Args),
}

/// Makes a file the configuration of a stack, which need not be there yet.
pub(crate) async fn put(sdk: &SdkConfig, stack: &str, file: &Path) -> Result<put::Put, Failure> {
    put::into_stack(sdk, stack, file).await
}

pub(crate) async fn run(command: Command) -> Result<Answer, Failure> {
    match command {
        Command::Check(args) => check::run(&args),
        Command::Put(args) => put::run(args).await,
        Command::Show(args) => show::run(args).await,
    }
}

/// `FILE`
#[derive(Debug, Clone, clap::Args)]
struct File {
    /// The configuration
    #[arg(
        value_name = "FILE",
        env = "FLEETFOOT_CONFIG",
        default_value = "fleet.toml",
        hide_env_values = true
    )]
    file: PathBuf,
}
