//! The deployed pipeline around real binaries: a loopback AWS and GitHub, and a runtime API for each function.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use fleetfoot_local::template::BusName;
use fleetfoot_model::SignedDuration;
use fleetfoot_model::base::{Base, BaseState, Resolved, Serving};
use fleetfoot_model::ids::ImageDigest;
use fleetfoot_model::image_key::{ImageMode, Recipe, key_of};
use fleetfoot_model::ports::{BaseImage, Clock, TaskImage};
use fleetfoot_model::record::Record;
use fleetfoot_model::secret::Secret;
use fleetfoot_model::spec::Arch;
use fleetfoot_shell::clock::SystemClock;
use fleetfoot_stand_in::github::{Limits, Settings, StandInGitHub, Times};
use fleetfoot_stand_in::github_http::serve;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::Failure;
use crate::aws::Aws;
use crate::binaries::{Binary, FUNCTIONS};
use crate::process::{Process, Starter};
use crate::routing::Routing;
use crate::step::{Step, Taken};

pub(crate) const WEBHOOK_SECRET: &str = "test-only-webhook-secret";
/// The stand-in GitHub does not look at what it signs.
const APP_KEY: &str = include_str!("../../shared/github/tests/wire/keys/test-only-app-key.pem");
const IMAGE: &str = "ubuntu:24.04";

/// A webhook as GitHub sent it.
pub(crate) struct Webhook {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

pub(crate) struct World {
    pub(crate) aws: Aws,
    pub(crate) github: Arc<Mutex<StandInGitHub>>,
    pub(crate) routing: Routing,
    pub(crate) webhooks: mpsc::UnboundedReceiver<Webhook>,
    pub(crate) processes: BTreeMap<&'static str, Process>,
    /// The largest webhook of each event and action, in bytes.
    pub(crate) webhook_sizes: BTreeMap<String, usize>,
    _servers: JoinSet<()>,
}

impl World {
    /// Without any function yet.
    pub(crate) async fn open() -> Result<Self, Failure> {
        let mut servers = JoinSet::new();
        let (sender, webhooks) = mpsc::unbounded_channel();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let receiver = format!("http://{}", listener.local_addr()?);
        let routes = Router::new().route("/webhook", post(receive)).route("/slack", post(async || "ok"));
        let routes = routes.with_state(sender);
        servers.spawn(async move {
            let _ = axum::serve(listener, routes).await;
        });

        let github = Arc::new(Mutex::new(StandInGitHub::new(settings())));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let github_address = format!("http://{}", listener.local_addr()?);
        let face = serve(listener, Arc::clone(&github), Arc::new(SystemClock), format!("{receiver}/webhook"));
        servers.spawn(async move {
            let _ = face.await;
        });

        let aws = Aws::start().await?;
        furnish(&aws, &github_address, &format!("{receiver}/slack"))?;
        let (routing, processes, webhook_sizes) = (Routing::read()?, BTreeMap::new(), BTreeMap::new());
        Ok(Self { aws, github, routing, webhooks, processes, webhook_sizes, _servers: servers })
    }

    /// With all nine functions.
    pub(crate) async fn start(starter: &Starter, binaries: &[Binary]) -> Result<Self, Failure> {
        let mut world = Self::open().await?;
        for binary in binaries {
            let process = Process::start(starter, &binary.program, &world.environment()).await?;
            world.processes.insert(binary.function, process);
        }
        Ok(world)
    }

