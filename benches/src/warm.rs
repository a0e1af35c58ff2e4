//! Functions that are warm: latencies, memory, and what a job and an idle minute cost.

use std::collections::BTreeMap;
use std::time::Duration;

use fleetfoot_model::ports::Clock;
use fleetfoot_model::secret::Secret;
use fleetfoot_shell::clock::SystemClock;
use fleetfoot_stand_in::github::sign;
use serde_json::{Value, json};

use crate::Failure;
use crate::binaries::{Binary, FUNCTIONS};
use crate::figures::Figures;
use crate::process::{Memory, Starter};
use crate::step::Step;
use crate::world::{WEBHOOK_SECRET, World, request};

const SCHEDULED: &str = include_str!("../../events/foreign/scheduled-event.json");
/// As GitHub sent it, 9 KB.
const WEBHOOK: &str = include_str!("../../events/foreign/github/workflow-job-completed-0.json");
/// What woke `ingest` when it was given [`WEBHOOK`].
pub(crate) const RECORDED: &str = "a recorded webhook";
const NOTICE: &str = include_str!("../../events/foreign/sns/notice.json");
/// A configuration and secrets are read again after this time.
const FRESH: Duration = Duration::from_secs(61);

/// What was seen of warm functions.
pub(crate) struct Warm {
    /// The steps of a job in a process that has seen none before.
    pub(crate) first: Vec<Step>,
    /// The steps of the jobs after it.
    pub(crate) jobs: Vec<Vec<Step>>,
    /// Invocations by function and what woke it.
    pub(crate) latencies: BTreeMap<(&'static str, String), Invocations>,
    /// After all of them.
    pub(crate) memory: BTreeMap<&'static str, (u64, Memory)>,
    /// The sizes of the webhooks, in bytes, by event and action.
    pub(crate) webhooks: BTreeMap<String, usize>,
}

/// Invocations of one kind.
#[derive(Debug, Default)]
pub(crate) struct Invocations {
    pub(crate) latencies: Figures,
    pub(crate) processor_times: Figures,
    /// The operations of AWS of the last one.
    pub(crate) aws: Vec<String>,
}

impl Warm {
    fn note(&mut self, step: &Step) {
        let kind = self.latencies.entry((step.function, step.woken_by.clone())).or_default();
        kind.latencies.add(step.latency);
        kind.processor_times.add(step.processor_time);
        kind.aws.clone_from(&step.aws);
        self.memory.entry(step.function).or_default().0 += 1;
    }
}

/// So many jobs, one after the other, and each function at least as often.
pub(crate) async fn measure(starter: &Starter, binaries: &[Binary], jobs: usize) -> Result<Warm, Failure> {
    let mut world = World::start(starter, binaries).await?;
    let first = world.job().await?;
    let mut warm = Warm {
        first,
        jobs: Vec::new(),
        latencies: BTreeMap::new(),
        memory: BTreeMap::new(),
        webhooks: BTreeMap::new(),
    };
    for _ in 0..jobs {
        let steps = world.job().await?;
        for step in &steps {
            warm.note(step);
        }
        warm.jobs.push(steps);
    }
    warm.webhooks.clone_from(&world.webhook_sizes);
    warm.webhooks.insert(RECORDED.to_owned(), recorded()?["body"].as_str().map_or(0, str::len));
    for (function, woken_by, payload) in others()? {
        for _ in 0..jobs {
            let (step, _) = world.invoke(function, woken_by, &payload).await?;
            world.aws.account().facts.clear();
            warm.note(&step);
        }
    }
    for function in FUNCTIONS {
        let process = world.processes.get(function).ok_or("it was not started")?;
        warm.memory.entry(function).or_default().1 = process.memory()?;
    }
    Ok(warm)
}

/// What a schedule invokes a function with.
pub(crate) fn scheduled() -> Result<Value, Failure> {
    Ok(serde_json::from_str(SCHEDULED)?)
}

/// Invocations that no job brings about, among them two that do nothing: they are what the shell and the loopback cost.
fn others() -> Result<Vec<(&'static str, &'static str, Value)>, Failure> {
    let scheduled = scheduled()?;
    let notice = json!({ "Records": [{
        "EventVersion": "1.0",
        "EventSubscriptionArn": "arn:aws:sns:us-east-1:123456789012:bench:0",
        "EventSource": "aws:sns",
        "Sns": {
            "SignatureVersion": "1",
            "Timestamp": SystemClock.now(),
            "Signature": "",
            "SigningCertUrl": "",
            "MessageId": "0",
            "Message": NOTICE,
            "MessageAttributes": {},
            "Type": "Notification",
            "UnsubscribeUrl": "",
            "TopicArn": "arn:aws:sns:us-east-1:123456789012:bench",
            "Subject": null,
        },
    }] });
    let none = BTreeMap::new();
    Ok(vec![
        ("ingest", RECORDED, recorded()?),
        ("ingest", "GET /health: nothing", request("GET", "/health", &none, "")),
        ("alarm", "no message: nothing", json!({ "Records": [] })),
        ("alarm", "a notice", notice),
        ("cleanup", "its schedule", scheduled.clone()),
        ("pool", "its schedule", scheduled.clone()),
        ("image-build", "its schedule", scheduled),
    ])
}

/// A recorded webhook, of a job that is the fleet's.
fn recorded() -> Result<Value, Failure> {
    let mut webhook: Value = serde_json::from_str(WEBHOOK)?;
    webhook["workflow_job"]["labels"] = json!(["self-hosted"]);
    let body = webhook.to_string();
    let headers = BTreeMap::from([
        ("content-type".to_owned(), "application/json".to_owned()),
        ("x-github-delivery".to_owned(), "72d3162e-cc78-11e3-81ab-4c9367dc0958".to_owned()),
        ("x-github-event".to_owned(), "workflow_job".to_owned()),
        ("x-hub-signature-256".to_owned(), sign(&Secret::new(WEBHOOK_SECRET), body.as_bytes())),
    ]);
    Ok(request("POST", "/webhook", &headers, &body))
}

/// What a minute without any job takes.
pub(crate) struct Idle {
    pub(crate) cleanup: Step,
    pub(crate) pool: Step,
    pub(crate) image_build: Step,
    /// Metrics that were told, each with its dimensions.
    pub(crate) metrics: usize,
}

/// A minute of a fleet that has nothing to do. What is remembered for a minute is read again in it.
pub(crate) async fn idle_minute(starter: &Starter, binaries: &[Binary]) -> Result<Idle, Failure> {
    let mut world = World::start(starter, binaries).await?;
    let scheduled = scheduled()?;
    for function in ["cleanup", "pool", "image-build"] {
        world.invoke(function, "its schedule", &scheduled).await?;
    }
    let before = world.processes["cleanup"].log()?.len();
    wait().await;
    let (cleanup, _) = world.invoke("cleanup", "its schedule", &scheduled).await?;
    let (pool, _) = world.invoke("pool", "its schedule", &scheduled).await?;
    let (image_build, _) = world.invoke("image-build", "its schedule", &scheduled).await?;
    let log = world.processes["cleanup"].log()?;
    let metrics = log[before..].lines().map(metrics_in).sum();
    Ok(Idle { cleanup, pool, image_build, metrics })
}

#[expect(clippy::disallowed_methods, reason = "what a process does after a minute is seen after a minute")]
async fn wait() {
    tokio::time::sleep(FRESH).await;
}

/// How many metrics a line of a log tells: each name once for each list of dimensions.
fn metrics_in(line: &str) -> usize {
    let line: Value = serde_json::from_str(line).unwrap_or_default();
    let directives = line["_aws"]["CloudWatchMetrics"].as_array().into_iter().flatten();
    let length = |value: &Value| value.as_array().map_or(0, Vec::len);
    directives.map(|it| length(&it["Dimensions"]) * length(&it["Metrics"])).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_counts_for_each_list_of_dimensions() {
        let line = json!({ "_aws": { "CloudWatchMetrics": [{
            "Dimensions": [["Stack"], ["Stack", "Reason"]],
            "Metrics": [{ "Name": "A" }, { "Name": "B" }],
        }] } });
        assert_eq!(metrics_in(&line.to_string()), 4);
        assert_eq!(metrics_in("no JSON"), 0);
    }
}
