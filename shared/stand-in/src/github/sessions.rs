//! What a runner's program does at GitHub: it connects once, is given a job, and says when that is done.

use std::collections::VecDeque;

use fleetfoot_model::ids::{GithubRunnerId, JobId, Repository, RunId};
use fleetfoot_model::secret::Secret;
use fleetfoot_model::{SignedDuration, Timestamp};

use super::job::Stage;
use super::payload::Kind;
use super::registration::{Configuration, Presence};
use super::{Happening, SessionId, StandInGitHub};

/// Why a runner may not connect. It ends with exit code 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// That is no configuration.
    #[error("the configuration cannot be read")]
    Malformed,
    /// The registration is gone, or the secret is not its own.
    #[error("the runner registration has been deleted from the server")]
    Unknown,
    /// The configuration was used before.
    #[error("a session for this runner already exists")]
    Used,
    /// GitHub is down.
    #[error("GitHub is unavailable")]
    Unavailable,
}

/// The session has a job, or is about to: it cannot be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the runner has a job")]
pub struct HasJob;

/// There is no such session, or it has no job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session has no job")]
pub struct SessionGone;

/// A job, as its runner is given it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// The job.
    pub job: JobId,
    /// Its run.
    pub run: RunId,
    /// Where it belongs.
    pub repository: Repository,
    /// Its name.
    pub name: String,
    /// How long it takes.
    pub run_for: SignedDuration,
}

/// What a runner is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// It has a job from now on.
    Job(Work),
    /// Its job was cancelled: it is to end it and say that it is done.
    Cancelled,
    /// Its registration is gone. It ends with exit code 1.
    Gone,
}

/// What waits to be told to a runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Note {
    Offered(JobId),
    Cancelled,
    Gone,
}

/// A connected runner.
#[derive(Debug)]
pub(super) struct Session {
    runner: GithubRunnerId,
    inbox: VecDeque<Note>,
    heard_at: Timestamp,
}

