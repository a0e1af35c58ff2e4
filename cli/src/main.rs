//! The `fleetfoot` command.

mod arguments;
mod aws;
mod classes;
mod config;
mod confirm;
mod cost;
mod dashboard;
mod dead_letters;
mod demo;
mod doctor;
mod exec;
mod explain;
mod failure;
mod images;
mod jobs;
#[expect(clippy::result_large_err, reason = "a finding about a workflow is what was asked for, not a detour")]
mod lint;
mod logs;
mod manual;
mod narrate;
mod notify;
mod output;
mod place;
mod progress;
mod remedy;
mod replay;
mod rows;
mod runner;
mod runners;
mod setup;
mod simulate;
mod stale;
mod stand_in_runner;
mod table;
#[cfg(test)]
mod testing;
mod text;
mod times;
mod top;
mod up;
mod when;
mod why;
mod wiring;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use fleetfoot_model::ports::Clock;
use fleetfoot_shell::clock::SystemClock;
use jiff::tz::TimeZone;
use tracing_subscriber::filter::LevelFilter;

use crate::failure::{Exit, Failure, OrFail};
use crate::output::Answer;
use crate::times::Times;

/// A simulation allocates millions of small things; this allocator makes it a quarter faster than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// GitHub Actions jobs on runners that live for one job.
#[derive(Debug, Parser)]
#[command(name = "fleetfoot", version, after_long_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  fleetfoot setup                    set a fleet up, step by step
  fleetfoot demo                     watch the whole way without any account
  fleetfoot up                       run the fleet on this machine, as fleet.toml says
  fleetfoot jobs list                what runs and what waits
  fleetfoot why 289782451            why a job is where it is
  fleetfoot top                      the whole fleet in this terminal
  fleetfoot explain self-hosted      what a runs-on would get, before anyone pushes
  fleetfoot jobs list --stack ff     the same of a fleet on AWS
  fleetfoot simulate --jobs 1000     what a thousand jobs would wait for, and cost

Exit codes:
  0  all was done    1  something was not, stderr says why    2  the command line is wrong
  130  Ctrl-C ended it; what follows or serves until then ends with 0

Environment:
  FLEETFOOT_STATE   the fleet's folder, instead of --state
  FLEETFOOT_STACK   a fleet on AWS, instead of --stack; the command line wins over the environment
  FLEETFOOT_CONFIG  its configuration, instead of --config
  FLEETFOOT_LOG     what is logged to stderr, such as `debug` or `fleetfoot_local=trace`
  NO_COLOR          any value: no colours
  AWS_REGION, AWS_PROFILE and whatever else the AWS tools read: where a stack is, and as whom to ask";

#[derive(Debug, Subcommand)]
enum Command {
    /// Set a fleet up: GitHub App, configuration, deployment, webhook
    #[command(after_long_help = setup::EXAMPLES)]
    Setup(Box<setup::Args>),
    /// Run the whole fleet on this machine
    #[command(after_long_help = up::EXAMPLES)]
    Up(up::Args),
    /// Show the whole way with a stand-in GitHub and stand-in runners, without any account
    #[command(after_long_help = demo::EXAMPLES)]
    Demo(demo::Args),
    /// Jobs
    #[command(subcommand, after_long_help = "Examples:\n  fleetfoot jobs list --all")]
    Jobs(jobs::Command),
    /// Runners
    #[command(
        subcommand,
        after_long_help = "Examples:\n  fleetfoot runners list\n  fleetfoot runners details ff-289782451-1"
    )]
    Runners(runners::Command),
    /// Images that runners start from
    #[command(subcommand, after_long_help = "Examples:\n  fleetfoot images list")]
    Images(images::Command),
    /// The release of GitHub's runner that images are made with
    #[command(subcommand, after_long_help = "Examples:\n  fleetfoot runner check\n  fleetfoot runner bump")]
    Runner(runner::Command),
    /// Runner sizes
    #[command(subcommand, after_long_help = "Examples:\n  fleetfoot classes list")]
    Classes(classes::Command),
    /// The configuration: check it, and put it where a fleet on AWS reads it
    #[command(subcommand, after_long_help = "Examples:\n  fleetfoot config check fleet.toml")]
    Config(config::Command),
    /// Whether people are told of alarms and notices
    #[command(subcommand, after_long_help = notify::EXAMPLES)]
    Notify(notify::Command),
    /// Events that nobody could handle: look at them, put them back, forget them
    #[command(
        subcommand,
        after_long_help = "Examples:\n  fleetfoot dead-letters list\n  fleetfoot dead-letters redrive --all"
    )]
    DeadLetters(dead_letters::Command),
    /// Look at everything that a fleet needs, and tell what is not well and what mends it
    #[command(after_long_help = doctor::EXAMPLES)]
    Doctor(doctor::Args),
    /// What runners cost, by repository, workflow, class, image or day
    #[command(after_long_help = cost::EXAMPLES)]
    Cost(Box<cost::Args>),
    /// Serve a live page of the fleet: jobs, runners, images, limits, times, cost
    #[command(after_long_help = dashboard::EXAMPLES)]
    Dashboard(Box<dashboard::Args>),
    /// Tell why a job is where it is, and what would help
    #[command(after_long_help = why::EXAMPLES)]
    Why(why::Args),
    /// Tell what a `runs-on` would get, before anyone pushes
    #[command(after_long_help = explain::EXAMPLES)]
    Explain(explain::Args),
    /// Read workflow files, and tell of jobs that could never run or would be ambiguous
    #[command(after_long_help = lint::EXAMPLES)]
    Lint(lint::Args),
    /// Show what a runner, a job's runners or the control plane's functions have logged
    #[command(after_long_help = logs::EXAMPLES)]
    Logs(Box<logs::Args>),
    /// Run a command in a runner, or a shell
    #[command(after_long_help = exec::EXAMPLES)]
    Exec(Box<exec::Args>),
    /// Show the whole fleet in this terminal: jobs, runners, limits, failures, cost
    #[command(after_long_help = top::EXAMPLES)]
    Top(top::Args),
    /// Put recorded events or webhooks back in, and tell what comes of each
    #[command(after_long_help = replay::EXAMPLES)]
    Replay(Box<replay::Args>),
    /// Play the whole fleet in virtual time: what goes wrong, what jobs wait for, what it costs
    #[command(after_long_help = simulate::EXAMPLES)]
    Simulate(Box<simulate::Args>),
    /// What a shell needs to complete command lines
    #[command(after_long_help = manual::COMPLETIONS_EXAMPLES)]
    Completions(manual::CompletionsArgs),
    /// Manual pages
    #[command(after_long_help = manual::MAN_EXAMPLES)]
    Man(manual::ManArgs),
    /// The entry point of a runner's task
    #[command(hide = true)]
    Agent,
    /// A runner that runs nothing, for `demo` and tests
    #[command(hide = true)]
    StandInRunner,
}

