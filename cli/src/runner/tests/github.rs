//! A GitHub with releases and one repository, on the loopback interface. It has state, and keeps count.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What is there.
#[derive(Default)]
pub(super) struct Repository {
    /// Branches and what their `runner/release.toml` says.
    pub(super) branches: BTreeMap<String, String>,
    /// Open pull requests: their branch and address.
    pub(super) pulls: Vec<(String, String)>,
    /// `METHOD /path`, in order.
    pub(super) asked: Vec<String>,
    /// What is answered to anything, instead: status, a header, body.
    pub(super) trouble: Option<(u16, (&'static str, &'static str), String)>,
    /// After so many more writes each is answered 502.
    pub(super) writes_until_trouble: Option<usize>,
    pub(super) releases: Value,
}

#[derive(Clone, Default)]
pub(super) struct GitHub {
    repository: Arc<Mutex<Repository>>,
    pub(super) address: String,
}

/// A release with checksums in GitHub's own digests.
pub(super) fn release(version: &str, day: &str) -> Value {
    let asset = |arch: &str, digit: &str| {
        let name = format!("actions-runner-linux-{arch}-{version}.tar.gz");
        json!({ "name": name, "digest": format!("sha256:{}", digit.repeat(64)) })
    };
    json!({
        "tag_name": format!("v{version}"), "published_at": format!("{day}T12:00:00Z"), "draft": false,
        "prerelease": false, "assets": [asset("x64", "1"), asset("arm64", "2")], "body": "",
    })
}

impl GitHub {
    /// One with these releases, and a pin of 2.330.0 on its default branch `trunk`.
    pub(super) async fn start(releases: Vec<Value>, pin: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let github = Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            repository: Arc::new(Mutex::new(Repository {
                branches: BTreeMap::from([("trunk".to_owned(), pin.to_owned())]),
                releases: releases.into(),
                ..Repository::default()
            })),
        };
        let app = Router::new().fallback(answer).with_state(github.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        github
    }

    pub(super) fn look(&self) -> MutexGuard<'_, Repository> {
        self.repository.lock().unwrap()
    }
}

async fn answer(State(github): State<GitHub>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let query = parts.uri.query().unwrap_or_default().replace("%3A", ":").replace("%2F", "/");
    let token = parts.headers.get("authorization").map(|it| it.to_str().unwrap().to_owned());
    let mut repository = github.look();
    let what = format!("{} {}", parts.method, parts.uri.path());
    repository.asked.push(what.clone());
    let mut response = Response::builder().header("content-type", "application/json");
    let (status, answer) = if let Some((status, (name, value), text)) = repository.trouble.clone() {
        response = response.header(name, value);
        (status, text)
    } else {
        let (status, answer) = repository.answer(&what, &query, token.as_deref(), &body);
        (status, answer.to_string())
    };
    response.status(status).body(Body::from(answer)).unwrap()
}

impl Repository {
    fn answer(&mut self, what: &str, query: &str, token: Option<&str>, body: &Value) -> (u16, Value) {
        if what == "GET /repos/actions/runner/releases" {
            return (200, self.releases.clone());
        }
        if token != Some("Bearer good") {
            return (401, json!({ "message": "Bad credentials" }));
        }
        if !what.starts_with("GET") {
            match &mut self.writes_until_trouble {
                Some(0) => return (502, json!({ "message": "Server Error" })),
                Some(left) => *left -= 1,
                None => {}
            }
        }
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        let value = |key: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs
                .filter(|(name, _)| *name == key)
                .map(|(_, value)| value.to_owned())
                .next()
                .unwrap_or_default()
        };
        match what {
            "GET /repos/acme/fleet" => (200, json!({ "default_branch": "trunk" })),
            "GET /repos/acme/fleet/git/ref/heads/trunk" => (200, json!({ "object": { "sha": "c0ffee" } })),
            "POST /repos/acme/fleet/git/refs" => self.create_branch(&text("ref"), &text("sha")),
            "GET /repos/acme/fleet/contents/runner/release.toml" => match self.branches.get(&value("ref")) {
                Some(file) => (200, json!({ "content": lines(file), "sha": format!("sha of {file}") })),
                None => (404, json!({ "message": "Not Found" })),
            },
            "PUT /repos/acme/fleet/contents/runner/release.toml" => self.put(body),
            "GET /repos/acme/fleet/pulls" => {
                let head = value("head");
                let open = self.pulls.iter().filter(|(branch, _)| format!("acme:{branch}") == head);
                let open: Vec<Value> = open.map(|(_, url)| json!({ "html_url": url })).collect();
                (200, open.into())
            }
            "POST /repos/acme/fleet/pulls" => self.open(&text("head"), &text("base")),
            _ => (404, json!({ "message": "Not Found" })),
        }
    }

    fn create_branch(&mut self, reference: &str, sha: &str) -> (u16, Value) {
        let branch = reference.trim_start_matches("refs/heads/").to_owned();
        assert_eq!(sha, "c0ffee");
        if self.branches.contains_key(&branch) {
            return (422, json!({ "message": "Reference already exists" }));
        }
        let trunk = self.branches["trunk"].clone();
        self.branches.insert(branch, trunk);
        (201, json!({}))
    }

    fn put(&mut self, body: &Value) -> (u16, Value) {
        let Some(file) = self.branches.get_mut(body["branch"].as_str().unwrap()) else {
            return (404, json!({ "message": "Branch not found" }));
        };
        if body["sha"] != format!("sha of {file}") {
            return (409, json!({ "message": "runner/release.toml does not match" }));
        }
        *file = String::from_utf8(STANDARD.decode(body["content"].as_str().unwrap()).unwrap()).unwrap();
        (200, json!({}))
    }

    fn open(&mut self, head: &str, base: &str) -> (u16, Value) {
        assert_eq!(base, "trunk");
        if self.pulls.iter().any(|(branch, _)| branch == head) {
            return (
                422,
                json!({ "message": "Validation Failed", "errors": [{ "message": "A pull request already exists" }] }),
            );
        }
        let url = format!("https://github.test/acme/fleet/pull/{}", self.pulls.len() + 1);
        self.pulls.push((head.to_owned(), url.clone()));
        (201, json!({ "html_url": url }))
    }
}

/// As GitHub sends it: in lines of 60 characters.
fn lines(text: &str) -> String {
    let encoded = STANDARD.encode(text);
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(60).map(|line| std::str::from_utf8(line).unwrap()).collect();
    lines.join("\n") + "\n"
}
