//! The routes, over a ledger in memory.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::Request;
use fleetfoot_local::ledger::MemoryLedger;
use fleetfoot_model::counter::Counter;
use fleetfoot_model::events::JobDescription;
use fleetfoot_model::ids::RunId;
use fleetfoot_model::job::Job;
use fleetfoot_model::ledger::{self, Change, LedgerError, Stored};
use fleetfoot_model::record::{Index, Key, Record};
use fleetfoot_model::{SignedDuration, Timestamp};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower_service::Service as _;

use super::*;

/// A clock that is moved by hand.
#[derive(Default)]
struct Hand(Mutex<Timestamp>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

impl Hand {
    fn pass(&self, seconds: i64) {
        *self.0.lock().unwrap() += SignedDuration::from_secs(seconds);
    }
}

/// A ledger that counts readings, and may be out of order.
#[derive(Default)]
struct Counting {
    rows: MemoryLedger,
    readings: AtomicUsize,
    broken: std::sync::atomic::AtomicBool,
}

#[async_trait::async_trait]
impl Ledger for Counting {
    async fn get(&self, key: &Key) -> Result<Option<Stored<Record>>, LedgerError> {
        self.rows.get(key).await
    }
    async fn commit(&self, changes: Vec<Change>) -> Result<(), LedgerError> {
        self.rows.commit(changes).await
    }
    async fn list(&self, index: Index, limit: usize) -> Result<Vec<Stored<Record>>, LedgerError> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(LedgerError::Unavailable("the store sleeps".to_owned()));
        }
        self.readings.fetch_add(usize::from(index == Index::Active), Ordering::Relaxed);
        self.rows.list(index, limit).await
    }
    async fn count(&self, counter: &Counter) -> Result<u64, LedgerError> {
        self.rows.count(counter).await
    }
}

struct World {
    ledger: Arc<Counting>,
    clock: Arc<Hand>,
    router: Router,
}

impl World {
    fn new() -> Self {
        let text = "[github]\norganization = \"acme\"\ntoken = \"env:A\"\nwebhook_secrets = [\"env:B\"]\n";
        let (ledger, clock) = (Arc::new(Counting::default()), Arc::new(Hand::default()));
        let router = router(Settings {
            ledger: ledger.clone(),
            config: Arc::new(fleetfoot_model::config::load("fleet.toml", text).unwrap()),
            clock: clock.clone(),
            // Whether a reading is old is for the clock below to say.
            every: Duration::from_millis(1),
            place: "a test".to_owned(),
            hosts: vec!["fleet.acme.example".to_owned()],
            viewers: 2,
        });
        Self { ledger, clock, router }
    }

    async fn ask(&self, method: &str, path: &str, host: &str) -> Response {
        self.ask_with(Request::builder().method(method).uri(path).header("host", host)).await
    }