    /// What `template.yaml` and Lambda tell a function; each is told everything.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let text = |name, value: &str| (name, value.to_owned());
        vec![
            text("AWS_ENDPOINT_URL", &self.aws.address),
            text("AWS_REGION", "us-east-1"),
            text("AWS_ACCESS_KEY_ID", "123456789012"),
            text("AWS_SECRET_ACCESS_KEY", "not-a-secret"),
            text("AWS_SESSION_TOKEN", "not-a-secret-either"),
            text("AWS_LAMBDA_FUNCTION_NAME", "it"),
            text("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            text("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            text("AWS_LAMBDA_LOG_GROUP_NAME", "/fleetfoot/bench/it"),
            text("AWS_LAMBDA_LOG_STREAM_NAME", "it"),
            text("FLEETFOOT_STACK", "bench"),
            text("FLEETFOOT_FLEET", "ff"),
            text("FLEETFOOT_CONFIG_PARAMETER", "/fleetfoot/bench/config"),
            text("FLEETFOOT_BUS", "bench-fleet"),
            text("FLEETFOOT_NOTICES", "arn:aws:sns:us-east-1:123456789012:bench"),
            text("FLEETFOOT_TABLE", "bench"),
            text("FLEETFOOT_CLUSTER", "arn:aws:ecs:us-east-1:123456789012:cluster/bench"),
            text("FLEETFOOT_SUBNETS", "subnet-1,subnet-2"),
            text("FLEETFOOT_SECURITY_GROUPS", "sg-1"),
            text("FLEETFOOT_PUBLIC_ADDRESS", "ENABLED"),
            text("FLEETFOOT_EXECUTION_ROLE", "arn:aws:iam::123456789012:role/execution"),
            text("FLEETFOOT_TASK_ROLE", "arn:aws:iam::123456789012:role/task"),
            text("FLEETFOOT_RUNNER_EXEC", "no"),
            text("FLEETFOOT_RUNNER_LOGS", "/fleetfoot/bench/runners"),
            text("FLEETFOOT_TASK_FAMILY", "bench-runner"),
            text("FLEETFOOT_API_URL", "https://abcdefghij.execute-api.us-east-1.amazonaws.com"),
            text("FLEETFOOT_UNLAUNCHED", "https://sqs.us-east-1.amazonaws.com/123456789012/unlaunched"),
            text("FLEETFOOT_REPOSITORY", "bench"),
            text("FLEETFOOT_BUILD_PROJECT", "bench"),
        ]
    }

    /// Invokes a function and writes down what it does.
    pub(crate) async fn invoke(
        &mut self,
        function: &str,
        woken_by: &str,
        payload: &Value,
    ) -> Result<(Step, Value), Failure> {
        let function = FUNCTIONS.into_iter().find(|name| *name == function);
        let function = function.ok_or("the template wakes a function that is not there")?;
        let process = self.processes.get(function).ok_or("it was not started")?;
        let before = Taken::of(&self.aws, &self.github, process)?;
        let answer = process.api.invoke(payload).await?;
        let after = Taken::of(&self.aws, &self.github, process)?;
        Ok((after.since(&before, function, woken_by, answer.latency), answer.body))
    }

    /// Lets everything happen that follows from what was published.
    pub(crate) async fn settle(&mut self, steps: &mut Vec<Step>) -> Result<(), Failure> {
        loop {
            let Some(fact) = self.aws.account().facts.pop_front() else { return Ok(()) };
            self.deliver(BusName::Fleet, &fact, steps).await?;
        }
    }

    /// Wakes whoever an event concerns.
    pub(crate) async fn deliver(
        &mut self,
        bus: BusName,
        event: &Value,
        steps: &mut Vec<Step>,
    ) -> Result<(), Failure> {
        let kind = event["detail-type"].as_str().unwrap_or_default();
        for waking in self.routing.wakings(bus, event)? {
            let kind = match event["detail"]["lastStatus"].as_str() {
                Some(status) => format!("task {status}"),
                None => kind.to_owned(),
            };
            let (mut step, _) = self.invoke(&waking.function, &kind, &waking.payload).await?;
            step.queued = waking.queued;
            steps.push(step);
        }
        Ok(())
    }

