//! How a build ends.

use fleetfoot_model::events::Fact;
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ledger::{self, Stored};
use fleetfoot_model::record::{Image, ImageState};
use fleetfoot_model::{SignedDuration, Timestamp};

use crate::{Facts, ImageBuild};

/// While an older build serves there is no hurry, and no need to tell a person of the same failure more often.
const RENEWAL_PAUSE: SignedDuration = SignedDuration::from_hours(24);

impl ImageBuild {
    /// The image is there.
    pub(crate) async fn ready(
        &self,
        mut row: Stored<Image>,
        uri: String,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let fact = row.value.ready(&uri);
        row.value.state = ImageState::Ready { uri, since: now };
        row.value.serving = None;
        self.end(row, now).await?;
        Ok(vec![fact])
    }

    /// The image cannot be had for now; if there is an older build of it, that one goes on serving.
    pub(crate) async fn give_up(
        &self,
        mut row: Stored<Image>,
        reason: &str,
        log_url: Option<String>,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let images = &self.config.images;
        let pause = match row.value.serving {
            Some(_) => images.retry_after.max(RENEWAL_PAUSE.min(images.rebuild_after)),
            None => images.retry_after,
        };
        let fact = row.value.failed(reason, log_url);
        row.value.state = ImageState::Failed { reason: reason.to_owned(), until: now + pause };
        self.end(row, now).await?;
        Ok(vec![fact])
    }

    async fn end(&self, mut row: Stored<Image>, now: Timestamp) -> Result<(), FunctionError> {
        row.value.builds = 0;
        row.value.changed_at = now;
        Ok(ledger::put(&*self.ledger, row).await?)
    }
}
