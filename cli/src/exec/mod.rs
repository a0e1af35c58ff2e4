//! `fleetfoot exec`

mod deployed;
mod here;

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use async_trait::async_trait;
use fleetfoot_model::ids::{JobId, RunnerName};
use fleetfoot_model::ledger::Ledger;
use fleetfoot_model::runner::{Runner, RunnerState};
use tokio::process::Command;

use crate::failure::{Exit, Failure, OrFail};
use crate::logs::{self, Target};
use crate::output::Answer;
use crate::place::Location;
use crate::runners;

pub(crate) use deployed::ExecDeployed;
pub(crate) use here::ExecHere;

pub(crate) const EXAMPLES: &str = r"Examples:
  fleetfoot exec ff-289782451-1                       a shell
  fleetfoot exec 289782451 -- df -h /                 in the runner that has this job
  fleetfoot exec ff-289782451-1 --stack ff -- ps aux

On AWS this is ECS Exec: the stack has to be deployed with RunnerExec=yes before the runner is
launched, and the Session Manager plugin of the AWS CLI has to be here. Whoever is in a runner sees
whatever its job sees, secrets of the job among it. On this machine the command runs in the runner's
folder, with the environment that runners inherit.

Ends with the exit code of the command on this machine, 128 and the number of a signal that ended
it, and on AWS with that of the session.";

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A runner's name, a job's id, or the address of the job's page at GitHub
    #[arg(value_name = "RUNNER|JOB", value_parser = logs::target)]
    target: Target,
    // Before the words of the command, as clap reads everything behind `--` as those.
    #[command(flatten)]
    place: Location,
    /// What to run; a shell unless given
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// How commands are run in runners.
#[async_trait]
pub(crate) trait Exec: Send + Sync {
    /// What to run here to be in there, with the words of a command, or none for a shell.
    async fn prepare(&self, runner: &Runner, words: &[String]) -> Result<Prepared, Failure>;
}

/// A command of this machine.
pub(crate) struct Prepared {
    pub(crate) command: Command,
    /// What to do if there is no such program.
    pub(crate) if_missing: &'static str,
}

pub(crate) async fn run(args: Args) -> Result<Answer, Failure> {
    let place = args.place.open().await?;
    let ledger = place.ledger()?;
    let name = match args.target {
        Target::Runner(name) => name,
        Target::Job(id) => of_job(&*ledger, id).await?,
    };
    let runner = runners::find(&*ledger, &name).await?;
    is_up(&runner)?;
    let Prepared { mut command, if_missing } = place.exec()?.prepare(&runner, &args.command).await?;
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().map_err(|error| {
        let failure = Failure::new(format!("{program} cannot be started")).because(&error);
        if error.kind() == std::io::ErrorKind::NotFound { failure.hint(if_missing) } else { failure }
    })?;
    // Ctrl-C is meant for the command, which this terminal sends it to as well.
    let ended = loop {
        tokio::select! {
            ended = child.wait() => break ended,
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    let ended = ended.or_fail(format!("{program} cannot be waited for"))?;
    let code = code_of(ended);
    Ok(Answer { exit: if code == 0 { Exit::Success } else { Exit::Runner(code) }, ..Answer::default() })
}

/// As a shell tells it.
fn code_of(ended: ExitStatus) -> u8 {
    let code = ended.code().or_else(|| ended.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// The runner that a job has.
async fn of_job(ledger: &dyn Ledger, id: JobId) -> Result<RunnerName, Failure> {
    let job = logs::known(ledger, id).await?;
    logs::ran_by(&job).ok_or_else(|| {
        Failure::new(format!("job {id} has no runner"))
            .hint(format!("`fleetfoot why {id}` tells what it waits for or what became of it"))
    })
}

fn is_up(runner: &Runner) -> Result<(), Failure> {
    let name = &runner.name;
    match &runner.state {
        RunnerState::Registered | RunnerState::Busy(_) => Ok(()),
        RunnerState::Launched if runner.started_at.is_some() => Ok(()),
        RunnerState::Stopped(reason) => Err(Failure {
            causes: vec![reason.to_string()],
            ..Failure::new(format!("runner {name} has stopped"))
        }
        .hint(format!("`fleetfoot logs {name}` shows what it said"))),
        RunnerState::Reserved | RunnerState::Launched => {
            Err(Failure::new(format!("the task of runner {name} is not up yet"))
                .hint("a task takes 20 to 45 seconds to come up; try again"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_told_as_a_shell_tells_it() {
        // As wait(2) has them: the code is the second byte, the signal the lowest bits of the first.
        for (raw, code) in [(0, 0), (7 << 8, 7), (9, 137), (2, 130)] {
            assert_eq!(code_of(ExitStatus::from_raw(raw)), code);
        }
    }
}
