//! Which runners are meant.

use fleetfoot_model::ids::{ClassName, JobId, Repository, RunnerName};
use fleetfoot_model::ledger::{self, Ledger};
use fleetfoot_model::runner::{Runner, RunnerState};

use crate::failure::{Failure, OrFail};
use crate::rows;

/// Names, or what runners are.
#[derive(Debug, clap::Args)]
pub(super) struct Choice {
    /// Their names
    #[arg(value_name = "NAME", required_unless_present = "all", conflicts_with = "all")]
    names: Vec<RunnerName>,
    /// All live runners, or those that the following options choose
    #[arg(long)]
    all: bool,
    /// With --all: those of this class
    #[arg(long, value_name = "CLASS", requires = "all")]
    class: Option<ClassName>,
    /// With --all: those with a job of this repository
    #[arg(long, value_name = "OWNER/NAME", requires = "all")]
    repository: Option<Repository>,
    /// With --all: those that are registered and that no job is meant for
    #[arg(long, requires = "all")]
    idle: bool,
}

impl Choice {
    /// Each name once; of live runners oldest first.
    pub(super) async fn names(&self, ledger: &dyn Ledger) -> Result<Vec<RunnerName>, Failure> {
        if !self.all {
            let mut names: Vec<RunnerName> = Vec::new();
            for name in &self.names {
                if !names.contains(name) {
                    names.push(name.clone());
                }
            }
            return Ok(names);
        }
        let mut names = Vec::new();
        for runner in rows::live_runners(ledger).await.or_fail("runners cannot be listed")? {
            if self.fits(&runner) && self.is_for_repository(ledger, &runner).await? {
                names.push(runner.name);
            }
        }
        Ok(names)
    }

    fn fits(&self, runner: &Runner) -> bool {
        let is_idle = runner.state == RunnerState::Registered && runner.job.is_none();
        self.class.as_ref().is_none_or(|class| runner.spec.class == *class) && (is_idle || !self.idle)
    }

    async fn is_for_repository(&self, ledger: &dyn Ledger, runner: &Runner) -> Result<bool, Failure> {
        let Some(wanted) = &self.repository else { return Ok(true) };
        let Some(id) = job_of(runner) else { return Ok(false) };
        let job = ledger::job(ledger, id).await.or_fail(format!("job {id} cannot be read"))?;
        // GitHub tells no capitals from small letters in them.
        let is_its = |name: &str| name.eq_ignore_ascii_case(&wanted.to_string());
        Ok(job.is_some_and(|row| is_its(&row.value.description.repository.to_string())))
    }

    #[cfg(test)]
    pub(super) fn of(line: &str) -> Self {
        use clap::{Args as _, FromArgMatches as _};
        let command = Self::augment_args(clap::Command::new("terminate").no_binary_name(true));
        Self::from_arg_matches(&command.get_matches_from(line.split_whitespace())).unwrap()
    }
}

/// The job that a runner runs, or that it is meant for.
fn job_of(runner: &Runner) -> Option<JobId> {
    match runner.state {
        RunnerState::Busy(job) => Some(job),
        _ => runner.job,
    }
}
