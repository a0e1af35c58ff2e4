//! What the schedule does: goes on where an event was lost or a handler died, and has a new runner release built in.

use fleetfoot_model::Timestamp;
use fleetfoot_model::base::{Base, BaseState};
use fleetfoot_model::events::Fact;
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::BuildId;
use fleetfoot_model::ledger::Stored;
use fleetfoot_model::ports::BuildStatus;
use fleetfoot_model::record::{Image, ImageState, Index, Record};

use crate::ImageBuild;

/// The most rows that one run looks at; the oldest come first.
const LOOK_AT: usize = 5000;
/// The most bases that one run makes anew for a new release.
const MOST_RENEWALS: u32 = 5;

impl ImageBuild {
    /// Looks after every base and image. One that cannot be helped now does not keep the others from it.
    pub(crate) async fn look_after_all(&self, now: Timestamp) -> Result<Vec<Fact>, FunctionError> {
        let mut facts = Vec::new();
        let mut trouble = None;
        let mut renewals = 0;
        let rows = self.ledger.list(Index::Images, LOOK_AT).await?;
        for Stored { value, version } in rows.clone() {
            let more = match value {
                Record::Image(value) => self.look_after(Stored { value, version }, now).await,
                Record::Base(value) => {
                    self.look_after_base(Stored { value, version }, &mut renewals, now).await
                }
                _ => continue,
            };
            match more {
                Ok(more) => facts.extend(more),
                Err(error) => trouble = Some(error),
            }
        }
        if let Err(error) = self.sweep(rows, now).await {
            trouble = Some(error);
        }
        match self.watch_release(now).await {
            Ok(more) => facts.extend(more),
            Err(error) => trouble = Some(error),
        }
        match trouble {
            Some(error) if facts.is_empty() => Err(error),
            _ => Ok(facts),
        }
    }

    /// Does what is due for one image, if anything is.
    pub(crate) async fn look_after(
        &self,
        row: Stored<Image>,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        match row.value.state.clone() {
            ImageState::Building { build: None, until } if until <= now => self.recover(row, now).await,
            ImageState::Building { build: Some(build), until }
                if until <= now || row.value.changed_at + self.config.timeouts.lost <= now =>
            {
                self.ask(row, &build, until, now).await
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Does what is due for one base. Its age is seen to when a job asks; a new runner release is not to wait for one.
    async fn look_after_base(
        &self,
        row: Stored<Base>,
        renewals: &mut u32,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let images = &self.config.images;
        match &row.value.state {
            BaseState::Resolving { until, .. } if *until <= now => self.resolve(row, None, now).await,
            // Whoever made the image has not told it.
            BaseState::Making if row.value.changed_at + self.config.timeouts.lost <= now => {
                match self.wanted(&row.value).await? {
                    Some(image) if !matches!(image.value.state, ImageState::Building { .. }) => {
                        self.make(row, image, now).await
                    }
                    _ => Ok(Vec::new()),
                }
            }
            BaseState::Served
                if *renewals < MOST_RENEWALS
                    && row.value.is_outdated(images)
                    && row.value.is_in_use(images, now)
                    && self.is_allowed(&row.value) =>
            {
                *renewals += 1;
                self.resolve(row, None, now).await
            }
            _ => Ok(Vec::new()),
        }
    }

    fn is_allowed(&self, base: &Base) -> bool {
        let images = &self.config.images;
        images.default.as_ref() == Some(&base.image)
            || images.allow.iter().any(|it| base.image.is_allowed_by(&it.matcher))
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
