//! Makes what an `image:` label names ready to run, once, however many jobs wait for it, and makes it anew in time.
//!
//! A label names a *base*, whose registry is asked what it is now; by that an *image* is made. Both rows are leases: they
//! are written, with a condition, before a registry is asked or a build is started. A handler that dies between two steps
//! leaves rows that say what was under way, and the schedule goes on from there.

mod changed;
mod outcome;
mod release;
mod request;
mod resolve;
mod schedule;
mod start;
mod sweep;

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::Timestamp;
use fleetfoot_model::base::Base;
use fleetfoot_model::config::Config;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::events::{Fact, ImageBuildStarted, ImageFailed, ImageReady};
use fleetfoot_model::foreign::{BUILD_STATE_CHANGE, BuildStateChange};
use fleetfoot_model::function::{EventFunction, FunctionError};
use fleetfoot_model::ids::BuildId;
use fleetfoot_model::ledger::Ledger;
use fleetfoot_model::ports::{Fleet, GitHub, Images, Registry};
use fleetfoot_model::record::Image;
use serde::Deserialize;

/// The detail-type of a schedule's events.
const SCHEDULED: &str = "Scheduled Event";

/// The function `image-build`.
pub struct ImageBuild {
    /// Rows.
    pub ledger: Arc<dyn Ledger>,
    /// The registries of bases.
    pub registry: Arc<dyn Registry>,
    /// The builder.
    pub images: Arc<dyn Images>,
    /// What keeps task definitions for images.
    pub fleet: Arc<dyn Fleet>,
    /// Asked only for the releases of its runner, which anybody may.
    pub github: Arc<dyn GitHub>,
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

fn started(image: &Image, build: &BuildId) -> Fact {
    let (key, image, build) = (image.key.clone(), image.image.clone(), build.clone());
    ImageBuildStarted { key, image, build }.into()
}

fn ready(base: &Base, uri: &str) -> Fact {
    let (key, image, uri) = (base.key.clone(), base.image.clone(), uri.to_owned());
    ImageReady { key, image, uri }.into()
}

fn failed(base: &Base, reason: &str, log_url: Option<&str>) -> Fact {
    let (key, image) = (base.key.clone(), base.image.clone());
    let (reason, log_url) = (reason.to_owned(), log_url.map(str::to_owned));
    ImageFailed { key, image, reason, log_url }.into()
}
