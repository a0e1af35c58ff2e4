//! Starts a build: first the lease, then the build, then its name.

use fleetfoot_model::events::Fact;
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::BuildId;
use fleetfoot_model::ledger::{self, LedgerError, Stored};
use fleetfoot_model::ports::{BuildRequest, ImagesError};
use fleetfoot_model::record::{Image, ImageState};
use fleetfoot_model::{SignedDuration, Timestamp};

use crate::{Facts, ImageBuild};

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
        match self.lease(&mut row, None, until, now).await {
            Err(LedgerError::Conflict(_)) => return Ok(Vec::new()),
            leased => leased?,
        }
        let Image { key, image, arch, .. } = row.value.clone();
        match self.images.build(&BuildRequest { key, image, arch }).await {
            Ok(build) => self.record(row, build, now).await,
            Err(ImagesError::Throttled { until }) => self.postpone(row, until, now).await,
            Err(ImagesError::Impossible(reason)) => self.give_up(row, &reason, None, now).await,
            // It is unknown whether it was started. The lease keeps a second build away until that is known.
            Err(error @ ImagesError::Unavailable(_)) => Err(FunctionError::again(&error)),
        }
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
        let started = row.value.building(&build);
        let until = now + self.config.timeouts.build;
        match self.lease(&mut row, Some(build), until, now).await {
            Ok(()) | Err(LedgerError::Conflict(_)) => Ok(vec![started]),
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
