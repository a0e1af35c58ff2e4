//! What the schedule does: goes on where an event was lost or a handler died, and builds old images anew.

use fleetfoot_model::Timestamp;
use fleetfoot_model::events::Fact;
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::BuildId;
use fleetfoot_model::image_key::key_of;
use fleetfoot_model::ledger::Stored;
use fleetfoot_model::ports::BuildStatus;
use fleetfoot_model::record::{Image, ImageState, Index, Record};

use crate::ImageBuild;

/// The most rows that one run looks at; the oldest come first.
const LOOK_AT: usize = 5000;

impl ImageBuild {
    /// Looks after every image. One that cannot be helped now does not keep the others from it.
    pub(crate) async fn look_after_all(&self, now: Timestamp) -> Result<Vec<Fact>, FunctionError> {
        let mut facts = Vec::new();
        let mut trouble = None;
        for Stored { value, version } in self.ledger.list(Index::Active, LOOK_AT).await? {
            let Record::Image(value) = value else { continue };
            match self.look_after(Stored { value, version }, now).await {
                Ok(more) => facts.extend(more),
                Err(error) => trouble = Some(error),
            }
        }
        match trouble {
            Some(error) if facts.is_empty() => Err(error),
            _ => Ok(facts),
        }
    }

    /// Does what is due for one image, if anything is.
    pub(crate) async fn look_after(
        &self,
        mut row: Stored<Image>,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        match row.value.state.clone() {
            ImageState::Building { build: None, until } if until <= now => self.recover(row, now).await,
            ImageState::Building { build: Some(build), until }
                if until <= now || row.value.changed_at + self.config.timeouts.lost <= now =>
            {
                self.ask(row, &build, until, now).await
            }
            ImageState::Ready { uri, since }
                if since + self.config.images.rebuild_after <= now && self.is_wanted(&row.value) =>
            {
                row.value.serving = Some(uri);
                self.start(row, now).await
            }
            ImageState::Failed { until, .. }
                if until <= now && row.value.serving.is_some() && self.is_wanted(&row.value) =>
            {
                self.start(row, now).await
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Whether it would still be asked for: by this recipe, this runner release and this allow-list.
    fn is_wanted(&self, image: &Image) -> bool {
        let allowed = self.config.images.allow.iter().any(|it| image.image.is_allowed_by(&it.matcher));
        allowed && key_of(&image.image, image.arch) == image.key
    }

    /// A build whose events are lost, or that takes long.
    async fn ask(
        &self,
        row: Stored<Image>,
        build: &BuildId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        match self.images.status(build).await.map_err(|error| FunctionError::again(&error))? {
            // The builder has a time limit of its own, whose end may be about to be told.
            BuildStatus::Running if until + self.config.timeouts.grace <= now => {
                let minutes = self.config.timeouts.build.as_mins();
                self.give_up(row, &format!("the build did not end within {minutes} minutes"), None, now).await
            }
            BuildStatus::Succeeded => match self.find(&row.value.key).await? {
                Some(uri) => self.ready(row, uri, now).await,
                None => self.give_up(row, "the build succeeded, but its image is not there", None, now).await,
            },
            BuildStatus::Failed(reason) => self.give_up(row, &reason, None, now).await,
            BuildStatus::Unknown if until <= now => self.recover(row, now).await,
            BuildStatus::Running | BuildStatus::Unknown => Ok(Vec::new()),
        }
    }

    /// Nobody knows of a build: the image is there after all, or it is built again.
    async fn recover(&self, row: Stored<Image>, now: Timestamp) -> Result<Vec<Fact>, FunctionError> {
        if row.value.serving.is_none()
            && let Some(uri) = self.find(&row.value.key).await?
        {
            return self.ready(row, uri, now).await;
        }
        self.start(row, now).await
    }
}
