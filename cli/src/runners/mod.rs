//! `fleetfoot runners`

mod details;
mod list;
mod terminate;

use fleetfoot_model::ids::RunnerName;
use fleetfoot_model::ledger::{self, Ledger};
use fleetfoot_model::runner::Runner;

use crate::failure::{Failure, OrFail};
use crate::output::Answer;
use crate::rows::ListArgs;
use crate::times::Times;

pub(crate) use details::{heading, summary, timeline};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List runners: live ones, oldest first
    #[command(after_long_help = list::EXAMPLES)]
    List(ListArgs),
    /// Tell everything about a runner
    #[command(after_long_help = details::EXAMPLES)]
    Details(details::Args),
    /// Let a runner go: removed from GitHub, then stopped. One that runs a job is left alone
    #[command(after_long_help = terminate::EXAMPLES)]
    Terminate(terminate::Args),
}

pub(crate) async fn run(command: Command, times: &Times) -> Result<Answer, Failure> {
    match command {
        Command::List(args) => list::run(args, times).await,
        Command::Details(args) => details::run(args, times).await,
        Command::Terminate(args) => terminate::run(args, times).await,
    }
}

/// A runner that is known.
pub(crate) async fn find(ledger: &dyn Ledger, name: &RunnerName) -> Result<Runner, Failure> {
    let row = ledger::runner(ledger, name).await.or_fail(format!("runner {name} cannot be read"))?;
    row.map(|row| row.value).ok_or_else(|| {
        Failure::new(format!("there is no runner {name}"))
            .hint("`fleetfoot runners list --all` lists those of the last 7 days")
    })
}
