//! Watches over a runner from its start until nothing of it is left.

use std::io;
use std::time::{Duration, Instant};

use fleetfoot_model::secret::Secret;
use rustix::process::Signal;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::End;
use crate::hooks::Hooks;
use crate::output::Said;
use crate::processes::{self, Ended};
use crate::report::{Journal, Phase};
use crate::runner::Runner;
use crate::settings::Settings;
use crate::signals::{Signals, Told};
use crate::verdict::{Cause, Complaint, Outcome, verdict};

/// How often hooks and deadlines are looked at.
const TICK: Duration = Duration::from_millis(200);
/// How long an idle runner has to end in: it only has to close its session at GitHub.
const IDLE_STOP: Duration = Duration::from_secs(10);
/// How long the last words of a runner are waited for.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A runner that was told to stop.
struct Stop {
    since: Instant,
    cause: Cause,
    killed: bool,
}

/// Watches over one runner.
pub(crate) struct Supervisor<'a> {
    settings: &'a Settings,
    journal: &'a mut Journal,
    hooks: Hooks,
    runner: Runner,
    began: Instant,
    stop: Option<Stop>,
    complaint: Option<Complaint>,
}

impl<'a> Supervisor<'a> {
    /// Starts the runner.
    pub(crate) fn start(
        settings: &'a Settings,
        configuration: &Secret,
        journal: &'a mut Journal,
    ) -> io::Result<Self> {
        let hooks = Hooks::write(settings)?;
        let runner = Runner::start(settings, configuration, &hooks)?;
        tracing::debug!(runner.pid = runner.pid.as_raw_pid(), "run.sh is started");
        let (began, stop) = (Instant::now(), None);
        Ok(Self { settings, journal, hooks, runner, began, stop, complaint: None })
    }

    /// Sees it to its end.
    pub(crate) async fn run(mut self, signals: &mut Signals) -> End {
        let ended = self.watch(signals).await;
        tracing::debug!(?ended, "run.sh has ended");
        let left = processes::end_children(self.runner.pid).await;
        if left > 0 {
            tracing::info!(processes.ended = left, "processes that the runner left behind were ended");
        }
        while let Ok(Some(said)) = timeout(LAST_WORDS, self.runner.said.recv()).await {
            self.hear(said);
        }
        self.look_at_hooks();
        verdict(&Outcome {
            ended,
            stopped: self.stop.as_ref().map(|stop| stop.cause),
            killed: self.stop.as_ref().is_some_and(|stop| stop.killed),
            ran_job: self.ran_job(),
            job_ended: self.journal.has_reached(Phase::JobEnded),
            complaint: self.complaint,
        })
    }

    async fn watch(&mut self, signals: &mut Signals) -> Ended {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                told = signals.next() => match told {
                    Told::Stop => self.stop(Cause::Asked),
                    Told::ChildEnded => {}
                },
                Some(said) = self.runner.said.recv() => self.hear(said),
                _ = tick.tick() => {
                    self.look_at_hooks();
                    self.enforce_deadlines();
                }
            }
            if let Some(ended) = processes::reap(self.runner.pid) {
                return ended;
            }
        }
    }

    fn hear(&mut self, said: Said) {
        match said {
            Said::Listening => self.journal.reach(Phase::Listening),
            Said::JobStarted => self.journal.reach(Phase::JobStarted),
            Said::JobEnded => self.journal.reach(Phase::JobEnded),
            Said::Complained(complaint) => self.complaint = Some(complaint),
        }
    }

    fn look_at_hooks(&mut self) {
        if let Some(at) = self.hooks.job_started() {
            self.journal.reach_at(Phase::JobStarted, at);
        }
        if let Some(at) = self.hooks.job_ended() {
            self.journal.reach_at(Phase::JobEnded, at);
        }
    }

    fn is_busy(&self) -> bool {
        self.journal.has_reached(Phase::JobStarted)
    }

    /// A runner that says when it listens and runs our hook would have told of a job.
    fn ran_job(&self) -> Option<bool> {
        let would_have_told = self.hooks.tell_of_jobs() && self.journal.has_reached(Phase::Listening);
        if self.is_busy() { Some(true) } else { would_have_told.then_some(false) }
    }

    fn stop(&mut self, cause: Cause) {
        if self.stop.is_some() {
            return;
        }
        // A job may have begun this very moment.
        self.look_at_hooks();
        tracing::info!(?cause, runner.busy = self.is_busy(), "the runner is told to stop");
        self.runner.signal(Signal::TERM);
        self.stop = Some(Stop { since: Instant::now(), cause, killed: false });
    }

    fn enforce_deadlines(&mut self) {
        let patience =
            if self.is_busy() { self.settings.stop_within } else { IDLE_STOP.min(self.settings.stop_within) };
        match &mut self.stop {
            Some(stop) if stop.since.elapsed() >= patience => {
                tracing::warn!("the runner does not end; it is killed");
                stop.killed = true;
                self.runner.signal(Signal::KILL);
            }
            Some(_) => {}
            None => self.enforce_idle_deadline(),
        }
    }

    fn enforce_idle_deadline(&mut self) {
        let idle = self.settings.idle_within.filter(|idle| !self.is_busy() && self.began.elapsed() >= *idle);
        if let Some(idle) = idle {
            self.stop(Cause::Idle(idle));
        }
    }
}
