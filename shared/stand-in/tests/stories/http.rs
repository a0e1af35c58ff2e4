//! The HTTP face and the runner's program, on loopback and in real time.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use fleetfoot_model::ids::JobId;
use fleetfoot_model::ports::Clock;
use fleetfoot_model::secret::Secret;
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_stand_in::github::{
    Faults, JobHistory, JobOrder, Limits, Settings, StandInGitHub, Times, sign,
};
use fleetfoot_stand_in::github_http::serve;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::support::{SECRET, labels, settings};

pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the HTTP face is tried in real time")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

type Received = Arc<Mutex<Vec<(HeaderMap, Vec<u8>)>>>;

/// A GitHub that is served, and somebody who takes its webhooks.
struct World {
    github: Arc<Mutex<StandInGitHub>>,
    received: Received,
    address: String,
    client: reqwest::Client,
}

impl World {
    async fn start(settings: Settings) -> Self {
        let github = Arc::new(Mutex::new(StandInGitHub::new(settings)));
        let received = Received::default();
        let hook = Router::new().route("/webhook", post(take)).with_state(Arc::clone(&received));
        let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhook", target.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(target, hook).await });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve(listener, Arc::clone(&github), Arc::new(SystemClock), url));
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        Self { github, received, address, client }
    }

    async fn quick() -> Self {
        Self::start(Settings { times: Times::quick(), ..settings(Faults::NONE) }).await
    }

    fn queue(&self, run_for_millis: i64) -> JobId {
        let run_for = SignedDuration::from_millis(run_for_millis);
        let order = JobOrder::new("acme/app".parse().unwrap(), labels(&["self-hosted"]));
        self.github.lock().unwrap().queue_job(SystemClock.now(), JobOrder { run_for, ..order })
    }

