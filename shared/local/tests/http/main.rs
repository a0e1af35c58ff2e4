//! The HTTP API over real connections, and what it does to clients that mean no good.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use fleetfoot_local::bus::{Bus, Pace};
use fleetfoot_local::database::Database;
use fleetfoot_local::functions::Functions;
use fleetfoot_local::http::{Limits, router, serve};
use fleetfoot_local::template::Wiring;
use fleetfoot_model::Timestamp;
use fleetfoot_model::events::{Fact, RunnerWanted};
use fleetfoot_model::function::HttpFunction;
use fleetfoot_model::http::{Request, Response};
use fleetfoot_shell::clock::SystemClock;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

/// The largest body in these tests.
const CAP: usize = 100_000;

/// Tells what it was asked, and waits where it is told to.
#[derive(Default)]
struct Echo {
    begun: AtomicUsize,
    ended: AtomicUsize,
    leave: Notify,
}

#[async_trait]
impl HttpFunction for Echo {
    async fn handle(&self, request: &Request, _: Timestamp) -> (Response, Vec<Fact>) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        if request.header("x-wait").is_some() {
            self.leave.notified().await;
        }
        self.ended.fetch_add(1, Ordering::Relaxed);
        let body = json!({
            "method": request.method, "path": request.path, "headers": request.headers, "bytes": request.body.len(),
        });
        let fact = RunnerWanted { pool: "office".parse().unwrap(), sequence: 1 }.into();
        let response = Response { retry_after_seconds: Some(7), ..Response::json(202, body) };
        (response, if request.method == "POST" { vec![fact] } else { Vec::new() })
    }
}

struct Server {
    address: String,
    echo: Arc<Echo>,
    bus: Arc<Bus>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
    folder: tempfile::TempDir,
}

async fn start(change: impl FnOnce(&mut Limits)) -> Server {
    let template = include_str!("../../../../template.yaml");
    let wiring = Arc::new(Wiring::read(template, &BTreeMap::new()).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("fleet.db")).unwrap();
    let bus = Arc::new(Bus::in_database(wiring, Pace::Aws, database).unwrap());
    let echo = Arc::new(Echo::default());
    let functions = Functions::new().http("ingest", echo.clone()).http("register", echo.clone());
    let mut limits = Limits::for_bodies_of(CAP);
    change(&mut limits);
    let routes = router(bus.clone(), Arc::new(functions), Arc::new(SystemClock), limits);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(serve(listener, routes, limits, async { drop(stopped.await) }));
    Server { address, echo, bus, stop: Some(stop), serving, folder }
}

impl Server {
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn post(&self, path: &str, body: Vec<u8>) -> (u16, Value) {
        let response = reqwest::Client::new().post(self.url(path)).body(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Sends text as it is, and reads the answer until the connection is closed.
    async fn raw(&self, text: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let reading = stream.read_to_string(&mut answer);
        tokio::time::timeout(Duration::from_secs(20), reading)
            .await
            .expect("the connection stays open")
            .unwrap();
        answer
    }
}

async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it never came to be so");
}

#[tokio::test]
async fn a_request_reaches_its_function_and_its_facts_the_bus() {
    let server = start(|_| {}).await;
    let request = reqwest::Client::new()
        .post(server.url("/webhook?x=1"))
        .header("X-GitHub-Event", "workflow_job")
        .header("X-Twice", "one")
        .header("X-Twice", "two")
        .body("{}");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 202);
    assert_eq!(response.headers()["retry-after"], "7");
    assert_eq!(response.headers()["content-type"], "application/json");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["path"], "/webhook");
    assert_eq!(body["bytes"], 2);
    assert_eq!(body["headers"]["x-github-event"], "workflow_job");
    assert_eq!(body["headers"]["x-twice"], "one,two");
    assert_eq!(server.bus.history(0, 9).unwrap().len(), 1);
}

#[tokio::test]
async fn the_templates_routes_are_served_and_no_others() {
    let server = start(|_| {}).await;
    assert_eq!(server.post("/runners/ff-1-1/register", Vec::new()).await.0, 202);
    for path in ["/", "/webhooks", "/webhook/", "/runners//register", "/runners/a/b/register", "/runners/x"] {
        let (status, body) = server.post(path, Vec::new()).await;
        assert_eq!((status, &body["message"]), (404, &json!("there is nothing at this path")), "{path}");
    }
    let response = reqwest::get(server.url("/webhook")).await.unwrap();
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "POST");
    assert_eq!(response.json::<Value>().await.unwrap()["message"], "allowed: POST");
    assert_eq!(reqwest::get(server.url("/health")).await.unwrap().status(), 202);
}