fn main() -> ExitCode {
    let exit = match Cli::try_parse() {
        // The agent brings its own runtime and its own log.
        Ok(Cli { command: Command::Agent }) => return fleetfoot_agent::main(),
        Ok(cli) => run(cli.command),
        Err(usage) => {
            // `--help` and `--version` come this way, too. Nowhere is left to say that they cannot be printed.
            let _ = usage.print();
            if usage.use_stderr() { Exit::Usage } else { Exit::Success }
        }
    };
    exit.into()
}

fn run(command: Command) -> Exit {
    // There things go wrong on purpose.
    output::log_to_stderr(match command {
        Command::Simulate(_) => LevelFilter::OFF,
        Command::Demo(_) => LevelFilter::ERROR,
        _ => LevelFilter::WARN,
    });
    let times = Times { now: SystemClock.now(), zone: TimeZone::system() };
    let answer = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .or_fail("there is no runtime")
        .and_then(|runtime| runtime.block_on(answer(command, &times)));
    match answer {
        Ok(answer) => answer.print(),
        Err(failure) => {
            output::report(&failure);
            Exit::Failure
        }
    }
}

async fn answer(command: Command, times: &Times) -> Result<Answer, Failure> {
    match command {
        Command::Setup(args) => setup::run(*args).await,
        Command::Up(args) => up::run(args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Jobs(jobs::Command::List(args)) => jobs::list(args, times).await,
        Command::Runners(command) => runners::run(command, times).await,
        Command::Images(images::Command::List(args)) => images::list(args, times).await,
        Command::Runner(command) => runner::run(command, times).await,
        Command::Classes(classes::Command::List(args)) => classes::list(&args).await,
        Command::Classes(classes::Command::Usage(args)) => classes::usage(*args, times).await,
        Command::Config(command) => config::run(command).await,
        Command::Notify(command) => notify::run(command).await,
        Command::DeadLetters(command) => dead_letters::run(command, times).await,
        Command::Doctor(args) => doctor::run(args).await,
        Command::Cost(args) => cost::run(*args, times).await,
        Command::Dashboard(args) => dashboard::run(*args).await,
        Command::Why(args) => why::run(args, times).await,
        Command::Explain(args) => explain::run(args, times).await,
        Command::Lint(args) => lint::run(args, times).await,
        Command::Logs(args) => logs::run(*args, times).await,
        Command::Exec(args) => exec::run(*args).await,
        Command::Top(args) => top::run(args, times).await,
        Command::Replay(args) => replay::run(*args, times).await,
        Command::Simulate(args) => tokio::task::block_in_place(|| simulate::run(&args)),
        Command::Completions(args) => Ok(manual::completions(&args)),
        Command::Man(args) => manual::man(&args),
        Command::Agent => Err(Failure::new("the agent runs outside of any runtime")),
        Command::StandInRunner => Ok(stand_in_runner::run().await),
    }
}
