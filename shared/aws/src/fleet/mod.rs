//! The fleet on ECS and Fargate: a runner is a task, and its name the idempotency token and `startedBy` of its `RunTask`.

mod definition;
mod launching;
mod list;
mod refusal;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_sdk_ecs::Client;
use aws_sdk_ecs::error::SdkError;
use aws_sdk_ecs::operation::run_task::{RunTaskError, RunTaskOutput};
use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::TaskId;
use fleetfoot_model::ports::{Clock, Fleet, FleetError, LaunchRequest, Task, TaskImage};

use crate::classify::classify;

pub use launching::Launching;

/// The longest reason that `StopTask` takes, in characters (ECS API reference).
const LONGEST_REASON: usize = 255;

/// Tasks on a cluster.
pub struct EcsFleet {
    client: Client,
    cluster: String,
    launching: Option<Launching>,
    /// What the names of the fleet's task definitions begin with, if they are its to deregister.
    families: Option<String>,
    clock: Arc<dyn Clock>,
    /// Families of task definitions that are known to be there, with the ARN of their revision.
    definitions: tokio::sync::Mutex<BTreeMap<String, String>>,
    /// The tasks that were live at the last look; none before the first.
    seen: Mutex<Option<BTreeSet<String>>>,
}

impl EcsFleet {
    /// The tasks of `cluster` (its name or ARN). Without `launching` they can only be stopped and listed.
    pub fn new(
        client: Client,
        cluster: impl Into<String>,
        launching: Option<Launching>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (definitions, seen) = (tokio::sync::Mutex::default(), Mutex::default());
        Self { client, cluster: cluster.into(), launching, families: None, clock, definitions, seen }
    }

    /// One that may deregister the task definitions whose names begin with `families` and a hyphen.
    #[must_use]
    pub fn that_forgets(self, families: impl Into<String>) -> Self {
        Self { families: Some(families.into()), ..self }
    }

    fn refused<E>(&self, error: &SdkError<E>) -> FleetError
    where
        E: aws_sdk_ecs::error::ProvideErrorMetadata + std::error::Error + 'static,
    {
        refusal::of_fault(classify(error), self.clock.now())
    }

    /// The task that an answer to `RunTask` tells of. An answer without one is success to HTTP, with its reasons in
    /// `failures` (ECS API reference, "RunTask").
    fn started(&self, answer: &RunTaskOutput) -> Result<TaskId, FleetError> {
        if let Some(arn) = answer.tasks().iter().find_map(|task| task.task_arn()) {
            return task_id(arn);
        }
        let reasons = answer.failures().iter().map(|failure| {
            let reason = failure.reason().unwrap_or("no reason given");
            failure.detail().map_or(reason.to_owned(), |detail| format!("{reason}: {detail}"))
        });
        let reasons: Vec<String> = reasons.collect();
        Err(refusal::of_text(&reasons.join("; "), self.clock.now()))
    }

    async fn not_started(&self, error: &SdkError<RunTaskError>, family: &str) -> Result<TaskId, FleetError> {
        // A new ticket makes it another request under the same token, so this is what a repeated launch looks like.
        if let Some(RunTaskError::ConflictException(conflict)) = error.as_service_error()
            && let Some(arn) = conflict.resource_ids().first()
        {
            return task_id(arn);
        }
        let refused = self.refused(error);
        if refusal::is_of_definition(&refused) {
            self.definitions.lock().await.remove(family);
            return Err(FleetError::Unavailable(format!("its task definition is gone: {refused}")));
        }
        Err(refused)
    }
}

#[async_trait]
impl Fleet for EcsFleet {
    async fn launch(&self, request: &LaunchRequest) -> Result<TaskId, FleetError> {
        let Some(launching) = &self.launching else {
            return Err(FleetError::Impossible("this function may not launch tasks".to_owned()));
        };
        let Some(image) = &request.image else {
            return Err(FleetError::Impossible("the job has no image".to_owned()));
        };
        let family = launching.family(image, request.spec.arch);
        let definition = self.definition(launching, &family, image, request.spec.arch).await?;
        let name = request.runner.as_str();
        let answer = self
            .client
            .run_task()
            .cluster(&self.cluster)
            .task_definition(definition)
            .count(1)
            .client_token(name)
            .started_by(name)
            .capacity_provider_strategy(launching::capacity_of(request)?)
            .network_configuration(launching.network_of(request)?)
            .overrides(launching.overrides_of(request)?)
            .enable_ecs_managed_tags(true)
            .set_enable_execute_command(launching.exec.then_some(true))
            .set_tags(Some(launching::tags_of(request)))
            .send()
            .await;
        match answer {
            Ok(answer) => self.started(&answer),
            Err(error) => self.not_started(&error, &family).await,
        }
    }

    async fn stop(&self, task: &TaskId, reason: &str) -> Result<(), FleetError> {
        let reason: String = reason.chars().take(LONGEST_REASON).collect();
        let stop = self.client.stop_task().cluster(&self.cluster).task(task.as_str()).reason(reason);
        let Err(error) = stop.send().await else { return Ok(()) };
        let fault = classify(&error);
        // ECS knows a task for an hour after its end.
        if fault.is("InvalidParameterException") && fault.text.contains("not found") {
            return Ok(());
        }
        Err(refusal::of_fault(fault, self.clock.now()))
    }

    async fn list(&self) -> Result<Vec<Task>, FleetError> {
        self.live_tasks().await
    }

    async fn forget_images_except(
        &self,
        in_use: &BTreeSet<TaskImage>,
        before: Timestamp,
    ) -> Result<usize, FleetError> {
        self.deregister_except(in_use, before).await
    }
}

fn task_id(arn: &str) -> Result<TaskId, FleetError> {
    arn.parse().map_err(|error| FleetError::Unavailable(format!("an answer cannot be read: {error}")))
}

/// A request that the SDK does not build because it lacks something.
fn incomplete(error: impl std::error::Error) -> FleetError {
    FleetError::Impossible(error.to_string())
}
