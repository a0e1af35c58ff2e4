//! Starts a build: first the lease, then the build, then its name.

use fleetfoot_model::counter::Counter;
use fleetfoot_model::events::Fact;
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::BuildId;
use fleetfoot_model::ledger::{self, Change, LedgerError, Stored};
use fleetfoot_model::ports::{BuildRequest, ImagesError};
use fleetfoot_model::record::{Image, ImageState};
use fleetfoot_model::{SignedDuration, Timestamp};

use crate::{ImageBuild, started};

/// So often a build is started for one image before it is given up. With leases that double from a minute, a builder may
/// be away for an hour.
const MOST_STARTS: u32 = 6;

impl ImageBuild {
    /// Starts a build, unless somebody else does at this moment.
    pub(crate) async fn start(
        &self,
        mut row: Stored<Image>,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        if row.value.builds >= MOST_STARTS {
            let reason = format!("{MOST_STARTS} builds were started and nothing was heard of any of them");
            return self.give_up(row, &reason, None, now).await;
        }
        row.value.builds += 1;
        let until = now + self.start_lease(row.value.builds);
        match self.take_turn(&mut row, until, now).await {
            // Somebody else starts it, or others are built for its repository. In time the schedule comes by again.
            Err(LedgerError::Conflict(_) | LedgerError::Full { .. }) => return Ok(Vec::new()),
            leased => leased?,
        }
        let Image { key, image, base, arch, mode, .. } = row.value.clone();
        match self.images.build(&BuildRequest { key, image, base, arch, mode }).await {
            Ok(build) => self.record(row, build, now).await,
            Err(ImagesError::Throttled { until }) => self.postpone(row, until, now).await,
            Err(ImagesError::Impossible(reason)) => self.give_up(row, &reason, None, now).await,
            // It is unknown whether it was started. The lease keeps a second build away until that is known.
            Err(error @ ImagesError::Unavailable(_)) => Err(FunctionError::again(&error)),
        }
    }

    /// Writes the lease of a build that is to be started, and counts it.
    async fn take_turn(
        &self,
        row: &mut Stored<Image>,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let repository = row.value.repository.clone().filter(|_| !row.value.is_counted);
        let Some(repository) = repository else { return self.lease(row, None, until, now).await };
        row.value.is_counted = true;
        row.value.state = ImageState::Building { build: None, until };
        row.value.changed_at = now;
        let limit = self.config.limits.builds_per_repository;
        let counted = Change::Acquire { counter: Counter::RepositoryBuilds(repository), limit };
        self.ledger.commit(vec![ledger::change(row.clone()), counted]).await?;
        row.version += 1;
        Ok(())
    }

    /// How long a build that was asked for may stay without a name.
    fn start_lease(&self, builds: u32) -> SignedDuration {
        self.config.timeouts.grace * 2_i32.saturating_pow(builds.saturating_sub(1).min(8))
    }

    /// Notes which build it is. Its own events may have been faster; then they have said more than this.
    async fn record(
        &self,
        mut row: Stored<Image>,
        build: BuildId,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let fact = started(&row.value, &build);
        let until = now + self.config.timeouts.build;
        match self.lease(&mut row, Some(build), until, now).await {
            Ok(()) | Err(LedgerError::Conflict(_)) => Ok(vec![fact]),
            Err(error) => Err(error.into()),
        }
    }

    /// The builder takes nothing until a time. No build was started, so none is counted.
    async fn postpone(
        &self,
        mut row: Stored<Image>,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        row.value.builds -= 1;
        self.lease(&mut row, None, until, now).await?;
        Ok(Vec::new())
    }

    /// Writes the lease.
    pub(crate) async fn lease(
        &self,
        row: &mut Stored<Image>,
        build: Option<BuildId>,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        row.value.state = ImageState::Building { build, until };
        row.value.changed_at = now;
        ledger::put(&*self.ledger, row.clone()).await?;
        row.version += 1;
        Ok(())
    }
}
