//! A pool's warm runner.

use fleetfoot_model::Timestamp;
use fleetfoot_model::config::PoolConfig;
use fleetfoot_model::events::{Fact, LaunchFailed, RunnerWanted};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::RunnerName;
use fleetfoot_model::ledger::{self, Stored};
use fleetfoot_model::ports::FleetError;
use fleetfoot_model::record::Pool;
use fleetfoot_model::runner::Reservation;

use crate::Launch;
use crate::assess::{ImageAnswer, image_requested};
use crate::start::{Manner, Started, Wait, launched_fact};

impl Launch {
    pub(crate) async fn runner_wanted(
        &self,
        event: RunnerWanted,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let Some(pool) = self.config.pools.iter().find(|pool| pool.name == event.pool) else {
            return Ok(Vec::new());
        };
        let name = RunnerName::for_pool(&self.config.fleet, &pool.name, event.sequence);
        let (image, request) = match self.image(&pool.spec, now).await? {
            ImageAnswer::Ready { image, is_due } => {
                (image, is_due.then(|| image_requested(&pool.spec, None)).flatten())
            }
            ImageAnswer::Missing(_) => return Ok(image_requested(&pool.spec, None).into_iter().collect()),
            ImageAnswer::Making(_) | ImageAnswer::Failed(_) => return Ok(Vec::new()),
        };
        let manner = Manner { image, failures: 0, wait: Wait::default() };
        // Read before the idle ones are counted: whoever reserves meanwhile changes it, and the count with it.
        let row = ledger::pool(&*self.ledger, &pool.name).await?;
        let row = row.unwrap_or_else(|| Stored::new(Pool { name: pool.name.clone(), sequence: 0 }));
        let started = match ledger::runner(&*self.ledger, &name).await? {
            Some(row) => match &row.value.task {
                Some(task) => return Ok(vec![launched_fact(&row.value, task.clone(), Wait::default())]),
                None if row.value.is_available() => self.resume(&row.value, manner, now).await?,
                None => return Ok(Vec::new()),
            },
            None if !self.may_be_filled(pool, now).await? => return Ok(Vec::new()),
            None => self.reserve(pool, row, name.clone(), event.sequence, manner, now).await?,
        };
        match started {
            Started::Launched(fact) => Ok([fact].into_iter().chain(request).collect()),
            // The schedule asks again.
            Started::Full { .. } => Ok(Vec::new()),
            Started::Refused(error) => {
                let reason = error.to_string();
                self.abandon(&name, &reason, &[], now).await?;
                if let FleetError::Throttled { until, reason } = &error {
                    return Ok(self.pause(*until, reason, now).await?.into_iter().collect());
                }
                let for_good = matches!(error, FleetError::Impossible(_));
                Ok(vec![LaunchFailed { runner: name, job: None, reason, for_good }.into()])
            }
        }
    }

    async fn reserve(
        &self,
        pool: &PoolConfig,
        mut row: Stored<Pool>,
        name: RunnerName,
        sequence: u64,
        manner: Manner,
        now: Timestamp,
    ) -> Result<Started, FunctionError> {
        row.value.sequence = row.value.sequence.max(sequence);
        let mut limits = self.counters(&pool.spec, None);
        let reservation = Reservation {
            name,
            pool: Some(pool.name.clone()),
            job: None,
            scope: pool.scope.clone(),
            spec: pool.spec.clone(),
            labels: pool.labels.clone(),
            counters: limits.iter().map(|(counter, _)| counter.clone()).collect(),
            register_by: now + self.config.timeouts.register,
        };
        limits.push(self.burst(now));
        self.start(reservation, limits, vec![ledger::change(row)], manner, now).await
    }

    /// Whether it lacks a runner, and nothing holds launches up: jobs come first.
    async fn may_be_filled(&self, pool: &PoolConfig, now: Timestamp) -> Result<bool, FunctionError> {
        let unmatched = self.unmatched().await?;
        let idle = unmatched.runners.iter().filter(|row| row.value.is_idle_in(&pool.name)).count() as u64;
        Ok(idle < pool.wanted(now) && unmatched.paused(now).is_none())
    }
}
