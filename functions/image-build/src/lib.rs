//! Builds a runner image once, however many jobs wait for it, and builds it anew in time.
//!
//! An image's row is a lease: it is written, with a condition, before a build is started. A handler that dies between two
//! steps leaves a row that says what was under way, and the schedule goes on from there.

mod changed;
mod outcome;
mod schedule;
mod start;

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::Timestamp;
use fleetfoot_model::config::Config;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::events::{Fact, ImageBuildStarted, ImageRequested};
use fleetfoot_model::foreign::{BUILD_STATE_CHANGE, BuildStateChange};
use fleetfoot_model::function::{EventFunction, FunctionError};
use fleetfoot_model::ids::BuildId;
use fleetfoot_model::ledger::{self, Ledger, Stored};
use fleetfoot_model::ports::Images;
use fleetfoot_model::record::{Image, ImageState};
use serde::Deserialize;

/// The detail-type of a schedule's events.
const SCHEDULED: &str = "Scheduled Event";

/// The function `image-build`.
pub struct ImageBuild {
    /// Rows.
    pub ledger: Arc<dyn Ledger>,
    /// The builder.
    pub images: Arc<dyn Images>,
    /// The fleet's configuration.
    pub config: Arc<Config>,
}

#[async_trait]
impl EventFunction for ImageBuild {
    async fn handle(&self, event: &Envelope, now: Timestamp) -> Result<Vec<Fact>, FunctionError> {
        match event.detail_type.as_str() {
            SCHEDULED => self.look_after_all(now).await,
            BUILD_STATE_CHANGE => {
                let change = BuildStateChange::deserialize(&event.detail)
                    .map_err(|error| FunctionError::Malformed(format!("{BUILD_STATE_CHANGE}: {error}")))?;
                self.build_changed(change, now).await
            }
            _ => match event.fact()? {
                Fact::ImageRequested(it) => self.requested(it, now).await,
                other => {
                    Err(FunctionError::Malformed(format!("image-build takes no {}", other.detail_type())))
                }
            },
        }
    }
}

impl ImageBuild {
    /// Answers how the image stands; the first request starts its build.
    async fn requested(&self, request: ImageRequested, now: Timestamp) -> Result<Vec<Fact>, FunctionError> {
        let row = ledger::image(&*self.ledger, &request.key).await?;
        let row = row.unwrap_or_else(|| Stored::new(unbuilt(request, now)));
        match &row.value.state {
            // The request was made before it was ready: the jobs that wait for it have missed that.
            ImageState::Ready { uri, .. } => Ok(vec![row.value.ready(uri)]),
            ImageState::Failed { reason, until } if now < *until => Ok(vec![row.value.failed(reason, None)]),
            ImageState::Failed { .. } => self.start(row, now).await,
            ImageState::Building { build, until } if now < *until => {
                Ok(build.iter().map(|build| row.value.building(build)).collect())
            }
            ImageState::Building { .. } => self.look_after(row, now).await,
        }
    }
}

/// The row of an image that nobody has asked for: a lease that is over.
fn unbuilt(request: ImageRequested, now: Timestamp) -> Image {
    let ImageRequested { key, image, arch, .. } = request;
    let state = ImageState::Building { build: None, until: now };
    Image { key, image, arch, state, serving: None, builds: 0, changed_at: now }
}

/// The facts about an image.
trait Facts {
    fn building(&self, build: &BuildId) -> Fact;
    fn ready(&self, uri: &str) -> Fact;
    fn failed(&self, reason: &str, log_url: Option<String>) -> Fact;
}

impl Facts for Image {
    fn building(&self, build: &BuildId) -> Fact {
        let (key, image, build) = (self.key.clone(), self.image.clone(), build.clone());
        ImageBuildStarted { key, image, build }.into()
    }

    fn ready(&self, uri: &str) -> Fact {
        let (key, image, uri) = (self.key.clone(), self.image.clone(), uri.to_owned());
        fleetfoot_model::events::ImageReady { key, image, uri }.into()
    }

    fn failed(&self, reason: &str, log_url: Option<String>) -> Fact {
        let (key, image, reason) = (self.key.clone(), self.image.clone(), reason.to_owned());
        fleetfoot_model::events::ImageFailed { key, image, reason, log_url }.into()
    }
}
