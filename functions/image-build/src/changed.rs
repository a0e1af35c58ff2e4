//! What the builder says of its builds. Hints: late, doubled, unordered, and perhaps of a build that nobody waits for.

use fleetfoot_model::Timestamp;
use fleetfoot_model::events::Fact;
use fleetfoot_model::foreign::{BuildInformation, BuildStateChange};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::{BuildId, ImageKey, InvalidId};
use fleetfoot_model::ledger::{self, Stored};
use fleetfoot_model::ports::BuildStatus;
use fleetfoot_model::record::{Image, ImageState};

use crate::ImageBuild;

/// Names the image in a build's environment.
const IMAGE_KEY: &str = "IMAGE_KEY";
/// The longest reason that is kept, in characters.
const LONGEST_REASON: usize = 500;

impl ImageBuild {
    pub(crate) async fn build_changed(
        &self,
        change: BuildStateChange,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        // Other projects' builds come on the same bus.
        let Some(key) = image_key(&change.additional_information) else { return Ok(Vec::new()) };
        let Some(row) = ledger::image(&*self.ledger, &key).await? else { return Ok(Vec::new()) };
        let build: BuildId = change
            .build_id
            .parse()
            .map_err(|error: InvalidId| FunctionError::Malformed(error.to_string()))?;
        match change.build_status.as_str() {
            "IN_PROGRESS" => self.build_runs(row, build, now).await,
            "SUCCEEDED" => self.build_succeeded(row, &build, now).await,
            "FAILED" | "FAULT" | "TIMED_OUT" | "STOPPED" => {
                self.build_failed(row, &build, &change, now).await
            }
            _ => Ok(Vec::new()),
        }
    }

    /// A build without a name in its row: whoever started it died before noting it. The event may be an old one, so the
    /// builder is asked.
    async fn build_runs(
        &self,
        mut row: Stored<Image>,
        build: BuildId,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        if matches!(row.value.state, ImageState::Building { build: None, .. }) {
            let status = self.images.status(&build).await.map_err(|error| FunctionError::again(&error))?;
            if status == BuildStatus::Running {
                let until = now + self.config.timeouts.build;
                self.lease(&mut row, Some(build), until, now).await?;
            }
        }
        Ok(Vec::new())
    }

    async fn build_succeeded(
        &self,
        row: Stored<Image>,
        build: &BuildId,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let is_ours = match &row.value.state {
            ImageState::Ready { .. } => return self.tell_bases(&row.value, None, now).await,
            ImageState::Building { build: Some(ours), .. } => ours == build,
            _ => false,
        };
        // Any build will do while there is no image, but what is there already says nothing of the new one.
        if !is_ours && row.value.serving.is_some() {
            return unless_unnamed(&row.value);
        }
        match self.find(&row.value.key).await? {
            Some(uri) => self.ready(row, uri, now).await,
            None => {
                Err(FunctionError::Again(format!("build {build} succeeded, but its image is not there yet")))
            }
        }
    }

    async fn build_failed(
        &self,
        row: Stored<Image>,
        build: &BuildId,
        change: &BuildStateChange,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let reason = reason(change);
        let log_url = change.additional_information.logs.deep_link.clone();
        let log_url = log_url.filter(|url| url.starts_with("https://"));
        match &row.value.state {
            ImageState::Building { build: Some(ours), .. } if ours == build => {
                self.give_up(row, &reason, log_url, now).await
            }
            ImageState::Building { .. } => unless_unnamed(&row.value),
            // The same event once more.
            ImageState::Failed { reason: known, .. } if *known == reason => {
                self.tell_bases(&row.value, log_url.as_deref(), now).await
            }
            _ => Ok(Vec::new()),
        }
    }

    pub(crate) async fn find(&self, key: &ImageKey) -> Result<Option<String>, FunctionError> {
        self.images.find(key).await.map_err(|error| FunctionError::again(&error))
    }
}

/// An event of another build than the row's means nothing. While the row's has no name yet, that cannot be told.
fn unless_unnamed(image: &Image) -> Result<Vec<Fact>, FunctionError> {
    match image.state {
        ImageState::Building { build: None, .. } => {
            Err(FunctionError::Again("the image's build is not noted yet".to_owned()))
        }
        _ => Ok(Vec::new()),
    }
}

fn image_key(information: &BuildInformation) -> Option<ImageKey> {
    let mut variables = information.environment.environment_variables.iter();
    variables.find(|variable| variable.name == IMAGE_KEY)?.value.parse().ok()
}

/// The phase that failed and its message. CodeBuild fills the context of a phase that went well with `: `.
fn reason(change: &BuildStateChange) -> String {
    let went_wrong = |status: &str| !matches!(status, "SUCCEEDED" | "IN_PROGRESS" | "QUEUED");
    let phases = &change.additional_information.phases;
    let phase = phases.iter().find(|phase| phase.phase_status.as_deref().is_some_and(went_wrong));
    let Some(phase) = phase else { return format!("the build ended as {}", change.build_status) };
    let messages = phase.phase_context.iter().map(|text| text.trim_matches([':', ' ']));
    let messages: Vec<&str> = messages.filter(|text| !text.is_empty()).collect();
    let said = if messages.is_empty() { change.build_status.clone() } else { messages.join("; ") };
    format!("{}: {said}", phase.phase_type).chars().take(LONGEST_REASON).collect()
}
