//! A runner's conversation with the stand-in GitHub.

use std::time::Duration;

use fleetfoot_model::ids::{Repository, RunId};
use fleetfoot_model::secret::Secret;
use reqwest::StatusCode;
use serde::Serialize;

use crate::github::Configuration;
use crate::github_http::{Connect, Connected, Done, Next, Session as Request};

/// A poll is answered after five seconds at the latest.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a runner waits before it tries again.
const PAUSE: Duration = Duration::from_millis(500);
/// How often it tries. A minute and more in all: GitHub may be down for a while.
const TRIES: usize = 120;

/// A job, as far as a runner cares.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) repository: Repository,
    pub(super) run: RunId,
    pub(super) name: String,
    pub(super) run_for: Duration,
}

/// What a runner is told.
#[derive(Debug)]
pub(super) enum Told {
    Job(Job),
    Cancelled,
    Gone,
}

/// Why the conversation ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("the configuration cannot be read")]
    Malformed,
    #[error("GitHub refused: {0}")]
    Refused(StatusCode),
    #[error("GitHub cannot be reached")]
    Unreachable,
}

/// An open session.
#[derive(Debug)]
pub(super) struct Session {
    client: reqwest::Client,
    server: String,
    id: String,
    pub(super) name: String,
}

impl Session {
    /// Connects with a configuration, to the address that it names.
    pub(super) async fn open(configuration: &Secret) -> Result<Self, Ended> {
        let read = Configuration::read(configuration).ok_or(Ended::Malformed)?;
        let client = crate::http::client(PATIENCE).map_err(|_| Ended::Unreachable)?;
        let (server, name) = (read.server.trim_end_matches('/').to_owned(), read.name);
        let mut opened = Self { client, server, id: String::new(), name };
        let response =
            opened.post("connect", &Connect { jit_config: configuration.expose().to_owned() }).await?;
        if !response.status().is_success() {
            return Err(Ended::Refused(response.status()));
        }
        let connected: Connected = response.json().await.map_err(|_| Ended::Unreachable)?;
        opened.id = connected.session;
        Ok(opened)
    }

    /// Waits to be told something, for however long that takes.
    pub(super) async fn next(&self) -> Result<Told, Ended> {
        loop {
            let response = self.post("next", &self.request()).await?;
            match response.json::<Next>().await {
                Ok(Next::Job { repository, run, name, run_for_millis, .. }) => {
                    let run_for = Duration::from_millis(run_for_millis);
                    return Ok(Told::Job(Job { repository, run, name, run_for }));
                }
                Ok(Next::Cancelled) => return Ok(Told::Cancelled),
                Ok(Next::Gone) => return Ok(Told::Gone),
                Ok(Next::Nothing) => {}
                Err(_) => pause().await,
            }
        }
    }

    /// Waits until a job is to end before its time, and tells GitHub meanwhile that the runner lives. A job goes on
    /// while GitHub cannot be reached.
    pub(super) async fn ended_early(&self) {
        loop {
            match self.next().await {
                Ok(Told::Cancelled | Told::Gone) => return,
                Ok(Told::Job(_)) | Err(_) => pause().await,
            }
        }
    }

    /// Its job is over.
    pub(super) async fn done(&self, succeeded: bool) -> Result<(), Ended> {
        let response = self.post("done", &Done { session: self.id.clone(), succeeded }).await?;
        response.status().is_success().then_some(()).ok_or(Ended::Refused(response.status()))
    }

    /// Closes it. Answers whether that was possible: not if there is a job.
    pub(super) async fn close(&self) -> Result<bool, Ended> {
        Ok(self.post("disconnect", &self.request()).await?.status().is_success())
    }

    fn request(&self) -> Request {
        Request { session: self.id.clone() }
    }

    /// Sends a request until it is answered, by something that is not down.
    async fn post(&self, what: &str, body: &impl Serialize) -> Result<reqwest::Response, Ended> {
        for _ in 0..TRIES {
            let sent = self.client.post(format!("{}/runner/{what}", self.server)).json(body).send().await;
            match sent {
                Ok(response) if !response.status().is_server_error() => return Ok(response),
                Ok(_) | Err(_) => pause().await,
            }
        }
        Err(Ended::Unreachable)
    }
}

#[expect(clippy::disallowed_methods, reason = "a runner is a program of its own, in real time")]
async fn pause() {
    tokio::time::sleep(PAUSE).await;
}
