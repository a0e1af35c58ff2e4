//! Logs of runners: one, or those of a job.

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::{JobId, RunnerName};
use fleetfoot_model::job::{Job, JobState};
use fleetfoot_model::ledger::{self, Ledger};
use fleetfoot_model::runner::{Runner, RunnerState, StopReason};

use super::show::Shown;
use super::{Target, pause};
use crate::failure::{Failure, OrFail};
use crate::output::Answer;
use crate::place::Place;
use crate::place::logs::Logs;
use crate::runners::find;
use crate::text::safe;

/// How a runner's log is read.
pub(super) struct Reading<'a> {
    pub(super) place: &'a dyn Place,
    pub(super) since: Option<Timestamp>,
    pub(super) follow: bool,
    pub(super) shown: Shown,
}

impl Reading<'_> {
    pub(super) async fn run(mut self, target: &Target) -> Result<Answer, Failure> {
        let (ledger, logs) = (self.place.ledger()?, self.place.logs()?);
        let runners = match target {
            Target::Runner(name) => vec![find(&*ledger, name).await?],
            Target::Job(id) => self.of_job(&*ledger, *id).await?,
        };
        let mut answer = Answer::default();
        let several = runners.len() > 1;
        for runner in runners {
            if several {
                self.shown.head(&format!("==> {}, {} <==", runner.name, state(&runner)))?;
            }
            match self.read(&*ledger, &*logs, runner).await {
                Ok(Some(note)) => answer = answer.note(note),
                Ok(None) => {}
                Err(failure) if several => answer.failures.push(failure),
                Err(failure) => return Err(failure),
            }
        }
        Ok(Answer { data: self.shown.kept, ..answer })
    }

    /// The runners that were launched for a job, and the one that ran it.
    async fn of_job(&self, ledger: &dyn Ledger, id: JobId) -> Result<Vec<Runner>, Failure> {
        let job = known(ledger, id).await?;
        let fleet = self.place.config().await?.fleet;
        let mut names: Vec<RunnerName> =
            (1..=job.launches).map(|launch| RunnerName::for_job(&fleet, id, launch)).collect();
        if let Some(name) = ran_by(&job).filter(|name| !names.contains(name)) {
            names.push(name);
        }
        let mut runners = Vec::new();
        for name in &names {
            let row = ledger::runner(ledger, name).await.or_fail(format!("runner {name} cannot be read"))?;
            runners.extend(row.map(|row| row.value));
        }
        if runners.is_empty() {
            let why = if names.is_empty() { "has had no runner" } else { "had runners that are forgotten" };
            return Err(Failure::new(format!("job {id} {why}, so there is no log of any"))
                .hint(format!("`fleetfoot why {id}` tells what it waits for or what became of it")));
        }
        Ok(runners)
    }

    /// Shows a log. Answers what else there is to say.
    async fn read(
        &mut self,
        ledger: &dyn Ledger,
        logs: &dyn Logs,
        mut runner: Runner,
    ) -> Result<Option<String>, Failure> {
        let (mut from, mut left, mut has_begun) = (None::<String>, self.shown.most, false);
        loop {
            let has_ended = !runner.is_live();
            let page = logs.runner(&runner, self.since, from.as_deref()).await?;
            let has_more = page.as_ref().is_some_and(|page| page.has_more);
            if let Some(mut page) = page {
                has_begun = true;
                let is_cut = page.lines.len() > left && !self.follow;
                if is_cut {
                    page.lines.truncate(left);
                }
                left = left.saturating_sub(page.lines.len());
                self.shown.write(&page.lines, Some(&runner.name))?;
                if is_cut {
                    return Ok(Some("there are more lines; --limit shows more, --since fewer".to_owned()));
                }
                from = Some(page.next);
            }
            if has_more {
                continue;
            }
            if has_ended || !self.follow {
                return if has_begun { Ok(None) } else { Err(absent(&runner, logs)) };
            }
            if !pause().await {
                return Ok(None);
            }
            // What it said last is read once more after its end is known.
            runner = find(ledger, &runner.name).await?;
        }
    }
}

/// A job that is known.
pub(crate) async fn known(ledger: &dyn Ledger, id: JobId) -> Result<Job, Failure> {
    let row = ledger::job(ledger, id).await.or_fail(format!("job {id} cannot be read"))?;
    row.map(|row| row.value).ok_or_else(|| {
        Failure::new(format!("job {id} is not known to this fleet"))
            .hint("`fleetfoot jobs list --all` lists the jobs of the last 7 days")
    })
}

/// The runner that has or had a job, if it is one of a fleet's.
pub(crate) fn ran_by(job: &Job) -> Option<RunnerName> {
    let name = match &job.state {
        JobState::Running { runner, .. } => Some(runner.clone()),
        JobState::Finished { runner, .. } => runner.clone(),
        JobState::Queued { runner, .. } => runner.as_ref().map(ToString::to_string),
        JobState::Rejected { .. } | JobState::Expired { .. } => None,
    };
    name.and_then(|name| name.parse().ok())
}

fn state(runner: &Runner) -> String {
    match &runner.state {
        RunnerState::Stopped(reason) => format!("stopped, {}", safe(&reason.to_string())),
        other => other.name().to_owned(),
    }
}

/// Why a log is not there.
fn absent(runner: &Runner, logs: &dyn Logs) -> Failure {
    let name = &runner.name;
    let failure = Failure::new(format!("there is no log of runner {name}"));
    match &runner.state {
        RunnerState::Reserved => failure.hint("its task has not been accepted yet; --follow waits for it"),
        RunnerState::Launched => failure.hint("its task is starting; --follow waits for it"),
        RunnerState::Stopped(reason @ (StopReason::NeverStarted { .. } | StopReason::NotLaunched { .. })) => {
            Failure { causes: vec![reason.to_string()], ..failure }
                .hint(format!("`fleetfoot runners details {name}` tells what was tried"))
        }
        RunnerState::Registered | RunnerState::Busy(_) | RunnerState::Stopped(_) => {
            Failure { causes: vec![logs.kept(name)], ..failure }
        }
    }
}