    async fn ask_with(&self, request: axum::http::request::Builder) -> Response {
        self.router.clone().call(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let response = self.ask("GET", path, "localhost:8081").await;
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn job(&self, id: u64) {
        let description = JobDescription {
            id: JobId(id),
            run_id: RunId(1),
            run_attempt: 1,
            repository: "acme/app".parse().unwrap(),
            public: false,
            workflow: "CI".to_owned(),
            name: "<img src=x onerror=alert(1)>".to_owned(),
            labels: vec!["self-hosted".parse().unwrap()],
            html_url: "javascript:alert(1)".to_owned(),
            head_sha: None,
            created_at: self.clock.now(),
        };
        ledger::put(&*self.ledger, Stored::new(Job::new(description, self.clock.now()))).await.unwrap();
    }
}

/// The next server-sent event: its name and its data.
async fn event(body: &mut Body) -> (String, Value) {
    let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let text = String::from_utf8(frame.to_vec()).unwrap();
    let field = |name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned()
    };
    (field("event:"), serde_json::from_str(&field("data:")).unwrap())
}

#[tokio::test]
async fn the_page_brings_all_of_itself_and_may_load_nothing_else() {
    let world = World::new();
    let response = world.ask("GET", "/", "127.0.0.1:8081").await;
    assert_eq!(response.status(), StatusCode::OK);
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let page = String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
    for wrong in ["http://", "https://", "<style", "style=", "onclick"] {
        assert!(!page.contains(wrong), "{wrong}");
    }
    let named =
        page.split(['"', '\'']).filter(|it| [".js", ".css", ".svg"].iter().any(|end| it.ends_with(end)));
    for file in named {
        assert_eq!(
            world.ask("GET", &format!("/{file}"), "localhost").await.status(),
            StatusCode::OK,
            "{file}"
        );
    }
}

#[tokio::test]
async fn nobody_else_is_answered_and_nothing_can_be_changed() {
    let world = World::new();
    for path in ["/", "/api/overview", "/events"] {
        assert_eq!(
            world.ask("GET", path, "evil.example").await.status(),
            StatusCode::MISDIRECTED_REQUEST,
            "{path}"
        );
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
            let response = world.ask(method, path, "localhost").await;
            assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert!(response.headers().contains_key("content-security-policy"));
        }
    }
    let foreign = || {
        Request::builder()
            .uri("/api/overview")
            .header("host", "localhost")
            .header("sec-fetch-site", "cross-site")
    };
    assert_eq!(world.ask_with(foreign()).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(world.ask_with(foreign().header("sec-fetch-mode", "navigate")).await.status(), StatusCode::OK);
    assert_eq!(world.ask("GET", "/api/overview", "fleet.acme.example").await.status(), StatusCode::OK);
    assert_eq!(world.ask("GET", "/nothing", "localhost").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn one_reading_serves_all_and_nobody_reads_when_nobody_looks() {
    let world = World::new();
    world.job(1).await;
    assert_eq!(world.ledger.readings.load(Ordering::Relaxed), 0);
    let mut first = world.ask("GET", "/events", "localhost").await.into_body();
    let mut second = world.ask("GET", "/events", "localhost").await.into_body();
    let full = world.ask("GET", "/events", "localhost").await;
    assert_eq!(full.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(full.headers().contains_key("retry-after"));
    for body in [&mut first, &mut second] {
        let (name, overview) = event(body).await;
        assert_eq!(
            (name.as_str(), &overview["jobs"][0]["id"], &overview["place"]),
            ("overview", &1.into(), &"a test".into())
        );
        assert_eq!(overview["jobs"][0]["page"], Value::Null, "no browser is sent there");
    }
    assert_eq!(world.ledger.readings.load(Ordering::Relaxed), 1);
    world.clock.pass(1);
    assert_eq!(event(&mut first).await.0, "tick");
    world.job(2).await;
    world.clock.pass(1);
    let (name, change) = event(&mut first).await;
    assert_eq!((name.as_str(), &change["lists"]["jobs"]["put"][0]["id"]), ("change", &2.into()));
    assert_eq!(change["lists"]["jobs"]["put"].as_array().unwrap().len(), 1, "the other has not changed");
    assert_eq!(event(&mut second).await.0, "change", "however much it has missed");
    assert_eq!(world.ledger.readings.load(Ordering::Relaxed), 3);
    drop((first, second));
    world.clock.pass(60);
    assert_eq!(world.ledger.readings.load(Ordering::Relaxed), 3);
    let again = world.ask("GET", "/events", "localhost").await;
    assert_eq!(again.status(), StatusCode::OK, "their seats are free again");
}

#[tokio::test]
async fn trouble_is_told_and_ends_by_itself() {
    let world = World::new();
    world.ledger.broken.store(true, Ordering::Relaxed);
    let (status, answer) = world.get("/api/overview").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer["error"].as_str().unwrap().contains("the store sleeps"), "{answer}");
    let mut body = world.ask("GET", "/events", "localhost").await.into_body();
    assert_eq!(event(&mut body).await.0, "trouble");
    world.ledger.broken.store(false, Ordering::Relaxed);
    world.clock.pass(2);
    assert_eq!(event(&mut body).await.0, "overview");
}

#[tokio::test]
async fn a_job_is_told_step_by_step() {
    let world = World::new();
    world.job(7).await;
    let (status, job) = world.get("/api/jobs/7").await;
    assert_eq!((status, &job["job"]["id"], &job["phase"]), (StatusCode::OK, &7.into(), &"waiting".into()));
    assert_eq!(world.get("/api/jobs/8").await.0, StatusCode::NOT_FOUND);
    assert_eq!(world.get("/api/jobs/x").await.0, StatusCode::BAD_REQUEST);
}