impl StandInGitHub {
    /// A runner connects. It can do so once with each configuration.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn connect(&mut self, now: Timestamp, configuration: &Secret) -> Result<SessionId, ConnectError> {
        let now = self.advance(now);
        if self.meter.down_until(now).is_some() {
            return Err(ConnectError::Unavailable);
        }
        let configuration = Configuration::read(configuration).ok_or(ConnectError::Malformed)?;
        let known = self.registrations.get_mut(&configuration.id()).filter(|it| configuration.opens(it));
        let registration = known.ok_or(ConnectError::Unknown)?;
        if registration.presence != Presence::Expected {
            return Err(ConnectError::Used);
        }
        let session = SessionId(self.dice.number());
        registration.presence = Presence::Online(session);
        let runner = registration.id;
        self.sessions.insert(session, Session { runner, inbox: VecDeque::new(), heard_at: now });
        self.find_job_for(now, runner);
        Ok(session)
    }

    /// What a runner is told next, if anything. A job that is handed out here is running from now on.
    pub fn message(&mut self, now: Timestamp, session: SessionId) -> Option<Message> {
        let now = self.advance(now);
        loop {
            let Some(open) = self.sessions.get_mut(&session) else { return Some(Message::Gone) };
            open.heard_at = now;
            let runner = open.runner;
            let Some(note) = open.inbox.pop_front() else {
                self.ready.remove(&session);
                return None;
            };
            match note {
                Note::Cancelled => return Some(Message::Cancelled),
                Note::Gone => {
                    self.close(session);
                    return Some(Message::Gone);
                }
                Note::Offered(job) if self.stage(job) == Some(Stage::Assigned(runner)) => {
                    return self.start(now, job, runner).map(Message::Job);
                }
                // The offer was withdrawn meanwhile.
                Note::Offered(_) => {}
            }
        }
    }

    /// What all runners are told now.
    pub fn messages(&mut self, now: Timestamp) -> Vec<(SessionId, Message)> {
        let now = self.advance(now);
        let mut messages = Vec::new();
        while let Some(session) = self.ready.first().copied() {
            messages.extend(self.message(now, session).map(|message| (session, message)));
        }
        messages
    }

    /// Whether any runner has a message to fetch.
    pub fn has_messages(&self) -> bool {
        !self.ready.is_empty()
    }

    /// A runner's job is done. Its registration goes with it: it was for one job.
    ///
    /// # Errors
    /// The session is unknown or has no job: the job was given up, or the runner taken for dead.
    pub fn done(&mut self, now: Timestamp, session: SessionId, succeeded: bool) -> Result<(), SessionGone> {
        let now = self.advance(now);
        let runner = self.sessions.get(&session).ok_or(SessionGone)?.runner;
        let (id, _) = self.registrations.get(&runner).and_then(|it| it.job).ok_or(SessionGone)?;
        let job = self.jobs.get(&id).filter(|job| job.stage == Stage::Running(runner)).ok_or(SessionGone)?;
        let conclusion = match (job.cancelled, succeeded) {
            (true, _) => "cancelled".to_owned(),
            (false, true) => job.order.conclusion.clone(),
            (false, false) => "failure".to_owned(),
        };
        self.complete(now, id, &conclusion);
        self.close(session);
        self.unregister(runner);
        Ok(())
    }

    /// A runner without a job ends in an orderly way.
    ///
    /// # Errors
    /// It has a job, which it may not have heard of yet, and must take it.
    pub fn disconnect(&mut self, now: Timestamp, session: SessionId) -> Result<(), HasJob> {
        let now = self.advance(now);
        let Some(open) = self.sessions.get(&session) else { return Ok(()) };
        let runner = open.runner;
        if self.registrations.get(&runner).is_some_and(|it| it.job.is_some()) {
            return Err(HasJob);
        }
        self.close(session);
        self.go_offline(now, runner);
        Ok(())
    }

    /// A runner is gone without a word: killed, or its machine is. A job that ran on it fails after a while; one that
    /// it had not heard of is queued again.
    pub fn lost(&mut self, now: Timestamp, session: SessionId) {
        let now = self.advance(now);
        let Some(runner) = self.sessions.get(&session).map(|open| open.runner) else { return };
        self.close(session);
        self.go_offline(now, runner);
        let Some((id, _)) = self.registrations.get(&runner).and_then(|it| it.job) else { return };
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.stage == Stage::Running(runner)) else {
            return;
        };
        job.history.runner_died_at = Some(now);
        self.agenda.add(now + self.settings.times.abandonment, Happening::Abandoned(id));
    }

    /// Counts runners as lost that have not been heard of for too long. For faces where runners poll.
    pub fn lose_silent(&mut self, now: Timestamp) {
        let now = self.advance(now);
        let limit = self.settings.times.silence;
        let silent: Vec<_> =
            self.sessions.iter().filter(|(_, open)| open.heard_at + limit < now).map(|(id, _)| *id).collect();
        for session in silent {
            self.lost(now, session);
        }
    }

    pub(super) fn send(&mut self, session: SessionId, note: Note) {
        if let Some(open) = self.sessions.get_mut(&session) {
            open.inbox.push_back(note);
            self.ready.insert(session);
        }
    }

    fn start(&mut self, now: Timestamp, id: JobId, runner: GithubRunnerId) -> Option<Work> {
        let name = self.registrations.get(&runner)?.name.clone();
        let job = self.jobs.get_mut(&id)?;
        job.stage = Stage::Running(runner);
        job.history.starts.push((now, name));
        if let Some(timer) = job.pickup_timer.take() {
            self.agenda.cancel(timer);
        }
        let work = Work {
            job: id,
            run: job.run,
            repository: job.order.repository.clone(),
            name: job.order.name.clone(),
            run_for: job.order.run_for,
        };
        self.tell(now, id, Kind::JobStarted);
        Some(work)
    }

    fn close(&mut self, session: SessionId) {
        self.sessions.remove(&session);
        self.ready.remove(&session);
    }

    fn go_offline(&mut self, now: Timestamp, runner: GithubRunnerId) {
        self.idle.retain(|(_, idle)| *idle != runner);
        if let Some(registration) = self.registrations.get_mut(&runner) {
            registration.presence = Presence::Offline;
            self.agenda.add(now + self.settings.times.offline, Happening::Forgotten(runner));
        }
    }

    /// A runner that has not been connected for a day is removed.
    pub(super) fn forget_offline(&mut self, runner: GithubRunnerId) {
        let there = self.registrations.get(&runner);
        if there.is_some_and(|it| it.session().is_none() && it.job.is_none()) {
            self.unregister(runner);
        }
    }

    pub(super) fn unregister(&mut self, runner: GithubRunnerId) {
        self.idle.retain(|(_, idle)| *idle != runner);
        if let Some(registration) = self.registrations.remove(&runner) {
            self.names.remove(&(registration.scope, registration.name));
        }
    }
}
