//! A scripted GitHub on the loopback interface, a vault and a clock.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use fleetfoot_github::GitHubClient;
use fleetfoot_model::config::{Credentials, GitHubConfig, Target};
use fleetfoot_model::ports::{Clock, SecretError, Secrets};
use fleetfoot_model::runner::Scope;
use fleetfoot_model::secret::{Secret, SecretReference};
use fleetfoot_model::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Barrier;

pub(crate) const KEY: &str = include_str!("keys/test-only-app-key.pem");
pub(crate) const MINT: &str = "POST /app/installations/42/access_tokens";
pub(crate) const REGISTER: &str = "POST /orgs/acme/actions/runners/generate-jitconfig";

/// What the server was asked.
#[derive(Clone)]
pub(crate) struct Asked {
    /// `METHOD /path?query`.
    pub(crate) what: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    peer: SocketAddr,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// What the server answers.
#[derive(Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn json(body: &Value) -> Self {
        Self::new(200, body.to_string())
    }

    /// A refusal in GitHub's form. `{authorization}` in it becomes what the request carried.
    pub(crate) fn refusal(status: u16, message: &str) -> Self {
        Self::new(status, json!({ "message": message }).to_string())
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn installation_token(token: &str, expires_at: &str) -> Self {
        Self::new(201, json!({ "token": token, "expires_at": expires_at }).to_string())
    }

    pub(crate) fn registered() -> Self {
        Self::new(201, json!({ "runner": { "id": 23 }, "encoded_jit_config": "blob" }).to_string())
    }
}

#[derive(Default)]
struct Script {
    /// What is asked, and the answers; the flag tells whether the first of them was given already.
    replies: Mutex<HashMap<String, (bool, VecDeque<Reply>)>>,
    asked: Mutex<Vec<Asked>>,
    gates: Mutex<HashMap<String, Arc<Barrier>>>,
}

/// A GitHub that plays its script. What is not in the script is answered 418.
pub(crate) struct Server {
    pub(crate) address: String,
    script: Arc<Script>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Script::default());
        let app = Router::new().fallback(play).with_state(script.clone());
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { address, script }
    }

    /// Adds an answer. Without a query it answers any query. The last one is given again and again.
    pub(crate) fn on(&self, what: &str, reply: Reply) -> &Self {
        self.script.replies.lock().unwrap().entry(what.to_owned()).or_default().1.push_back(reply);
        self
    }

    /// Answers nobody until so many ask for this at once.
    pub(crate) fn gate(&self, what: &str, requests: usize) -> &Self {
        let gate = Arc::new(Barrier::new(requests));
        self.script.gates.lock().unwrap().insert(what.to_owned(), gate);
        self
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.script.asked.lock().unwrap().clone()
    }

    /// What was asked, in order.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.what).collect()
    }

    pub(crate) fn count(&self, what: &str) -> usize {
        self.heard().iter().filter(|heard| *heard == what).count()
    }

    pub(crate) fn connections(&self) -> usize {
        self.asked().iter().map(|asked| asked.peer).collect::<BTreeSet<_>>().len()
    }
}

async fn play(
    State(script): State<Arc<Script>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, 1 << 20).await.unwrap();
    let what = format!("{} {}", parts.method, parts.uri);
    let bare = format!("{} {}", parts.method, parts.uri.path());
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    let asked = Asked { what: what.clone(), headers: parts.headers, body, peer };
    let authorization = asked.header("authorization").to_owned();
    script.asked.lock().unwrap().push(asked);
    let gate = script.gates.lock().unwrap().get(&bare).cloned();
    if let Some(gate) = gate {
        gate.wait().await;
    }
    let reply = next(&script, &what).or_else(|| next(&script, &bare));
    let reply = reply.unwrap_or_else(|| Reply::refusal(418, &format!("not in the script: {what}")));
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(reply.body.replace("{authorization}", &authorization))).unwrap()
}

fn next(script: &Script, what: &str) -> Option<Reply> {
    let mut replies = script.replies.lock().unwrap();
    let (given, queue) = replies.get_mut(what)?;
    if *given && queue.len() > 1 {
        queue.pop_front();
    }
    *given = true;
    queue.front().cloned()
}

/// Holds one secret, which may be exchanged or taken away.
pub(crate) struct Vault {
    secret: Mutex<Option<String>>,
    reads: Mutex<usize>,
}

impl Vault {
    pub(crate) fn hold(&self, secret: Option<&str>) {
        *self.secret.lock().unwrap() = secret.map(str::to_owned);
    }

    pub(crate) fn reads(&self) -> usize {
        *self.reads.lock().unwrap()
    }
}

#[async_trait]
impl Secrets for Vault {
    async fn read(&self, reference: &SecretReference) -> Result<Secret, SecretError> {
        *self.reads.lock().unwrap() += 1;
        let secret = self.secret.lock().unwrap().clone();
        secret.map(Secret::new).ok_or_else(|| SecretError {
            reference: reference.to_string(),
            reason: "it is not there".to_owned(),
        })
    }
}

pub(crate) struct VirtualClock(Mutex<Timestamp>);

impl VirtualClock {
    pub(crate) fn advance(&self, minutes: i64) {
        *self.0.lock().unwrap() += SignedDuration::from_mins(minutes);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// A client with its surroundings.
pub(crate) struct World {
    pub(crate) github: Arc<GitHubClient>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) clock: Arc<VirtualClock>,
}

impl World {
    fn new(address: &str, credentials: Credentials, target: Target, secret: &str) -> Self {
        let config = GitHubConfig {
            url: address.to_owned(),
            target,
            credentials,
            webhook_secrets: Vec::new(),
            runner_group_id: 7,
        };
        let vault = Arc::new(Vault { secret: Mutex::new(Some(secret.to_owned())), reads: Mutex::new(0) });
        let clock = Arc::new(VirtualClock(Mutex::new(start())));
        let github = Arc::new(GitHubClient::new(&config, vault.clone(), clock.clone()));
        Self { github, vault, clock }
    }

    /// Signed in with the personal access token `ghp_first`.
    pub(crate) fn with_token(address: &str) -> Self {
        Self::with_token_for(address, Target::Organization("acme".parse().unwrap()))
    }

    pub(crate) fn with_token_for(address: &str, target: Target) -> Self {
        let credentials = Credentials::Token(SecretReference::Environment("GITHUB_TOKEN".to_owned()));
        Self::new(address, credentials, target, "ghp_first")
    }

    /// Signed in as installation 42 of App 1.
    pub(crate) fn with_app(address: &str) -> Self {
        let key = SecretReference::File("app.pem".to_owned());
        let credentials = Credentials::App { id: 1, installation: 42, key };
        Self::new(address, credentials, Target::Organization("acme".parse().unwrap()), KEY)
    }
}

/// When every story begins.
pub(crate) fn start() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

pub(crate) fn organization() -> Scope {
    Scope::Organization("acme".parse().unwrap())
}

pub(crate) fn repository() -> Scope {
    Scope::Repository("acme/app".parse().unwrap())
}
