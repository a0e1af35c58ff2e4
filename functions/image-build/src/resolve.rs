//! Asks a registry what a base is now, and has an image made by the answer.

use std::collections::BTreeSet;

use fleetfoot_model::base::{Base, BaseState, Resolved};
use fleetfoot_model::events::Fact;
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::{ImageKey, Repository};
use fleetfoot_model::image_key::{INJECTOR_BASE, ImageMode, Recipe, key_of};
use fleetfoot_model::ledger::{self, LedgerError, Stored};
use fleetfoot_model::ports::{BaseImage, RegistryError};
use fleetfoot_model::record::{Image, ImageState};
use fleetfoot_model::{SignedDuration, Timestamp};

use crate::ImageBuild;

/// So often a registry that does not answer is asked. With leases that double from half a minute: for half an hour.
const MOST_TRIES: u32 = 6;
/// How long a registry may take to answer the first time.
const LEASE: SignedDuration = SignedDuration::from_secs(30);

/// What is to be built: a base's own image, or the one that is injected into all.
struct Wanted {
    key: ImageKey,
    base: String,
}

impl ImageBuild {
    /// Asks the registry, unless somebody else does at this moment.
    pub(crate) async fn resolve(
        &self,
        mut row: Stored<Base>,
        repository: Option<Repository>,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let tries = match row.value.state {
            BaseState::Resolving { tries, .. } => tries,
            _ => 0,
        };
        let until = now + LEASE * 2_i32.saturating_pow(tries.min(8));
        match self.put_base(&mut row, BaseState::Resolving { until, tries: tries + 1 }, now).await {
            Err(LedgerError::Conflict(_)) => return Ok(Vec::new()),
            leased => leased?,
        }
        match self.ask_registry(&row.value).await {
            Ok((base, wanted)) => self.want(row, base, wanted, repository, now).await,
            Err(RegistryError::Refused(reason)) => Ok(vec![self.refuse(row, &reason, None, now).await?]),
            Err(RegistryError::Throttled { until }) => {
                self.put_base(&mut row, BaseState::Resolving { until, tries }, now).await?;
                Ok(Vec::new())
            }
            Err(RegistryError::Unavailable(error)) if tries + 1 >= MOST_TRIES => {
                let reason = format!("its registry could not be asked {MOST_TRIES} times: {error}");
                Ok(vec![self.refuse(row, &reason, None, now).await?])
            }
            Err(error @ RegistryError::Unavailable(_)) => Err(FunctionError::again(&error)),
        }
    }

    async fn ask_registry(&self, base: &Base) -> Result<(BaseImage, Wanted), RegistryError> {
        let recipe = Recipe::current(self.config.images.mode);
        let found = self.registry.resolve(&base.image, base.arch).await?;
        let made_on = match recipe.mode {
            ImageMode::Build => found.clone(),
            ImageMode::Inject => {
                let injector = INJECTOR_BASE.parse().map_err(|error| {
                    RegistryError::Unavailable(format!("{INJECTOR_BASE} is no reference: {error}"))
                })?;
                self.registry.resolve(&injector, base.arch).await?
            }
        };
        Ok((found, Wanted { key: key_of(&made_on.digest, base.arch, &recipe), base: made_on.uri }))
    }

    /// Notes what the base is, and who makes its image that it is to be told.
    async fn want(
        &self,
        mut row: Stored<Base>,
        base: BaseImage,
        wanted: Wanted,
        repository: Option<Repository>,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let image = ledger::image(&*self.ledger, &wanted.key).await?;
        let mut image =
            image.unwrap_or_else(|| Stored::new(self.unbuilt(&row.value, wanted, repository, now)));
        image.value.wanted_by.insert(row.value.key.clone());
        image.value.unused_since = None;
        let (key, recipe) = (image.value.key.clone(), Recipe::current(image.value.mode));
        row.value.resolved = Some(Resolved { base, image: key, recipe, at: now });
        row.value.state = BaseState::Making;
        row.value.changed_at = now;
        // Together: a base that waits for an image is one that the image knows of.
        let changes = vec![ledger::change(row.clone()), ledger::change(image.clone())];
        self.ledger.commit(changes).await?;
        row.version += 1;
        image.version += 1;
        self.make(row, image, now).await
    }

    /// The row of an image that nobody has asked for: a lease that is over.
    fn unbuilt(&self, base: &Base, wanted: Wanted, repository: Option<Repository>, now: Timestamp) -> Image {
        Image {
            key: wanted.key,
            image: base.image.clone(),
            base: wanted.base,
            arch: base.arch,
            mode: self.config.images.mode,
            wanted_by: BTreeSet::new(),
            repository,
            is_counted: false,
            unused_since: None,
            state: ImageState::Building { build: None, until: now },
            serving: None,
            builds: 0,
            changed_at: now,
        }
    }
}
