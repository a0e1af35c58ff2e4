//! The ticket becomes a JIT configuration, or a reason to go home.

use std::time::{Duration, Instant};

use fleetfoot_model::secret::Secret;
use reqwest::{Client, Response, StatusCode, Url, header, redirect};
use serde::Deserialize;
use serde_json::json;

use crate::settings::Settings;

/// How long one request may take. API Gateway answers within 29 s (its quota for HTTP API integrations is 30 s).
const ATTEMPT: Duration = Duration::from_secs(30);
/// The first pause between requests; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// The most that is added to a time the server asks for, so that its callers do not all come back at once.
const LONGEST_SPREAD: Duration = Duration::from_secs(2);
/// A JIT configuration has 4 to 7 KB.
const LONGEST_ANSWER: usize = 256 * 1024;

/// What came of it.
pub(crate) enum Registration {
    /// The JIT configuration.
    Registered(Secret),
    /// There is nothing to do for this task.
    NoWork(String),
    /// The ticket was not accepted.
    Refused(String),
    /// It cannot even be asked for.
    Impossible(String),
    /// The deadline is over, or would be before the next try.
    Late(String),
}

/// What one request came to.
enum Attempt {
    Settled(Registration),
    Again { why: String, after: Option<Duration> },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    jit_configuration: Option<String>,
    no_work: Option<String>,
}

/// Asks until there is an answer or the deadline is over.
pub(crate) async fn register(settings: &Settings, deadline: Instant) -> Registration {
    let client = match client(&settings.register_url) {
        Ok(client) => client,
        // Such as for want of root certificates.
        Err(error) => return Registration::Impossible(format!("TLS cannot be set up: {}", chain(&error))),
    };
    let mut pause = FIRST_PAUSE;
    loop {
        let (why, after) = match attempt(&client, settings, deadline).await {
            Attempt::Settled(registration) => return registration,
            Attempt::Again { why, after } => (why, after),
        };
        let wait = match after {
            Some(after) => after + spread(Duration::ZERO, (after / 4).min(LONGEST_SPREAD)),
            None => spread(pause / 2, pause),
        };
        pause = (pause * 2).min(LONGEST_PAUSE);
        if Instant::now() + wait >= deadline {
            return Registration::Late(format!("could not register in time: {why}"));
        }
        tracing::info!(
            register.error = why,
            register.wait_ms = wait.as_millis(),
            "registration is tried again"
        );
        sleep(wait).await;
    }
}

fn client(url: &Url) -> reqwest::Result<Client> {
    // A ticket goes where it is meant to go: no redirects, and no proxy in between on this machine.
    let client = Client::builder().redirect(redirect::Policy::none());
    let is_local = url.host_str().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
    if is_local { client.no_proxy().build() } else { client.build() }
}

async fn attempt(client: &Client, settings: &Settings, deadline: Instant) -> Attempt {
    let timeout = ATTEMPT.min(deadline.saturating_duration_since(Instant::now()));
    let body = json!({ "ticket": settings.ticket.expose() });
    let request = client.post(settings.register_url.clone()).timeout(timeout).json(&body);
    match request.send().await {
        Ok(response) => judge(response).await,
        Err(error) => Attempt::Again { why: chain(&error), after: None },
    }
}

async fn judge(response: Response) -> Attempt {
    let status = response.status();
    match status {
        StatusCode::NO_CONTENT => {
            Attempt::Settled(Registration::NoWork("there is none for this runner".to_owned()))
        }
        StatusCode::OK => read(response).await.unwrap_or_else(|why| Attempt::Again { why, after: None }),
        StatusCode::UNAUTHORIZED | StatusCode::GONE => {
            Attempt::Settled(Registration::Refused(format!("the ticket was not accepted ({status})")))
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => again(&response),
        _ if status.is_server_error() => again(&response),
        _ => Attempt::Settled(Registration::Refused(format!("register answered {status}"))),
    }
}

fn again(response: &Response) -> Attempt {
    let seconds =
        response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Attempt::Again {
        why: format!("register answered {}", response.status()),
        after: seconds.map(|seconds: u32| Duration::from_secs(seconds.into())),
    }
}

async fn read(mut response: Response) -> Result<Attempt, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| chain(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_ANSWER {
            return Err("register answered too much".to_owned());
        }
    }
    // The error of the parser is not told: it may quote the answer.
    let answer: Answer =
        serde_json::from_slice(&body).map_err(|_| "register's answer cannot be read".to_owned())?;
    match (answer.jit_configuration, answer.no_work) {
        (Some(configuration), _) if !configuration.is_empty() => {
            Ok(Attempt::Settled(Registration::Registered(Secret::new(configuration))))
        }
        (_, Some(reason)) => Ok(Attempt::Settled(Registration::NoWork(reason))),
        _ => Err("register's answer holds neither a configuration nor a reason".to_owned()),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn spread(from: Duration, to: Duration) -> Duration {
    from + to.saturating_sub(from).mul_f64(rand::random::<f64>())
}

#[expect(clippy::disallowed_methods, reason = "the agent is a shell")]
async fn sleep(wait: Duration) {
    tokio::time::sleep(wait).await;
}
