//! A runner whose job is gone: given to a waiting job that it suits, or let go.

use fleetfoot_model::Timestamp;
use fleetfoot_model::decide::matching;
use fleetfoot_model::dismiss::{Dismissal, Dismisser};
use fleetfoot_model::events::{Fact, RunnerReleased};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::RunnerName;
use fleetfoot_model::job::Job;
use fleetfoot_model::ledger::{self, Stored};
use fleetfoot_model::runner::{Runner, RunnerState};

use crate::JobState;

impl JobState {
    pub(crate) async fn surplus(
        &self,
        name: &RunnerName,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let Some(runner) = ledger::runner(&*self.ledger, name).await?.filter(|row| row.value.is_free())
        else {
            return Ok(Vec::new());
        };
        let unmatched = ledger::unmatched(&*self.ledger).await?;
        if let Some(job) = matching::first_waiting(unmatched, &runner.value, &self.config, now) {
            return self.give(runner, job, now).await;
        }
        // A pool's runner stays warm. One that is not up yet serves the next job or is sent home when it asks.
        if runner.value.pool.is_some() || runner.value.state != RunnerState::Registered {
            return Ok(Vec::new());
        }
        let reason = "its job is gone and no other waits for such a runner";
        let dismisser = Dismisser { ledger: &*self.ledger, github: &*self.github, fleet: &*self.fleet };
        match dismisser.dismiss(name, reason, now).await? {
            Dismissal::Released => {
                Ok(vec![RunnerReleased { runner: name.clone(), reason: reason.to_owned() }.into()])
            }
            Dismissal::Busy | Dismissal::NotIdle | Dismissal::Later(_) => Ok(Vec::new()),
        }
    }

    async fn give(
        &self,
        mut runner: Stored<Runner>,
        mut job: Stored<Job>,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let fact = matching::pair(&mut job.value, &mut runner.value, "a runner without work suits it", now);
        self.ledger.commit(vec![ledger::change(job), ledger::change(runner)]).await?;
        Ok(vec![fact])
    }
}
