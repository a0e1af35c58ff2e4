//! One ordinary job, from its webhook to the end of its task.

use std::collections::BTreeMap;
use std::time::Duration;

use fleetfoot_local::template::BusName;
use fleetfoot_model::Timestamp;
use fleetfoot_model::ports::Clock;
use fleetfoot_model::secret::Secret;
use fleetfoot_shell::clock::SystemClock;
use fleetfoot_stand_in::github::{JobOrder, Message, SessionId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Failure;
use crate::aws::Launched;
use crate::runtime_api::lock;
use crate::step::Step;
use crate::world::{World, request};

const TASK_RUNNING: &str = include_str!("../../events/foreign/ecs/task-running.json");
const TASK_STOPPED: &str = include_str!("../../events/foreign/ecs/task-stopped.json");
/// How long a runner may take until it is given its job.
const PATIENCE: Duration = Duration::from_secs(10);

impl World {
    /// Lets one job live its life and answers what was done for it.
    pub(crate) async fn job(&mut self) -> Result<Vec<Step>, Failure> {
        let mut steps = Vec::new();
        let labels = ["self-hosted", "class:small"].map(str::parse).into_iter().collect::<Result<_, _>>()?;
        let order = JobOrder::new("acme/app".parse()?, labels);
        lock(&self.github).queue_job(SystemClock.now(), order);
        // That its run was requested, and that it is queued.
        self.take_webhook(&mut steps).await?;
        self.take_webhook(&mut steps).await?;

        let task = self.aws.account().tasks.launched.pop_front().ok_or("no task was launched")?;
        self.task_is("PROVISIONING", 1, &task, &mut steps).await?;
        self.task_is("PENDING", 2, &task, &mut steps).await?;
        self.task_is("RUNNING", 3, &task, &mut steps).await?;
        let session = self.register(&task, &mut steps).await?;
        self.wait_for_job(session).await?;
        self.take_webhook(&mut steps).await?;
        lock(&self.github).done(SystemClock.now(), session, true)?;
        self.take_webhook(&mut steps).await?;

        self.aws.account().tasks.end(&task.arn);
        self.task_is("DEPROVISIONING", 4, &task, &mut steps).await?;
        self.task_is("STOPPED", 5, &task, &mut steps).await?;
        Ok(steps)
    }

    async fn take_webhook(&mut self, steps: &mut Vec<Step>) -> Result<(), Failure> {
        let webhook = self.webhook().await?;
        let event = webhook.headers.get("x-github-event").map(String::as_str).unwrap_or_default();
        let action: Value = serde_json::from_str(&webhook.body)?;
        let woken_by = format!("{event} {}", action["action"].as_str().unwrap_or_default());
        let size = self.webhook_sizes.entry(woken_by.clone()).or_default();
        *size = webhook.body.len().max(*size);
        let payload = request("POST", "/webhook", &webhook.headers, &webhook.body);
        let (step, answer) = self.invoke("ingest", &woken_by, &payload).await?;
        if answer["statusCode"] != 202 {
            return Err(format!("{woken_by}: {answer}").into());
        }
        steps.push(step);
        self.settle(steps).await
    }

    async fn task_is(
        &mut self,
        status: &str,
        version: u64,
        task: &Launched,
        steps: &mut Vec<Step>,
    ) -> Result<(), Failure> {
        let is_late = matches!(status, "DEPROVISIONING" | "STOPPED");
        let event = task_event(if is_late { TASK_STOPPED } else { TASK_RUNNING }, status, version, task)?;
        self.deliver(BusName::Default, &event, steps).await?;
        self.settle(steps).await
    }

    /// What the agent does in a task that is up, and the runner that it starts.
    async fn register(&mut self, task: &Launched, steps: &mut Vec<Step>) -> Result<SessionId, Failure> {
        let path = format!("/runners/{}/register", task.runner);
        let headers = BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]);
        let payload = request("POST", &path, &headers, &json!({ "ticket": task.ticket }).to_string());
        let (step, answer) = self.invoke("register", "the agent", &payload).await?;
        steps.push(step);
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap_or_default())?;
        let configuration =
            body["jitConfiguration"].as_str().ok_or_else(|| format!("no configuration: {answer}"))?;
        let session = lock(&self.github).connect(SystemClock.now(), &Secret::new(configuration))?;
        self.settle(steps).await?;
        Ok(session)
    }

    async fn wait_for_job(&self, session: SessionId) -> Result<(), Failure> {
        let waiting = async {
            let mut ticks = tokio::time::interval(Duration::from_millis(1));
            loop {
                ticks.tick().await;
                let message = lock(&self.github).message(SystemClock.now(), session);
                if matches!(message, Some(Message::Job(_))) {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.map_err(|_| "a runner was given no job".into())
    }
}

/// A recorded event of ECS, told of another task at another time.
fn task_event(recorded: &str, status: &str, version: u64, task: &Launched) -> Result<Value, Failure> {
    let now: Timestamp = SystemClock.now();
    let mut event: Value = serde_json::from_str(recorded)?;
    event["id"] = Uuid::new_v4().to_string().into();
    event["time"] = now.to_string().into();
    let detail = &mut event["detail"];
    detail["taskArn"] = task.arn.clone().into();
    detail["startedBy"] = task.runner.clone().into();
    detail["lastStatus"] = status.into();
    detail["version"] = version.into();
    for name in ["createdAt", "pullStartedAt", "startedAt", "updatedAt", "stoppedAt"] {
        if !detail[name].is_null() {
            detail[name] = now.to_string().into();
        }
    }
    Ok(event)
}