    /// The next webhook.
    pub(crate) async fn webhook(&mut self) -> Result<Webhook, Failure> {
        let webhook = tokio::time::timeout(Duration::from_secs(10), self.webhooks.recv()).await;
        webhook.map_err(|_| "GitHub sent no webhook")?.ok_or_else(|| "GitHub has ended".into())
    }
}

async fn receive(
    State(sender): State<mpsc::UnboundedSender<Webhook>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let headers = headers.iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()));
    let webhook = Webhook { headers: headers.collect(), body: String::from_utf8_lossy(&body).into() };
    if sender.send(webhook).is_ok() { StatusCode::ACCEPTED } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// A GitHub without limits that sends and assigns at once.
fn settings() -> Settings {
    let at_once = SignedDuration::from_millis(1)..=SignedDuration::from_millis(1);
    let limits = Limits {
        points_per_minute: u32::MAX,
        requests_per_hour: 1_000_000_000,
        registrations_per_five_minutes: u32::MAX,
    };
    let times = Times { webhook: at_once.clone(), pickup: at_once, ..Times::default() };
    Settings { times, limits, ..Settings::new(1, Secret::new(WEBHOOK_SECRET)) }
}

/// Configuration, secrets, and an image that is there.
fn furnish(aws: &Aws, github: &str, slack: &str) -> Result<(), Failure> {
    let config = format!(
        r#"
[github]
url = "{github}"
organization = "acme"
app = {{ id = 1, installation = 42, key = "ssm:/fleetfoot/bench/github/app-key" }}
webhook_secrets = ["ssm:/fleetfoot/bench/webhook/secret"]

[classes.small]
cpu = 512
memory = 1024

[limits]
runners = 100000

[images]
default = "{IMAGE}"
allow = ["ubuntu:*"]

[notify]
slack = "ssm:/fleetfoot/bench/slack/webhook"
"#
    );
    let row: Record = served_base()?.into();
    let mut account = aws.account();
    account.table.seed(&row.key().to_string(), &serde_json::to_value(&row)?, SystemClock.now());
    account.parameters.extend([
        ("/fleetfoot/bench/config".to_owned(), config),
        ("/fleetfoot/bench/github/app-key".to_owned(), APP_KEY.to_owned()),
        ("/fleetfoot/bench/webhook/secret".to_owned(), WEBHOOK_SECRET.to_owned()),
        ("/fleetfoot/bench/slack/webhook".to_owned(), slack.to_owned()),
    ]);
    Ok(())
}

/// A request as the HTTP API hands it to a function, payload format 2.0.
pub(crate) fn request(method: &str, path: &str, headers: &BTreeMap<String, String>, body: &str) -> Value {
    json!({
        "version": "2.0",
        "routeKey": format!("{method} {path}"),
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdefghij",
            "domainName": "abcdefghij.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "abcdefghij",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "GitHub-Hookshot/044aadd",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": format!("{method} {path}"),
            "stage": "$default",
            "time": "20/Nov/2026:09:00:00 +0000",
            "timeEpoch": 1_795_165_200_000_u64,
        },
        "body": body,
        "isBase64Encoded": false,
    })
}

/// The row of a base whose image is there.
fn served_base() -> Result<Base, Failure> {
    let (arch, now) = (Arch::X64, SystemClock.now());
    let digest: ImageDigest = format!("sha256:{}", "0".repeat(64)).parse()?;
    let recipe = Recipe::current(ImageMode::Build);
    let key = key_of(&digest, arch, &recipe);
    let uri = format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/bench@{digest}");
    let serving = Serving { by: key.clone(), image: TaskImage { uri, injector: None }, since: now };
    let base = BaseImage { uri: format!("docker.io/library/ubuntu@{digest}"), digest };
    let resolved = Resolved { base, image: key, recipe, at: now };
    Ok(Base {
        state: BaseState::Served,
        serving: Some(serving),
        resolved: Some(resolved),
        ..Base::new(IMAGE.parse()?, arch, now)
    })
}