#[tokio::test]
async fn a_body_has_a_largest_size() {
    let server = start(|_| {}).await;
    assert_eq!(server.post("/webhook", vec![b'a'; CAP]).await.0, 202);
    // Far more than fits into the buffers between the two: it is read to its end, and thrown away.
    for size in [CAP + 1, 20 * CAP, 200 * CAP] {
        let (status, body) = server.post("/webhook", vec![b'a'; size]).await;
        assert_eq!((status, &body["message"]), (413, &json!("a body may have 100000 bytes at most")));
    }
    assert_eq!(server.echo.begun.load(Ordering::Relaxed), 1);
    let declared = "POST /webhook HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n";
    assert!(server.raw(declared).await.starts_with("HTTP/1.1 413 "));
    let asks = "POST /webhook HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 100001\r\n\r\n";
    assert!(server.raw(asks).await.starts_with("HTTP/1.1 413 "));
    // Without a declared length.
    let chunk = format!("{:x}\r\n{}\r\n", 60_000, "a".repeat(60_000));
    let chunked = format!(
        "POST /webhook HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n"
    );
    assert!(server.raw(&chunked).await.starts_with("HTTP/1.1 413 "));
}

#[tokio::test]
async fn all_bodies_together_have_a_largest_size() {
    let server = start(|limits| limits.bodies_bytes = 150_000).await;
    let held =
        reqwest::Client::new().post(server.url("/webhook")).header("x-wait", "1").body(vec![b'a'; CAP]);
    let held = tokio::spawn(held.send());
    until(|| server.echo.begun.load(Ordering::Relaxed) == 1).await;
    let (status, body) = server.post("/webhook", vec![b'a'; CAP]).await;
    assert_eq!((status, &body["message"]), (503, &json!("too many large requests at once; try again")));
    assert_eq!(server.post("/webhook", vec![b'a'; 40_000]).await.0, 202);
    server.echo.leave.notify_one();
    assert_eq!(held.await.unwrap().unwrap().status(), 202);
    assert_eq!(server.post("/webhook", vec![b'a'; CAP]).await.0, 202);
}

#[tokio::test]
async fn a_slow_client_is_sent_away() {
    let server = start(|limits| limits.read_time = Duration::from_millis(200)).await;
    let begun = Instant::now();
    assert_eq!(server.raw("POST /webhook HTTP/1.1\r\nhost").await, "");
    assert_eq!(server.raw("").await, "");
    let half = "POST /webhook HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf";
    assert!(server.raw(half).await.starts_with("HTTP/1.1 408 "));
    assert!(server.raw("GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await.starts_with("HTTP/1.1 202 "));
    assert!(begun.elapsed() >= Duration::from_millis(800));
    assert_eq!(server.echo.begun.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn connections_have_a_largest_number_and_further_ones_wait() {
    let server = start(|limits| {
        limits.connections = 2;
        limits.read_time = Duration::from_millis(300);
    })
    .await;
    let _idle = TcpStream::connect(&server.address).await.unwrap();
    let _idle_too = TcpStream::connect(&server.address).await.unwrap();
    assert_eq!(server.post("/webhook", Vec::new()).await.0, 202);
}

#[tokio::test]
async fn what_is_not_http_harms_nobody() {
    let server = start(|limits| limits.read_time = Duration::from_millis(300)).await;
    for text in [
        "\u{0}\u{1}\u{2}\r\n\r\n",
        "GET\r\n\r\n",
        "POST /webhook HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        "POST /webhook HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        &format!("GET /health HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(5000)),
        &format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(70_000)),
    ] {
        let answer = server.raw(text).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert_eq!(server.post("/webhook", Vec::new()).await.0, 202);
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_end_what_was_begun_for_it() {
    let server = start(|_| {}).await;
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    let request =
        "POST /runners/ff-1-1/register HTTP/1.1\r\nhost: x\r\nx-wait: 1\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    until(|| server.echo.begun.load(Ordering::Relaxed) == 1).await;
    drop(stream);
    assert_eq!(server.post("/webhook", Vec::new()).await.0, 202);
    server.echo.leave.notify_one();
    until(|| server.bus.history(0, 9).unwrap().len() == 2).await;
}

#[tokio::test]
async fn facts_that_cannot_be_published_are_answered_with_503() {
    let server = start(|_| {}).await;
    let file = rusqlite::Connection::open(server.folder.path().join("fleet.db")).unwrap();
    file.execute_batch("CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'full'); END")
        .unwrap();
    assert_eq!(server.post("/webhook", Vec::new()).await.0, 503);
    file.execute_batch("DROP TRIGGER full").unwrap();
    assert_eq!(server.post("/webhook", Vec::new()).await.0, 202);
}

#[tokio::test]
async fn the_end_waits_for_requests_under_way() {
    let mut server = start(|_| {}).await;
    let request = reqwest::Client::new().post(server.url("/webhook")).header("x-wait", "1").send();
    let request = tokio::spawn(request);
    until(|| server.echo.begun.load(Ordering::Relaxed) == 1).await;
    drop(server.stop.take());
    until(|| std::net::TcpStream::connect(&server.address).is_err()).await;
    server.echo.leave.notify_one();
    assert_eq!(request.await.unwrap().unwrap().status(), 202);
    server.serving.await.unwrap();
}
