//! Task definitions: one for each image, as a launch cannot choose the image. Where agent and runner are not in the image,
//! a small container before it puts them on a volume that both see.
//!
//! Its name is a digest of all that is in it, so whoever needs it finds it, and what changes makes another one. A
//! registration costs: there can be one a second.

use std::collections::BTreeSet;

use aws_sdk_ecs::error::SdkError;
use aws_sdk_ecs::types::{
    Compatibility, ContainerCondition, ContainerDefinition, ContainerDependency, CpuArchitecture,
    KeyValuePair, LinuxParameters, LogConfiguration, LogDriver, MountPoint, NetworkMode, OsFamily,
    RuntimePlatform, TaskDefinition, TaskDefinitionFamilyStatus, TaskDefinitionStatus, Volume,
};
use fleetfoot_model::Timestamp;
use fleetfoot_model::ports::{FleetError, TaskImage};
use fleetfoot_model::spec::Arch;
use sha2::{Digest, Sha256};

use super::launching::{CONTAINER, Launching, STOP_TIMEOUT_SECONDS};
use super::{EcsFleet, incomplete};
use crate::classify::classify;

/// Raise it with each change to [`EcsFleet::register`].
const VERSION: &str = "2";
/// How much of the digest is in a name, in bytes.
const DIGEST_BYTES: usize = 12;
/// The least size of a task; a launch overrides it, a definition has to have one.
const CPU: &str = "256";
const MEMORY_MIB: &str = "512";
/// How many task definitions are looked at in one sweep, at most.
const LOOK_AT: usize = 200;
/// How much of a log waits in memory. A log that cannot be written must not hold up a job (AWS, "Preventing log loss
/// with non-blocking mode", which finds 4 MiB enough for most).
const LOG_BUFFER: &str = "4m";
/// The container that puts agent and runner on the volume.
const INJECTOR: &str = "injector";
/// The volume, and where both containers see it. The same as in `runner/Dockerfile`, target `inject`.
const VOLUME: &str = "fleetfoot";
const VOLUME_PATH: &str = "/fleetfoot";
const AGENT_PATH: &str = "/fleetfoot/fleetfoot-agent";
const RUNNER_PATH: &str = "/fleetfoot/actions-runner";

impl Launching {
    /// The family of an image's task definition.
    pub(super) fn family(&self, image: &TaskImage, arch: Arch) -> String {
        let TaskImage { uri, injector } = image;
        let injector = injector.as_deref().unwrap_or_default();
        let arch = arch.to_string();
        // No part can hold a line break.
        let parts = [VERSION, uri, injector, &arch, &self.execution_role, &self.task_role, &self.log_group];
        let digest = Sha256::digest(parts.join("\n"));
        format!("{}-{}", self.task_family, hex::encode(&digest[..DIGEST_BYTES]))
    }
}

impl EcsFleet {
    /// The ARN of a task definition that is there. Only one launch of a process looks at a time: fifty jobs of one image
    /// are one registration.
    pub(super) async fn definition(
        &self,
        launching: &Launching,
        family: &str,
        image: &TaskImage,
        arch: Arch,
    ) -> Result<String, FleetError> {
        let mut known = self.definitions.lock().await;
        if let Some(arn) = known.get(family) {
            return Ok(arn.clone());
        }
        let arn = match self.find_definition(family).await? {
            Some(arn) => arn,
            None => self.register(launching, family, image, arch).await?,
        };
        known.insert(family.to_owned(), arn.clone());
        Ok(arn)
    }

    /// The latest active revision. A family whose revisions are all deregistered may still be described (`INACTIVE`),
    /// but cannot be run.
    async fn find_definition(&self, family: &str) -> Result<Option<String>, FleetError> {
        Ok(self.describe_definition(family).await?.as_ref().and_then(active))
    }

    async fn describe_definition(&self, family: &str) -> Result<Option<TaskDefinition>, FleetError> {
        match self.client.describe_task_definition().task_definition(family).send().await {
            Ok(answer) => Ok(answer.task_definition),
            Err(error) if is_unknown_family(&error) => Ok(None),
            Err(error) => Err(self.refused(&error)),
        }
    }

    async fn register(
        &self,
        launching: &Launching,
        family: &str,
        image: &TaskImage,
        arch: Arch,
    ) -> Result<String, FleetError> {
        let architecture = match arch {
            Arch::X64 => CpuArchitecture::X8664,
            Arch::Arm64 => CpuArchitecture::Arm64,
        };
        let platform = RuntimePlatform::builder()
            .cpu_architecture(architecture)
            .operating_system_family(OsFamily::Linux)
            .build();
        let volume = image.injector.as_ref().map(|_| vec![Volume::builder().name(VOLUME).build()]);
        let answer = self
            .client
            .register_task_definition()
            .family(family)
            .requires_compatibilities(Compatibility::Fargate)
            .network_mode(NetworkMode::Awsvpc)
            .runtime_platform(platform)
            .cpu(CPU)
            .memory(MEMORY_MIB)
            .execution_role_arn(&launching.execution_role)
            .task_role_arn(&launching.task_role)
            .set_volumes(volume)
            .set_container_definitions(Some(self.containers(launching, image)?))
            .send()
            .await
            .map_err(|error| self.refused(&error))?;
        answer
            .task_definition()
            .and_then(active)
            .ok_or_else(|| FleetError::Unavailable(format!("{family} was registered without an ARN")))
    }