    async fn request(&self, method: &str, path: &str, body: Option<Value>) -> (StatusCode, HeaderMap, Value) {
        let method = method.parse().unwrap();
        let mut request = self.client.request(method, format!("{}{path}", self.address));
        request = request.header("authorization", "Bearer something");
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.unwrap();
        (status, headers, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn register(&self, name: &str) -> Secret {
        let body = json!({ "name": name, "runner_group_id": 1, "labels": ["self-hosted"] });
        let path = "/orgs/acme/actions/runners/generate-jitconfig";
        let (status, _, answer) = self.request("POST", path, Some(body)).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        assert_eq!(answer["runner"]["name"], name);
        Secret::new(answer["encoded_jit_config"].as_str().unwrap())
    }

    /// Waits until something is so.
    async fn until(&self, what: &str, is: impl Fn(&StandInGitHub) -> bool) {
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        let waiting = async {
            while !is(&self.github.lock().unwrap()) {
                ticks.tick().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting)
            .await
            .unwrap_or_else(|_| panic!("never {what}"));
    }

    fn history(&self, job: JobId) -> JobHistory {
        self.github.lock().unwrap().history(job).unwrap().clone()
    }
}

async fn take(State(received): State<Received>, headers: HeaderMap, body: axum::body::Bytes) -> StatusCode {
    received.lock().unwrap().push((headers, body.to_vec()));
    StatusCode::ACCEPTED
}

fn program(configuration: &Secret) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stand-in-runner"));
    command.env("ACTIONS_RUNNER_INPUT_JITCONFIG", configuration.expose()).kill_on_drop(true);
    command.stdout(Stdio::null());
    command
}

async fn terminate(child: &Child) {
    let pid = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
}

#[tokio::test]
async fn a_job_goes_over_http_from_webhook_to_webhook() {
    let world = World::quick().await;
    let job = world.queue(50);
    let configuration = world.register("ff-1-1").await;
    let ended = program(&configuration).status().await.unwrap();
    assert_eq!(ended.code(), Some(0));
    let history = world.history(job);
    assert_eq!(history.conclusion.as_deref(), Some("success"));
    assert_eq!(history.started().unwrap().1, "ff-1-1");

    world.until("all webhooks answered", |it| it.webhooks().sent == 4).await;
    let received = Arc::clone(&world.received);
    world.until("all webhooks received", move |_| received.lock().unwrap().len() == 4).await;
    for (headers, body) in world.received.lock().unwrap().iter() {
        let signature = headers["x-hub-signature-256"].to_str().unwrap();
        assert_eq!(signature, sign(&Secret::new(SECRET), body));
    }

    let again = program(&configuration).status().await.unwrap();
    assert_eq!(again.code(), Some(1), "a configuration is good once");
    assert!(world.github.lock().unwrap().registrations().is_empty());
}

#[tokio::test]
async fn sigterm_ends_an_idle_runner_at_once_and_a_busy_one_after_its_job() {
    let world = World::quick().await;
    let mut idle = program(&world.register("ff-1-1").await).spawn().unwrap();
    world.until("online", |it| it.registrations().iter().any(|runner| runner.online)).await;
    terminate(&idle).await;
    assert_eq!(idle.wait().await.unwrap().code(), Some(1));
    assert!(!world.github.lock().unwrap().registrations()[0].online);

    let job = world.queue(1_000);
    let mut busy = program(&world.register("ff-2-1").await).spawn().unwrap();
    world.until("started", |it| it.history(job).unwrap().started().is_some()).await;
    terminate(&busy).await;
    assert_eq!(busy.wait().await.unwrap().code(), Some(0));
    assert_eq!(world.history(job).conclusion.as_deref(), Some("success"));
}

#[tokio::test]
async fn a_runner_whose_process_is_killed_falls_silent_and_its_job_fails() {
    let times = Times {
        silence: SignedDuration::from_millis(300),
        abandonment: SignedDuration::from_millis(100),
        ..Times::quick()
    };
    let world = World::start(Settings { times, ..settings(Faults::NONE) }).await;
    let job = world.queue(900);
    assert_eq!(program(&world.register("ff-1-1").await).status().await.unwrap().code(), Some(0));
    assert_eq!(world.history(job).conclusion.as_deref(), Some("success"), "a living one is heard of");

    let job = world.queue(60_000);
    let mut child = program(&world.register("ff-2-1").await).spawn().unwrap();
    world.until("started", |it| it.history(job).unwrap().started().is_some()).await;
    child.kill().await.unwrap();
    world.until("ended", |it| it.open_jobs() == 0).await;
    assert_eq!(world.history(job).conclusion.as_deref(), Some("failure"));
    assert_eq!(world.github.lock().unwrap().jobs_killed(), [job]);
}

#[tokio::test]
async fn a_deleted_runner_and_a_cancelled_job_end_their_programs() {
    let world = World::quick().await;
    let mut deleted = program(&world.register("ff-1-1").await).spawn().unwrap();
    world.until("online", |it| it.registrations().iter().any(|runner| runner.online)).await;
    let (_, _, listed) = world.request("GET", "/orgs/acme/actions/runners?name=ff-1-1", None).await;
    let id = listed["runners"][0]["id"].as_u64().unwrap();
    let path = format!("/orgs/acme/actions/runners/{id}");
    assert_eq!(world.request("DELETE", &path, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(world.request("DELETE", &path, None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(deleted.wait().await.unwrap().code(), Some(1));

    let job = world.queue(60_000);
    let mut busy = program(&world.register("ff-2-1").await).spawn().unwrap();
    world.until("started", |it| it.history(job).unwrap().started().is_some()).await;
    let id = world.github.lock().unwrap().registrations()[0].id;
    let path = format!("/orgs/acme/actions/runners/{id}");
    assert_eq!(world.request("DELETE", &path, None).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    world.github.lock().unwrap().cancel_job(SystemClock.now(), job);
    assert_eq!(busy.wait().await.unwrap().code(), Some(0));
    assert_eq!(world.history(job).conclusion.as_deref(), Some("cancelled"));
}

#[tokio::test]
async fn hooks_run_around_the_job_and_see_no_configuration() {
    let world = World::quick().await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let script = folder.path().join("hook.sh");
    let text = "echo \"$1$GITHUB_REPOSITORY ${ACTIONS_RUNNER_INPUT_JITCONFIG:-none}\" >> \"$LOG\"\n";
    std::fs::write(&script, text).unwrap();
    let job = world.queue(10);
    let status = program(&world.register("ff-1-1").await)
        .env("ACTIONS_RUNNER_HOOK_JOB_STARTED", &script)
        .env("ACTIONS_RUNNER_HOOK_JOB_COMPLETED", &script)
        .env("LOG", &log)
        .status();
    assert_eq!(status.await.unwrap().code(), Some(0));
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "acme/app none\nacme/app none\n");
    assert_eq!(world.history(job).conclusion.as_deref(), Some("success"));

    std::fs::write(&script, "false\n").unwrap();
    let job = world.queue(10);
    let status =
        program(&world.register("ff-2-1").await).env("ACTIONS_RUNNER_HOOK_JOB_STARTED", &script).status();
    assert_eq!(status.await.unwrap().code(), Some(0));
    assert_eq!(world.history(job).conclusion.as_deref(), Some("failure"), "as with the real runner");
}

#[tokio::test]
async fn refusals_are_githubs() {
    let limits = Limits { requests_per_hour: 6, ..Limits::default() };
    let world = World::start(Settings { limits, ..settings(Faults::NONE) }).await;
    let anonymous = world.client.get(format!("{}/orgs/acme/actions/runners", world.address)).send().await;
    assert_eq!(anonymous.unwrap().status(), StatusCode::UNAUTHORIZED);

    let path = "/repos/acme/app/actions/runners/generate-jitconfig";
    let (status, ..) = world.request("POST", path, Some(json!({ "name": "a", "labels": ["x"] }))).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "runner_group_id is mandatory");
    let body = json!({ "name": "a", "runner_group_id": 1, "labels": ["x"] });
    assert_eq!(world.request("POST", path, Some(body.clone())).await.0, StatusCode::CREATED);
    assert_eq!(world.request("POST", path, Some(body)).await.0, StatusCode::CONFLICT);
    for path in ["/repos/acme/app/actions/jobs/1", "/repos/acme/app/actions/runs/1/jobs"] {
        assert_eq!(world.request("GET", path, None).await.0, StatusCode::NOT_FOUND);
    }
    world.request("GET", "/repos/acme/app/actions/runs", None).await;
    let (status, headers, _) = world.request("GET", "/repos/acme/app/actions/runs", None).await;
    assert_eq!((status, &headers["x-ratelimit-remaining"]), (StatusCode::OK, &"0".parse().unwrap()));
    let (status, headers, body) = world.request("GET", "/repos/acme/app/actions/runs", None).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    let reset: i64 = headers["x-ratelimit-reset"].to_str().unwrap().parse().unwrap();
    assert!((reset - SystemClock.now().as_second() - 3600).abs() < 30);

    let (status, _, granted) = world.request("POST", "/app/installations/42/access_tokens", None).await;
    assert_eq!(status, StatusCode::CREATED, "an App asks for it as itself");
    assert_eq!(granted["token"].as_str().unwrap().len(), 520);

    let limits = Limits { points_per_minute: 5, ..Limits::default() };
    let world = World::start(Settings { limits, ..settings(Faults::NONE) }).await;
    world.register("ff-1-1").await;
    let (status, headers, _) = world.request("GET", "/orgs/acme/actions/runners", None).await;
    assert!([StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS].contains(&status));
    let wait: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=12).contains(&wait), "{wait}");
}

#[tokio::test]
async fn jobs_deliveries_and_hooks_are_listed_page_by_page() {
    let world = World::quick().await;
    let jobs: Vec<_> = (0..3).map(|_| world.queue(10)).collect();
    world.until("all webhooks answered", |it| it.webhooks().sent == 6).await;

    let path = "/repos/acme/app/actions/runs?status=queued&per_page=2";
    let (_, headers, listed) = world.request("GET", path, None).await;
    assert_eq!(listed["total_count"], 3);
    let next = format!("{}/repos/acme/app/actions/runs?per_page=2&status=queued&page=2", world.address);
    assert_eq!(headers["link"].to_str().unwrap(), format!("<{next}>; rel=\"next\""));
    let run = &listed["workflow_runs"][0]["id"];
    let (_, _, in_run) =
        world.request("GET", &format!("/repos/acme/app/actions/runs/{run}/jobs"), None).await;
    assert_eq!(in_run["jobs"][0]["id"], jobs[2].0, "newest first");
    let (_, _, job) = world.request("GET", &format!("/repos/acme/app/actions/jobs/{}", jobs[0]), None).await;
    assert_eq!(job["status"], "queued");

    let (_, headers, first) = world.request("GET", "/app/hook/deliveries?per_page=4", None).await;
    assert_eq!(first.as_array().unwrap().len(), 4);
    let link = headers["link"].to_str().unwrap();
    let next = link.trim_start_matches('<').split('>').next().unwrap();
    let (_, headers, rest) = world.request("GET", next.strip_prefix(&world.address).unwrap(), None).await;
    assert_eq!(rest.as_array().unwrap().len(), 2);
    assert!(!headers.contains_key("link"), "the last page");
    let again = format!("/app/hook/deliveries/{}/attempts", rest[0]["id"]);
    assert_eq!(world.request("POST", &again, Some(json!({}))).await.0, StatusCode::ACCEPTED);
    world.until("delivered again", |it| it.webhooks().sent == 7).await;
    let (_, _, hooks) = world.request("GET", "/orgs/acme/hooks", None).await;
    assert_eq!(hooks, json!([]), "the webhook is the App's");
}
