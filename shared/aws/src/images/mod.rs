//! Runner images: built by CodeBuild, kept in ECR with their key as tag.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_codebuild::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_codebuild::types::{
    Build, EnvironmentType, EnvironmentVariable, EnvironmentVariableType, StatusType,
};
use aws_sdk_ecr::types::{ImageFailure, ImageFailureCode, ImageIdentifier};
use fleetfoot_model::Timestamp;
use fleetfoot_model::ids::{BuildId, ImageKey};
use fleetfoot_model::image_key::RUNNER_VERSION;
use fleetfoot_model::ports::{BuildRequest, BuildStatus, Clock, Images, ImagesError};
use fleetfoot_model::spec::Arch;

use crate::classify::{Fault, Verdict, classify};

/// The build environment for arm64. The project's own is for x64, and emulating the other takes ten times as long
/// (CodeBuild user guide, "Docker images provided by CodeBuild").
const ARM_IMAGE: &str = "aws/codebuild/amazonlinux-aarch64-standard:3.0";

/// A CodeBuild project that builds into an ECR repository.
pub struct CodeBuildImages {
    codebuild: aws_sdk_codebuild::Client,
    ecr: aws_sdk_ecr::Client,
    repository: String,
    project: String,
    clock: Arc<dyn Clock>,
}

impl CodeBuildImages {
    /// Builds with the project named `project` into the repository named `repository`.
    pub fn new(
        codebuild: aws_sdk_codebuild::Client,
        ecr: aws_sdk_ecr::Client,
        repository: impl Into<String>,
        project: impl Into<String>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { codebuild, ecr, repository: repository.into(), project: project.into(), clock }
    }

    /// Where an image is pulled. Pinned by its digest: a tag that is pushed again must not change a task definition.
    fn uri(&self, registry: &str, digest: &str) -> String {
        let region = self.ecr.config().region().map(ToString::to_string).unwrap_or_default();
        // China has an address of its own (AWS documentation, "Amazon ECR endpoints").
        let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        format!("{registry}.dkr.ecr.{region}.{suffix}/{}@{digest}", self.repository)
    }

    fn refused<E>(&self, error: &SdkError<E>) -> ImagesError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        refusal(classify(error), self.clock.now())
    }
}

#[async_trait]
impl Images for CodeBuildImages {
    async fn find(&self, key: &ImageKey) -> Result<Option<String>, ImagesError> {
        let tag = ImageIdentifier::builder().image_tag(key.as_str()).build();
        let answer = self.ecr.describe_images().repository_name(&self.repository).image_ids(tag).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if classify(&error).is("ImageNotFoundException") => return Ok(None),
            Err(error) => return Err(self.refused(&error)),
        };
        let image = answer.image_details().first();
        let found = image.and_then(|image| Some(self.uri(image.registry_id()?, image.image_digest()?)));
        found.map(Some).ok_or_else(|| ImagesError::Unavailable(format!("ECR told no digest of {key}")))
    }

    /// The key is also the idempotency token: for five minutes, asking again answers the build that was started, even if
    /// it has failed by then (CodeBuild API reference, `StartBuild`).
    async fn build(&self, request: &BuildRequest) -> Result<BuildId, ImagesError> {
        let mut start = self
            .codebuild
            .start_build()
            .project_name(&self.project)
            .idempotency_token(request.key.as_str())
            .set_environment_variables_override(Some(variables(request)?));
        if request.arch == Arch::Arm64 {
            start = start.environment_type_override(EnvironmentType::ArmContainer).image_override(ARM_IMAGE);
        }
        let answer = start.send().await.map_err(|error| self.refused(&error))?;
        let arn = answer.build_value().and_then(Build::arn);
        let arn =
            arn.ok_or_else(|| ImagesError::Unavailable("CodeBuild told no ARN of its build".to_owned()))?;
        arn.parse().map_err(|error| ImagesError::Unavailable(format!("an answer cannot be read: {error}")))
    }

    async fn remove(&self, key: &ImageKey) -> Result<(), ImagesError> {
        let tag = ImageIdentifier::builder().image_tag(key.as_str()).build();
        let answer =
            self.ecr.batch_delete_image().repository_name(&self.repository).image_ids(tag).send().await;
        let answer = answer.map_err(|error| self.refused(&error))?;
        // What is not there is a failure to ECR (`ImageNotFound`), in an answer that is a success.
        let is_left =
            |failure: &&ImageFailure| failure.failure_code() != Some(&ImageFailureCode::ImageNotFound);
        match answer.failures().iter().find(is_left) {
            None => Ok(()),
            Some(failure) => {
                let reason = failure.failure_reason().unwrap_or("no reason given");
                Err(ImagesError::Unavailable(format!("ECR did not delete {key}: {reason}")))
            }
        }
    }

    async fn status(&self, build: &BuildId) -> Result<BuildStatus, ImagesError> {
        // BatchGetBuilds takes ids, which are the ends of ARNs: `arn:aws:codebuild:region:account:build/project:uuid`.
        let arn = build.as_str();
        let id = arn.rsplit_once(":build/").map_or(arn, |(_, id)| id);
        let answer = self.codebuild.batch_get_builds().ids(id).send().await;
        let answer = answer.map_err(|error| self.refused(&error))?;
        Ok(answer.builds().first().map_or(BuildStatus::Unknown, status_of))
    }
}

/// What `runner/buildspec.yml` reads. Plain text: data that a build must not run.
fn variables(request: &BuildRequest) -> Result<Vec<EnvironmentVariable>, ImagesError> {
    let values = [
        ("IMAGE_KEY", request.key.to_string()),
        ("BASE_IMAGE", request.base.clone()),
        ("RUNNER_VERSION", RUNNER_VERSION.to_owned()),
        ("ARCH", request.arch.to_string()),
        ("TARGET", request.mode.target().to_owned()),
    ];
    let variable = |(name, value): (&str, String)| {
        let plain = EnvironmentVariable::builder().r#type(EnvironmentVariableType::Plaintext);
        plain.name(name).value(value).build()
    };
    let variables: Result<_, _> = values.into_iter().map(variable).collect();
    variables.map_err(|error| ImagesError::Impossible(error.to_string()))
}

fn status_of(build: &Build) -> BuildStatus {
    match build.build_status() {
        Some(StatusType::InProgress) => BuildStatus::Running,
        Some(StatusType::Succeeded) => BuildStatus::Succeeded,
        Some(status) => BuildStatus::Failed(failure(build, status)),
        None => BuildStatus::Unknown,
    }
}

/// The first phase that did not succeed, and what it says.
fn failure(build: &Build, status: &StatusType) -> String {
    let failed = build.phases().iter().find(|phase| {
        phase.phase_status().is_some_and(|status| *status != StatusType::Succeeded)
            || phase.contexts().iter().any(|context| context.message().is_some_and(|text| !text.is_empty()))
    });
    let Some(phase) = failed else { return format!("the build ended as {status}") };
    let name = phase.phase_type().map_or("?", |name| name.as_str());
    let messages: Vec<&str> = phase.contexts().iter().filter_map(|context| context.message()).collect();
    format!("the build ended as {status} in {name}: {}", messages.join("; "))
}

fn refusal(fault: Fault, now: Timestamp) -> ImagesError {
    match fault.verdict {
        Verdict::RetryAfter(wait) => ImagesError::Throttled { until: now + wait },
        Verdict::Never => ImagesError::Impossible(fault.text),
        Verdict::RetryNow | Verdict::AlreadyDone => ImagesError::Unavailable(fault.text),
    }
}
