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
use crate::usage::{self, Meter};
use crate::verdict::{Cause, Complaint, Outcome, verdict};
use crate::workplace::Workplace;

/// How often hooks and deadlines are looked at.
const TICK: Duration = Duration::from_millis(200);
/// How long an idle runner has to end in: it only has to close its session at GitHub.
const IDLE_STOP: Duration = Duration::from_secs(10);
/// How long a job has at least to be cancelled in, when the agent is told to stop: its last steps are run.
const CANCELLING: Duration = Duration::from_secs(30);
/// How long the last words of a runner are waited for.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A runner that is to stop.
struct Stop {
    since: Instant,
    cause: Cause,
    /// Whether the runner knows.
    told: bool,
    killed: bool,
}

/// Watches over one runner.
pub(crate) struct Supervisor<'a> {
    settings: &'a Settings,
    journal: &'a mut Journal,
    hooks: Hooks,
    runner: Runner,
    began: Instant,
    /// Since when it is known.
    job_ended: Option<Instant>,
    stop: Option<Stop>,
    complaint: Option<Complaint>,
    meter: Meter,
}

impl<'a> Supervisor<'a> {
    /// Starts the runner.
    pub(crate) fn start(
        settings: &'a Settings,
        configuration: Secret,
        workplace: &Workplace,
        journal: &'a mut Journal,
    ) -> io::Result<Self> {
        let hooks = Hooks::write(settings)?;
        let meter = Meter::start(settings);
        let runner = Runner::start(settings, configuration, workplace, &hooks)?;
        tracing::debug!(runner.pid = runner.pid.as_raw_pid(), "run.sh is started");
        let began = Instant::now();
        Ok(Self {
            settings,
            journal,
            hooks,
            runner,
            began,
            job_ended: None,
            stop: None,
            complaint: None,
            meter,
        })
    }

    /// Sees it to its end.
    pub(crate) async fn run(mut self, signals: &mut Signals) -> End {
        let ended = self.watch(signals).await;
        tracing::debug!(?ended, "run.sh has ended");
        if let Some(usage) = self.meter.usage().filter(|_| self.is_busy()) {
            usage::tell(&usage, self.settings.runner_name());
            self.journal.note_usage(usage);
        }
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
                    self.meter.look();
                    self.look_at_hooks();
                    self.note_end_of_job();
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

    fn note_end_of_job(&mut self) {
        if self.job_ended.is_none() && self.journal.has_reached(Phase::JobEnded) {
            self.job_ended = Some(Instant::now());
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
        tracing::info!(?cause, runner.busy = self.is_busy(), "the runner is to stop");
        self.stop = Some(Stop { since: Instant::now(), cause, told: false, killed: false });
        self.see_to_stop();
    }

    fn enforce_deadlines(&mut self) {
        if self.stop.is_some() {
            return self.see_to_stop();
        }
        if let Some(cause) = self.overdue() {
            self.stop(cause);
        }
    }

    fn overdue(&self) -> Option<Cause> {
        let waited = self.began.elapsed();
        let is_over = |limit: Option<Duration>| limit.filter(|limit| waited >= *limit);
        if let Some(ended) = self.job_ended {
            let within = self.settings.end_within;
            return (ended.elapsed() >= within).then_some(Cause::Lingering(within));
        }
        if self.is_busy() {
            return None;
        }
        let is_mute = !self.journal.has_reached(Phase::Listening);
        let mute = is_over(self.settings.listen_within).filter(|_| is_mute).map(Cause::Mute);
        mute.or_else(|| is_over(self.settings.idle_within).map(Cause::Idle))
    }

    /// A job that may end by itself is first given the time to: a runner that is told to stop cancels it.
    fn see_to_stop(&mut self) {
        let is_busy = self.is_busy();
        let Some(stop) = &mut self.stop else { return };
        let patience =
            if is_busy { self.settings.stop_within } else { IDLE_STOP.min(self.settings.stop_within) };
        let is_patient = is_busy && stop.cause == Cause::Asked;
        let untold =
            if is_patient { patience.saturating_sub(CANCELLING.min(patience / 2)) } else { Duration::ZERO };
        let elapsed = stop.since.elapsed();
        if elapsed >= patience {
            if !stop.killed {
                tracing::warn!("the runner does not end; it is killed");
            }
            stop.killed = true;
            self.runner.signal(Signal::KILL);
        } else if !stop.told && elapsed >= untold {
            tracing::info!("the runner is told to stop");
            stop.told = true;
            self.runner.signal(Signal::TERM);
        }
    }
}
