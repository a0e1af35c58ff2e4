//! The stand-in GitHub over HTTP, in real time: GitHub's own paths and answers, what the stand-in runner needs beside
//! them under `/stand-in/`, and a courier that sends the webhooks.

mod answer;
mod control;
mod courier;
mod place;
mod rest;
mod view;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::response::Response;
use fleetfoot_model::Timestamp;
use fleetfoot_model::ports::Clock;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::github::StandInGitHub;
use crate::in_process::lock;
use answer::{Answer, finish};

pub(crate) use control::{Connect, Connected, Done, Next, Session};

/// What every route holds.
#[derive(Clone)]
struct Face {
    github: Arc<Mutex<StandInGitHub>>,
    clock: Arc<dyn Clock>,
    /// Rings when runners have messages.
    bell: Arc<Notify>,
    /// `http://host:port`.
    address: String,
    /// Where webhooks are sent.
    webhook_url: String,
}

impl Face {
    fn github(&self) -> MutexGuard<'_, StandInGitHub> {
        lock(&self.github)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Answers a request of the REST API.
    fn answer(&self, act: impl FnOnce(&mut StandInGitHub, Timestamp) -> Answer) -> Response {
        let answer = act(&mut self.github(), self.now());
        finish(self, answer)
    }
}

/// Serves a stand-in GitHub and sends its webhooks to `webhook_url`, until the future is dropped. Its address is filled
/// in, unless its settings name one.
///
/// # Errors
/// The listener broke.
pub async fn serve(
    listener: TcpListener,
    github: Arc<Mutex<StandInGitHub>>,
    clock: Arc<dyn Clock>,
    webhook_url: String,
) -> io::Result<()> {
    let address = format!("http://{}", listener.local_addr()?);
    lock(&github).set_address(&address);
    let face = Face { github, clock, bell: Arc::new(Notify::new()), address, webhook_url };
    let routes = rest::routes(&face).nest("/stand-in", control::routes()).with_state(face.clone());
    tokio::select! {
        ended = axum::serve(listener, routes).into_future() => ended,
        ended = courier::run(face) => ended,
    }
}
