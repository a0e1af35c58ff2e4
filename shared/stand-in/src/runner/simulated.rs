//! Runners under virtual time: what the processes in a world's tasks would do.

use std::collections::BTreeMap;

use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::RunnerName;
use fleetfoot_model::secret::Secret;

use super::{DONE, TERMINATED};
use crate::agenda::{Agenda, Entry};
use crate::dice::{Dice, Span, millis};
use crate::github::{ConnectError, Message, SessionId, StandInGitHub};

/// How long a runner takes to end after it was told to.
const ENDING: Span = millis(50, 500);
/// How long it waits before it tries to connect again.
const PAUSE: Span = millis(3_000, 6_000);
/// The exit code of a process that was killed.
const KILLED: i32 = 137;

/// A runner ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerExit {
    /// Which.
    pub runner: RunnerName,
    /// Its exit code.
    pub code: i32,
}

#[derive(Debug, Clone)]
enum Step {
    Connect(Secret),
    Finish,
    Die,
    Exit(i32),
}

#[derive(Debug)]
struct Process {
    session: Option<SessionId>,
    busy: bool,
    /// What it does next.
    next: Option<Entry>,
}

/// The runners that run in a world. Drive it together with its GitHub, after [`StandInGitHub::due`].
#[derive(Debug)]
pub struct SimulatedRunners {
    dice: Dice,
    agenda: Agenda<(RunnerName, Step)>,
    processes: BTreeMap<RunnerName, Process>,
    names: BTreeMap<SessionId, RunnerName>,
    died: Vec<RunnerName>,
}

impl SimulatedRunners {
    /// No runners yet.
    pub fn new(seed: u64) -> Self {
        let (processes, names) = (BTreeMap::new(), BTreeMap::new());
        Self { dice: Dice::new(seed), agenda: Agenda::new(), processes, names, died: Vec::new() }
    }

    /// A runner's process starts, with the configuration that `register` gave it.
    pub fn start(&mut self, now: Timestamp, runner: &RunnerName, configuration: Secret) {
        self.processes.insert(runner.clone(), Process { session: None, busy: false, next: None });
        self.plan(now, runner, Step::Connect(configuration));
    }

    /// SIGTERM: a runner without a job ends within a moment, with a job when that is done.
    pub fn terminate(&mut self, github: &mut StandInGitHub, now: Timestamp, runner: &RunnerName) {
        let Some(process) = self.processes.get(runner) else { return };
        let has_job = process.busy || process.session.is_some_and(|it| github.disconnect(now, it).is_err());
        if !has_job {
            self.end(now, runner, TERMINATED);
        }
    }

    /// SIGKILL, or the end of its machine. It does not count as an exit of its own.
    pub fn kill(&mut self, github: &mut StandInGitHub, now: Timestamp, runner: &RunnerName) {
        if let Some(session) = self.remove(runner).and_then(|process| process.session) {
            github.lost(now, session);
        }
    }

    /// Whether a runner's process is there.
    pub fn is_running(&self, runner: &RunnerName) -> bool {
        self.processes.contains_key(runner)
    }

    /// How many processes are there.
    pub fn count(&self) -> usize {
        self.processes.len()
    }

    /// Runners that died in the middle of their job, by the fault of that name.
    pub fn died(&self) -> &[RunnerName] {
        &self.died
    }

    /// When a runner does something next by itself. What GitHub tells them is in [`StandInGitHub::next_due`].
    pub fn next_due(&self) -> Option<Timestamp> {
        self.agenda.next()
    }

    /// Lets runners do what they have to, and answers those that ended.
    pub fn due(&mut self, github: &mut StandInGitHub, now: Timestamp) -> Vec<RunnerExit> {
        let mut exits = Vec::new();
        loop {
            for (session, message) in github.messages(now) {
                self.told(github, now, session, &message);
            }
            let Some((at, (runner, step))) = self.agenda.pop(now) else { return exits };
            exits.extend(self.act(github, at, runner, step));
        }
    }

    fn told(&mut self, github: &StandInGitHub, now: Timestamp, session: SessionId, message: &Message) {
        let Some(runner) = self.names.get(&session).cloned() else { return };
        match message {
            Message::Job(work) => {
                let dies = self.dice.happens(github.settings().faults.runner_died);
                let (step, after) = if dies {
                    let within = self.dice.between(&(fleetfoot_model::SignedDuration::ZERO..=work.run_for));
                    (Step::Die, within)
                } else {
                    (Step::Finish, work.run_for)
                };
                self.plan(now + after, &runner, step);
                if let Some(process) = self.processes.get_mut(&runner) {
                    process.busy = true;
                }
            }
            Message::Cancelled => {
                let at = now + self.dice.between(&ENDING);
                self.plan(at, &runner, Step::Finish);
            }
            Message::Gone => self.end(now, &runner, TERMINATED),
        }
    }

    fn act(
        &mut self,
        github: &mut StandInGitHub,
        at: Timestamp,
        runner: RunnerName,
        step: Step,
    ) -> Option<RunnerExit> {
        match step {
            Step::Connect(configuration) => {
                self.connect(github, at, &runner, configuration);
                None
            }
            Step::Finish => {
                let session = self.processes.get(&runner)?.session?;
                // A job that GitHub has given up meanwhile is nothing to the runner's exit code.
                let _given_up = github.done(at, session, true);
                self.end(at, &runner, DONE);
                None
            }
            Step::Die => {
                self.kill(github, at, &runner);
                self.died.push(runner.clone());
                Some(RunnerExit { runner, code: KILLED })
            }
            Step::Exit(code) => {
                self.remove(&runner)?;
                Some(RunnerExit { runner, code })
            }
        }
    }

    fn connect(&mut self, github: &mut StandInGitHub, at: Timestamp, runner: &RunnerName, blob: Secret) {
        match github.connect(at, &blob) {
            Ok(session) => {
                self.names.insert(session, runner.clone());
                if let Some(process) = self.processes.get_mut(runner) {
                    process.session = Some(session);
                    process.next = None;
                }
            }
            Err(ConnectError::Unavailable) => {
                let again = at + self.dice.between(&PAUSE);
                self.plan(again, runner, Step::Connect(blob));
            }
            Err(ConnectError::Malformed | ConnectError::Unknown | ConnectError::Used) => {
                self.end(at, runner, TERMINATED);
            }
        }
    }

    fn end(&mut self, now: Timestamp, runner: &RunnerName, code: i32) {
        let at = now + self.dice.between(&ENDING);
        self.plan(at, runner, Step::Exit(code));
    }

    /// What a process does next, instead of what it had planned.
    fn plan(&mut self, at: Timestamp, runner: &RunnerName, step: Step) {
        let Some(process) = self.processes.get_mut(runner) else { return };
        if let Some(planned) = process.next.take() {
            self.agenda.cancel(planned);
        }
        process.next = Some(self.agenda.add(at, (runner.clone(), step)));
    }

    fn remove(&mut self, runner: &RunnerName) -> Option<Process> {
        let process = self.processes.remove(runner)?;
        if let Some(planned) = process.next {
            self.agenda.cancel(planned);
        }
        if let Some(session) = process.session {
            self.names.remove(&session);
        }
        Some(process)
    }
}
