//! One look at all tasks: what became of their agents, who is to be stopped, what is to be told, what is over.

use std::io;
use std::sync::PoisonError;

use fleetfoot_agent::Report;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::ids::RunnerName;
use fleetfoot_model::{SignedDuration, Timestamp};
use rustix::process::{Pid, Signal, kill_process};

use super::agents::Process;
use super::folder::Folder;
use super::record::{Life, Record, Status};
use super::{Inner, leftovers};

/// How long a started agent may take to hold its lock, on a machine that is very busy.
const START_GRACE: SignedDuration = SignedDuration::from_secs(20);
/// What an agent is given beyond its own deadline before it is killed.
const STOP_GRACE: SignedDuration = SignedDuration::from_secs(10);

impl Inner {
    /// Looks at every task. An error of one is no reason not to look at the next.
    pub(super) fn pass<E: std::fmt::Display>(&self, publish: &impl Fn(Envelope) -> Result<(), E>) {
        let all = match self.folders.all() {
            Ok(all) => all,
            Err(error) => return tracing::error!(%error, "the runners' folders cannot be read"),
        };
        for (runner, folder) in &all {
            if let Err(error) = self.see_to(runner, folder, publish) {
                tracing::error!(runner.name = %runner, %error, "a task cannot be looked at");
            }
        }
        self.agents.forget(|runner| self.folders.of(runner).exists());
    }

    /// Tells a task's steps, one after the other, as far as the bus takes them.
    fn see_to<E: std::fmt::Display>(
        &self,
        runner: &RunnerName,
        folder: &Folder,
        publish: &impl Fn(Envelope) -> Result<(), E>,
    ) -> io::Result<()> {
        loop {
            let record = folder.record(runner);
            let life = self.life(runner, folder, &record)?;
            if let Life::Alive(report) = &life {
                self.enforce_stop(runner, folder, report);
            }
            let stop = folder.stop_request();
            let Some(next) = record.next(&life, stop.as_ref(), self.now()) else { return Ok(()) };
            if next.version != record.version {
                folder.write_record(&next)?;
            }
            if let Err(error) = publish(next.envelope(self.now())) {
                tracing::warn!(runner.name = %runner, %error, "a task's state is told later");
                return Ok(());
            }
            if next.status == Status::Stopped {
                return self.over(runner, folder);
            }
            folder.write_record(&next.told())?;
        }
    }

    fn over(&self, runner: &RunnerName, folder: &Folder) -> io::Result<()> {
        self.folders.end(runner, folder)?;
        self.terminated.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| known != runner);
        self.folders.prune()
    }

    /// What became of the agent. Whatever is found out to have ended stays so: it is decided while nobody else can take
    /// the agent's lock, and an agent does not begin where it finds a report.
    fn life(&self, runner: &RunnerName, folder: &Folder, record: &Record) -> io::Result<Life> {
        let Some(_lock) = folder.try_lock()? else {
            return Ok(folder.report().filter(|report| report.pid != 0).map_or(Life::Starting, Life::Alive));
        };
        let process = self.agents.process(runner);
        match folder.report() {
            Some(report) if report.exit_code.is_some() => Ok(Life::Ended(report)),
            Some(report) if report.phases.up.is_some() => {
                // What had ended before is told already, and nothing of it is left.
                if record.status != Status::Stopped {
                    let ended = leftovers::end(folder, &report);
                    tracing::warn!(runner.name = %runner, processes.ended = ended, "an agent was killed");
                }
                Ok(Life::Killed(report))
            }
            Some(closed) => Ok(Life::NeverStarted(closed.reason.unwrap_or_default())),
            None => match self.why_never(runner, folder, record, process) {
                None => Ok(Life::Starting),
                Some(reason) => {
                    folder.close(&reason)?;
                    self.agents.kill(runner);
                    Ok(Life::NeverStarted(reason))
                }
            },
        }
    }

    /// Why an agent that is not up will never be; `None` if it may be.
    fn why_never(
        &self,
        runner: &RunnerName,
        folder: &Folder,
        record: &Record,
        process: Process,
    ) -> Option<String> {
        if folder.stop_request().is_some() {
            return Some("stopped before it was up".to_owned());
        }
        let log = self.folders.log(runner);
        if let Process::Ended(status) = process {
            return Some(format!("the agent ended before it was up ({status}); see {}", log.display()));
        }
        let is_over = self.now().duration_since(record.created_at) > START_GRACE;
        is_over.then(|| format!("the agent did not come up; see {}", log.display()))
    }

    /// SIGTERM once, SIGKILL when the time is over. Only to be called while the agent holds its lock, as its process id
    /// is its own only then.
    pub(super) fn enforce_stop(&self, runner: &RunnerName, folder: &Folder, report: &Report) {
        let Some(stop) = folder.stop_request() else { return };
        let Some(pid) = i32::try_from(report.pid).ok().and_then(Pid::from_raw) else { return };
        let within = SignedDuration::try_from(self.settings.stop_within).unwrap_or(SignedDuration::MAX);
        let signal = if has_passed(self.now(), stop.at, within.saturating_add(STOP_GRACE)) {
            tracing::warn!(runner.name = %runner, "an agent does not stop; it is killed");
            Signal::KILL
        } else if self.is_first_time(runner) {
            tracing::info!(runner.name = %runner, reason = stop.reason, "a task is stopped");
            Signal::TERM
        } else {
            return;
        };
        // It may have ended by itself this very moment.
        let _ = kill_process(pid, signal);
    }

    fn is_first_time(&self, runner: &RunnerName) -> bool {
        let mut terminated = self.terminated.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !terminated.contains(runner);
        if is_new {
            terminated.push(runner.clone());
        }
        is_new
    }
}

fn has_passed(now: Timestamp, since: Timestamp, time: SignedDuration) -> bool {
    now.duration_since(since) > time
}
