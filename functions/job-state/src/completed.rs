//! A job ended, whether it ran or was cancelled while it waited.

use fleetfoot_model::Timestamp;
use fleetfoot_model::decide::takeover::{Consequences, Start};
use fleetfoot_model::events::{Fact, JobCompleted, JobFinished};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::job::JobState as State;
use fleetfoot_model::labels::{self, Reading};
use fleetfoot_model::rerun;
use fleetfoot_model::runner::Registration;

use crate::JobState;
use crate::started::changes;

impl JobState {
    pub(crate) async fn job_completed(
        &self,
        event: JobCompleted,
        now: Timestamp,
    ) -> Result<Vec<Fact>, FunctionError> {
        let job = self.job(&event.job, now).await?;
        let is_known = job.version > 0;
        let mut start = self.load(job, event.runner.as_ref()).await?;
        if matches!(start.job.value.state, State::Finished { .. }) {
            return Ok(vec![finished(&start, &event)]);
        }
        if !is_known && start.runner.is_none() && !self.would_be_served(&event) {
            return Ok(Vec::new());
        }
        let own = start.own.as_ref().map(|own| own.value.name.clone());
        // What the lost `in_progress` would have told. A cancelled job has no runner, and its own becomes surplus.
        let consequences = Self::settle(&mut start, now);
        start.job.value.finish(
            &event.conclusion,
            event.runner.as_ref().map(|runner| runner.name.as_str()),
            event.completed_at,
            now,
        );
        if event.runner.is_some() {
            start.job.value.show_recovery(&self.config, now);
        }
        // Its task may have ended before; if not, `task-state` looks when it does.
        if let Some(runner) = &start.runner {
            rerun::after_loss(&mut start.job.value, &runner.value, &self.config, now);
        }
        let facts = vec![finished(&start, &event)];
        self.ledger.commit(changes(start)).await?;
        self.follow(facts, consequences, own, now).await
    }

    /// Whether a job that was never heard of is ours: it ended before it was heard of, and word of its being queued that
    /// comes late must not bring a runner.
    fn would_be_served(&self, event: &JobCompleted) -> bool {
        matches!(labels::parse(&event.job.labels, &(&*self.config).into()), Reading::Ours(_))
    }

    fn settle(start: &mut Start, now: Timestamp) -> Consequences {
        let job = start.job.value.id();
        let consequences = start.apply(now);
        if let Some(runner) = &mut start.runner {
            // An ephemeral runner is removed by GitHub when its one job completes.
            runner.value.registration = Registration::Gone;
            runner.value.changed_at = now;
            runner.value.timeline.note(now, format!("job {job} completed"));
        }
        consequences
    }
}

fn finished(start: &Start, event: &JobCompleted) -> Fact {
    JobFinished {
        job: event.job.id,
        repository: event.job.repository.clone(),
        conclusion: event.conclusion.clone(),
        runner: event.runner.as_ref().map(|runner| runner.name.clone()),
        queue_to_start_millis: start.job.value.queue_to_start_millis(),
        created_at: Some(event.job.created_at),
        started_at: start.job.value.started_at,
        completed_at: Some(event.completed_at),
    }
    .into()
}
