//! Task definitions: one for each image, as a launch cannot choose the image.
//!
//! Its name is a digest of all that is in it, so whoever needs it finds it, and what changes makes another one. A
//! registration costs: there can be one a second.

use aws_sdk_ecs::error::SdkError;
use aws_sdk_ecs::types::{
    Compatibility, ContainerDefinition, CpuArchitecture, LinuxParameters, LogConfiguration, LogDriver,
    NetworkMode, OsFamily, RuntimePlatform, TaskDefinition, TaskDefinitionStatus,
};
use fleetfoot_model::ports::FleetError;
use fleetfoot_model::spec::Arch;
use sha2::{Digest, Sha256};

use super::launching::{CONTAINER, Launching, STOP_TIMEOUT_SECONDS};
use super::{EcsFleet, incomplete};
use crate::classify::classify;

/// Raise it with each change to [`EcsFleet::register`].
const VERSION: &str = "1";
/// How much of the digest is in a name, in bytes.
const DIGEST_BYTES: usize = 12;
/// The least size of a task; a launch overrides it, a definition has to have one.
const CPU: &str = "256";
const MEMORY_MIB: &str = "512";
/// How much of a log waits in memory. A log that cannot be written must not hold up a job (AWS, "Preventing log loss
/// with non-blocking mode", which finds 4 MiB enough for most).
const LOG_BUFFER: &str = "4m";

impl Launching {
    /// The family of an image's task definition.
    pub(super) fn family(&self, image: &str, arch: Arch) -> String {
        // No part can hold a line break.
        let parts =
            [VERSION, image, &arch.to_string(), &self.execution_role, &self.task_role, &self.log_group];
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
        image: &str,
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
        match self.client.describe_task_definition().task_definition(family).send().await {
            Ok(answer) => Ok(answer.task_definition().and_then(active)),
            Err(error) if is_unknown_family(&error) => Ok(None),
            Err(error) => Err(self.refused(&error)),
        }
    }

    async fn register(
        &self,
        launching: &Launching,
        family: &str,
        image: &str,
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
            .container_definitions(self.container(launching, image)?)
            .send()
            .await
            .map_err(|error| self.refused(&error))?;
        answer
            .task_definition()
            .and_then(active)
            .ok_or_else(|| FleetError::Unavailable(format!("{family} was registered without an ARN")))
    }

    /// The runner's container. The agent is its first process, and reaps what jobs leave behind.
    fn container(&self, launching: &Launching, image: &str) -> Result<ContainerDefinition, FleetError> {
        let region = self.client.config().region().map(ToString::to_string);
        let logs = LogConfiguration::builder()
            .log_driver(LogDriver::Awslogs)
            .options("awslogs-group", &launching.log_group)
            .options("awslogs-region", region.unwrap_or_default())
            .options("awslogs-stream-prefix", CONTAINER)
            .options("mode", "non-blocking")
            .options("max-buffer-size", LOG_BUFFER)
            .build()
            .map_err(incomplete)?;
        Ok(ContainerDefinition::builder()
            .name(CONTAINER)
            .image(image)
            .essential(true)
            .stop_timeout(STOP_TIMEOUT_SECONDS)
            .linux_parameters(LinuxParameters::builder().init_process_enabled(false).build())
            .log_configuration(logs)
            .build())
    }
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
