//! A job asks for a base, and what it is served by.

use fleetfoot_model::base::{Base, BaseState, Serving};
use fleetfoot_model::events::{Fact, ImageRequested};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::image_key::ImageMode;
use fleetfoot_model::ledger::{self, LedgerError, Stored};
use fleetfoot_model::ports::TaskImage;
use fleetfoot_model::record::{Image, ImageState};
use fleetfoot_model::{SignedDuration, Timestamp};

use crate::{ImageBuild, failed, ready, started};

/// While something older serves there is no hurry, and no need to tell a person of the same failure more often.
const RENEWAL_PAUSE: SignedDuration = SignedDuration::from_hours(24);

impl ImageBuild {
    /// Answers how a base stands. The first request has it made ready, and the first one when that is old.
    pub(crate) async fn requested(
        &self,
        request: ImageRequested,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let ImageRequested { key, image, arch, repository } = request;
        let row = ledger::base(&*self.ledger, &key).await?;
        let mut row = row.unwrap_or_else(|| Stored::new(Base::new(image, arch, now)));
        let is_due = row.value.is_due(&self.config.images, now);
        match (&row.value.serving, &row.value.state) {
            // The request was made before it was ready: the jobs that wait for it have missed that.
            (Some(serving), _) if !is_due => Ok(vec![ready(&row.value, &serving.image.uri)]),
            (None, BaseState::Refused { reason, until }) if now < *until => {
                Ok(vec![failed(&row.value, reason, None)])
            }
            (None, BaseState::Resolving { until, .. }) if now < *until => Ok(Vec::new()),
            (None, BaseState::Making) => match self.wanted(&row.value).await? {
                Some(image) => self.make(row, image, now).await,
                None => self.resolve(row, repository, now).await,
            },
            _ => {
                row.value.asked_at = now;
                self.resolve(row, repository, now).await
            }
        }
    }

    /// The image that a base wants.
    pub(crate) async fn wanted(&self, base: &Base) -> Result<Option<Stored<Image>>, FunctionError> {
        match base.wanted() {
            Some(image) => Ok(ledger::image(&*self.ledger, image).await?),
            None => Ok(None),
        }
    }

    /// Has an image made for a base that wants it, unless it is there.
    pub(crate) async fn make(
        &self,
        base: Stored<Base>,
        mut image: Stored<Image>,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        match image.value.state.clone() {
            ImageState::Ready { uri, since } => {
                // A base that nothing serves takes what is there; the next job has it made anew.
                if now < since + self.config.images.rebuild_after || base.value.serving.is_none() {
                    return Ok(vec![self.serve(base, &image.value, &uri, since, now).await?]);
                }
                image.value.serving = Some(uri);
                self.start(image, now).await
            }
            ImageState::Failed { reason, until } if now < until => {
                Ok(vec![self.refuse(base, &reason, None, now).await?])
            }
            ImageState::Building { build, until } if now < until => {
                Ok(build.iter().map(|build| started(&image.value, build)).collect())
            }
            ImageState::Building { .. } => self.look_after(image, now).await,
            ImageState::Failed { .. } | ImageState::Removed => self.start(image, now).await,
        }
    }

    /// Lets a base be served by an image that is there.
    pub(crate) async fn serve(
        &self,
        mut base: Stored<Base>,
        image: &Image,
        uri: &str,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Fact, FunctionError> {
        let (by, image) = (image.key.clone(), task_image(&base.value, image.mode, uri)?);
        let fact = ready(&base.value, &image.uri);
        let serving = Some(Serving { by, image, since });
        if base.value.serving != serving || base.value.state != BaseState::Served {
            base.value.serving = serving;
            self.put_base(&mut base, BaseState::Served, now).await?;
        }
        Ok(fact)
    }

    /// A base cannot be had for now; what served it until now goes on doing so.
    pub(crate) async fn refuse(
        &self,
        mut base: Stored<Base>,
        reason: &str,
        log_url: Option<&str>,
        now: Timestamp,
    ) -> Result<Fact, FunctionError> {
        let images = &self.config.images;
        let pause = match base.value.serving {
            Some(_) => images.retry_after.max(RENEWAL_PAUSE.min(images.rebuild_after)),
            None => images.retry_after,
        };
        let refused = BaseState::Refused { reason: reason.to_owned(), until: now + pause };
        self.put_base(&mut base, refused, now).await?;
        Ok(failed(&base.value, reason, log_url))
    }

    pub(crate) async fn put_base(
        &self,
        base: &mut Stored<Base>,
        state: BaseState,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        base.value.state = state;
        base.value.changed_at = now;
        ledger::put(&*self.ledger, base.clone()).await?;
        base.version += 1;
        Ok(())
    }
}

/// What runners on a base are started from: the image that was built on it, or the base itself with agent and runner
/// beside it.
fn task_image(base: &Base, mode: ImageMode, uri: &str) -> Result<TaskImage, FunctionError> {
    match (mode, &base.resolved) {
        (ImageMode::Build, _) => Ok(TaskImage { uri: uri.to_owned(), injector: None }),
        (ImageMode::Inject, Some(resolved)) => {
            Ok(TaskImage { uri: resolved.base.uri.clone(), injector: Some(uri.to_owned()) })
        }
        (ImageMode::Inject, None) => Err(FunctionError::Again(format!("{} is not resolved", base.image))),
    }
}
