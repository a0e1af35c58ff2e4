//! Follows which runner really runs which job: swaps, frees what is surplus, and asks for a replacement when a runner
//! was taken by another job.

mod completed;
mod started;
mod surplus;

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::Timestamp;
use fleetfoot_model::config::Config;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::events::{Fact, JobDescription, ObservedRunner, RunRequested};
use fleetfoot_model::function::{EventFunction, FunctionError};
use fleetfoot_model::ids::RunnerName;
use fleetfoot_model::job::Job;
use fleetfoot_model::ledger::{self, Ledger, Stored};
use fleetfoot_model::ports::{Fleet, GitHub};
use fleetfoot_model::record::WorkflowRun;
use fleetfoot_model::runner::Runner;

/// The function `job-state`.
pub struct JobState {
    /// Rows.
    pub ledger: Arc<dyn Ledger>,
    /// Where a surplus runner is removed.
    pub github: Arc<dyn GitHub>,
    /// Where its task is stopped.
    pub fleet: Arc<dyn Fleet>,
    /// The fleet's configuration.
    pub config: Arc<Config>,
}

#[async_trait]
impl EventFunction for JobState {
    async fn handle(&self, event: &Envelope, now: Timestamp) -> Result<Vec<Fact>, FunctionError> {
        match event.fact()? {
            Fact::JobStarted(it) => self.job_started(it, now).await,
            Fact::JobCompleted(it) => self.job_completed(it, now).await,
            // GitHub queues it when the approval is given.
            Fact::JobWaiting(_) => Ok(Vec::new()),
            Fact::RunRequested(it) => self.run_requested(it, now).await,
            other => Err(FunctionError::Malformed(format!("job-state takes no {}", other.detail_type()))),
        }
    }
}

impl JobState {
    async fn run_requested(&self, event: RunRequested, now: Timestamp) -> Result<Vec<Fact>, FunctionError> {
        if ledger::run(&*self.ledger, event.run_id).await?.is_none() {
            let RunRequested { run_id: id, repository, head_repository, .. } = event;
            let run = WorkflowRun { id, repository, head_repository, heard_at: now };
            ledger::put(&*self.ledger, Stored::new(run)).await?;
        }
        Ok(Vec::new())
    }

    /// The job's row; a new one if its `queued` has not arrived.
    async fn job(&self, description: &JobDescription, now: Timestamp) -> Result<Stored<Job>, FunctionError> {
        let row = ledger::job(&*self.ledger, description.id).await?;
        Ok(row.unwrap_or_else(|| Stored::new(Job::new(description.clone(), now))))
    }

    /// The runner's row, if it is one of ours.
    async fn ours(&self, observed: &ObservedRunner) -> Result<Option<Stored<Runner>>, FunctionError> {
        match observed.name.parse::<RunnerName>() {
            Ok(name) if name.belongs_to(&self.config.fleet) => {
                Ok(ledger::runner(&*self.ledger, &name).await?)
            }
            _ => Ok(None),
        }
    }
}
