//! `fleetfoot demo`

use crate::arguments::Format;
use crate::failure::Failure;
use crate::output::Answer;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many jobs go through
    #[arg(long, value_name = "N", default_value_t = 10)]
    jobs: u32,
    #[command(flatten)]
    format: Format,
}

#[expect(clippy::unused_async, reason = "it will run jobs")]
pub(crate) async fn run(args: Args) -> Result<Answer, Failure> {
    let Args { jobs, format } = args;
    let _ = (jobs, format.json);
    Err(Failure::new("`fleetfoot demo` is not built into this binary yet"))
}