    /// The runner's container, and the one that has to end well before it if agent and runner are not in its image. The
    /// agent is its first process, and reaps what jobs leave behind.
    fn containers(
        &self,
        launching: &Launching,
        image: &TaskImage,
    ) -> Result<Vec<ContainerDefinition>, FleetError> {
        let runner = ContainerDefinition::builder()
            .name(CONTAINER)
            .image(&image.uri)
            .essential(true)
            .stop_timeout(STOP_TIMEOUT_SECONDS)
            .linux_parameters(LinuxParameters::builder().init_process_enabled(false).build())
            .log_configuration(self.logs(launching, CONTAINER)?);
        let Some(injector) = &image.injector else { return Ok(vec![runner.build()]) };
        let volume = MountPoint::builder().source_volume(VOLUME).container_path(VOLUME_PATH).build();
        let is_there = ContainerDependency::builder()
            .container_name(INJECTOR)
            .condition(ContainerCondition::Success)
            .build()
            .map_err(incomplete)?;
        let runner_dir = KeyValuePair::builder().name("FLEETFOOT_RUNNER_DIR").value(RUNNER_PATH).build();
        let runner = runner
            .depends_on(is_there)
            .entry_point(AGENT_PATH)
            .mount_points(volume.clone())
            .environment(runner_dir);
        let injector = ContainerDefinition::builder()
            .name(INJECTOR)
            .image(injector)
            .essential(false)
            .mount_points(volume)
            .log_configuration(self.logs(launching, INJECTOR)?);
        Ok(vec![injector.build(), runner.build()])
    }

    fn logs(&self, launching: &Launching, prefix: &str) -> Result<LogConfiguration, FleetError> {
        let region = self.client.config().region().map(ToString::to_string);
        LogConfiguration::builder()
            .log_driver(LogDriver::Awslogs)
            .options("awslogs-group", &launching.log_group)
            .options("awslogs-region", region.unwrap_or_default())
            .options("awslogs-stream-prefix", prefix)
            .options("mode", "non-blocking")
            .options("max-buffer-size", LOG_BUFFER)
            .build()
            .map_err(incomplete)
    }

    /// Deregisters task definitions of images that are not in use. A task that was started from one runs on, and whoever
    /// needs it again registers it again.
    pub(super) async fn deregister_except(
        &self,
        in_use: &BTreeSet<TaskImage>,
        before: Timestamp,
    ) -> Result<usize, FleetError> {
        let Some(prefix) = &self.families else { return Ok(0) };
        let list = self.client.list_task_definition_families().family_prefix(format!("{prefix}-"));
        let list = list.status(TaskDefinitionFamilyStatus::Active).into_paginator().items().send();
        let families: Vec<String> = list.try_collect().await.map_err(|error| self.refused(&error))?;
        let mut deregistered = 0;
        for family in turn(families, before) {
            let Some(definition) = self.describe_definition(&family).await? else { continue };
            let is_old = definition.registered_at().is_some_and(|at| at.secs() < before.as_second());
            let image = image_of(&definition);
            let arn = definition.task_definition_arn().filter(|_| is_old && !in_use.contains(&image));
            let Some(arn) = arn else { continue };
            let deregister = self.client.deregister_task_definition().task_definition(arn);
            deregister.send().await.map_err(|error| self.refused(&error))?;
            deregistered += 1;
        }
        Ok(deregistered)
    }
}

/// Those that are looked at this time: each has its turn.
fn turn(mut families: Vec<String>, before: Timestamp) -> Vec<String> {
    let turns = families.len().div_ceil(LOOK_AT).max(1);
    let hour = usize::try_from(before.as_second() / 3600).unwrap_or_default();
    let first = hour % turns * LOOK_AT;
    families.drain(first..families.len().min(first + LOOK_AT)).collect()
}

/// What tasks of a definition are started from.
fn image_of(definition: &TaskDefinition) -> TaskImage {
    let image = |name: &str| {
        let container = definition.container_definitions().iter().find(|it| it.name() == Some(name));
        container.and_then(ContainerDefinition::image).map(str::to_owned)
    };
    TaskImage { uri: image(CONTAINER).unwrap_or_default(), injector: image(INJECTOR) }
}

fn active(definition: &TaskDefinition) -> Option<String> {
    let is_active = definition.status() == Some(&TaskDefinitionStatus::Active);
    definition.task_definition_arn().filter(|_| is_active).map(str::to_owned)
}

/// "Unable to describe task definition." is how ECS says that there is none.
fn is_unknown_family<E>(error: &SdkError<E>) -> bool
where
    E: aws_sdk_ecs::error::ProvideErrorMetadata + std::error::Error + 'static,
{
    let fault = classify(error);
    fault.is("ClientException") && fault.text.to_lowercase().contains("unable to describe task definition")
}
