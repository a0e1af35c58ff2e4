//! The page on this machine that leads a browser to GitHub with the manifest, and takes the code that it comes back with.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use fleetfoot_model::ports::Tickets as _;
use fleetfoot_model::secret::{Secret, TicketHash};
use fleetfoot_shell::clock::SystemTickets;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::failure::{Failure, OrFail};

/// How many forms may be open at once; each has a state of its own.
const MOST_STATES: usize = 16;
/// How long the browser may take for its last answer.
const LAST_ANSWER: Duration = Duration::from_secs(1);
/// Nothing is loaded from anywhere, and no other page shows this one.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

/// What the browser is told when the code has been dealt with.
pub(super) enum Reply {
    /// Where to go next.
    Go(String),
    /// What went wrong.
    Failed(String),
}

/// A code that a browser has brought, and the browser that waits.
pub(super) struct Arrival {
    /// The code of the manifest.
    pub(super) code: Secret,
    pub(super) reply: oneshot::Sender<Reply>,
}

/// The page.
pub(super) struct Page {
    /// `http://127.0.0.1:port/`.
    pub(super) address: String,
    arrivals: mpsc::Receiver<Arrival>,
    server: JoinHandle<()>,
    end: Option<oneshot::Sender<()>>,
}

struct Server {
    /// `127.0.0.1:port`: whoever asks for another host was led here by another's name (DNS rebinding).
    host: String,
    /// Where the form is sent, without the state.
    action: String,
    manifest: Value,
    states: Mutex<Vec<TicketHash>>,
    arrivals: mpsc::Sender<Arrival>,
}

impl Page {
    /// Serves the form for a manifest, which is made for the address that the browser is to come back to.
    pub(super) async fn serve(action: String, manifest: impl FnOnce(&str) -> Value) -> Result<Self, Failure> {
        let what = "the page for the browser cannot be served on this machine";
        let listener = TcpListener::bind("127.0.0.1:0").await.or_fail(what)?;
        let host = listener.local_addr().or_fail(what)?.to_string();
        let (sender, arrivals) = mpsc::channel(1);
        let server = Arc::new(Server {
            manifest: manifest(&format!("http://{host}/callback")),
            host: host.clone(),
            action,
            states: Mutex::default(),
            arrivals: sender,
        });
        let routes = Router::new()
            .route("/", get(form))
            .route("/callback", get(callback))
            .layer(middleware::from_fn_with_state(Arc::clone(&server), guard))
            .with_state(server);
        let (end, ended) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            let serving = axum::serve(listener, routes).with_graceful_shutdown(async {
                let _ = ended.await;
            });
            if let Err(error) = serving.await {
                tracing::error!(%error, "the page is gone");
            }
        });
        Ok(Self { address: format!("http://{host}/"), arrivals, server, end: Some(end) })
    }

    /// Lets the browser have its last answer before the page is gone.
    pub(super) async fn finish(&mut self) {
        self.end.take();
        // A browser may keep its connection; its answer is through by then.
        let _ = tokio::time::timeout(LAST_ANSWER, &mut self.server).await;
    }

    /// Waits for a browser that comes back with a state of this page's.
    pub(super) async fn arrival(&mut self) -> Option<Arrival> {
        self.arrivals.recv().await
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Server {
    /// A state that nobody can guess, good for one return.
    fn draw_state(&self) -> String {
        let ticket = SystemTickets.draw();
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        if states.len() == MOST_STATES {
            states.remove(0);
        }
        states.push(ticket.hash());
        ticket.expose().to_owned()
    }

    /// Compared in constant time, and used up.
    fn take_state(&self, state: &str) -> bool {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let found = states.iter().position(|it| it.matches(state));
        found.map(|at| states.remove(at)).is_some()
    }
}

async fn guard(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|it| it.to_str().ok());
    let mut response = if host == Some(server.host.as_str()) {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, "this page is for this machine's own browser").into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

fn right(name: &str, level: &str) -> String {
    format!("<li>{}: {}</li>", escape(name), escape(level))
}

async fn form(State(server): State<Arc<Server>>) -> Html<String> {
    let action = format!("{}?state={}", server.action, server.draw_state());
    let rights = server.manifest["default_permissions"].as_object().into_iter().flatten();
    let rights: String =
        rights.map(|(name, level)| right(name, level.as_str().unwrap_or_default())).collect();
    page(&format!(
        "<p>Fleetfoot needs a GitHub App: GitHub lets it register runners, and tells it of jobs. The App is yours; \
         its private key goes from GitHub into your own store of secrets, and nowhere else.</p>\
         <p>It may</p><ul>{rights}</ul>\
         <form action=\"{}\" method=\"post\"><input type=\"hidden\" name=\"manifest\" value=\"{}\">\
         <button type=\"submit\">Go on to GitHub</button></form>",
        escape(&action),
        escape(&server.manifest.to_string()),
    ))
}

#[derive(Deserialize)]
struct Return {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
}

async fn callback(State(server): State<Arc<Server>>, Query(it): Query<Return>) -> Response {
    if !server.take_state(&it.state) {
        let words = "<p>This return does not belong to a form of this page, or was used before. \
                     <a href=\"/\">Begin again</a>.</p>";
        return (StatusCode::BAD_REQUEST, page(words)).into_response();
    }
    let (reply, answer) = oneshot::channel();
    let arrival = Arrival { code: Secret::new(it.code), reply };
    if server.arrivals.send(arrival).await.is_err() {
        return (StatusCode::GONE, page("<p>The command has ended. Run it again.</p>")).into_response();
    }
    match answer.await {
        Ok(Reply::Go(address)) => Redirect::to(&address).into_response(),
        Ok(Reply::Failed(words)) => {
            let words = format!("<p>{}</p><p>The terminal says more.</p>", escape(&words));
            (StatusCode::BAD_GATEWAY, page(&words)).into_response()
        }
        Err(_) => (StatusCode::BAD_GATEWAY, page("<p>The terminal says what happened.</p>")).into_response(),
    }
}

fn page(content: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Fleetfoot</title>\
         <style>:root{{color-scheme:light dark}}body{{font:1rem/1.5 system-ui;max-width:40rem;margin:3rem auto;\
         padding:0 1rem}}button{{font:inherit;padding:.5rem 1rem}}</style><h1>Fleetfoot</h1>{content}</html>"
    ))
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
