//! Whether a job can be served at all, and as what: its labels, the policy, its image.

use fleetfoot_model::Timestamp;
use fleetfoot_model::base::{self, Answer};
use fleetfoot_model::events::{Fact, ImageRequested, JobDescription};
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::{BaseKey, Repository};
use fleetfoot_model::job::Waiting;
use fleetfoot_model::labels::{self, Reading};
use fleetfoot_model::ledger::{self, Stored};
use fleetfoot_model::policy::{self, Admission};
use fleetfoot_model::ports::{GitHubError, TaskImage};
use fleetfoot_model::record::WorkflowRun;
use fleetfoot_model::spec::Spec;

use crate::Launch;

/// What a job can have.
pub(crate) enum Assessment {
    /// Nothing: it is for another fleet.
    Foreign,
    /// Nothing, and why.
    Refused(String),
    /// Nothing yet.
    Waits(Waiting),
    /// A runner like this.
    Served(Spec),
}

/// Whether the image that a runner needs is there.
pub(crate) enum ImageAnswer {
    /// None is needed, or this one is there.
    Ready {
        /// What to start from.
        image: Option<TaskImage>,
        /// Whether it is to be asked for all the same, as it is old.
        is_due: bool,
    },
    /// It is being made.
    Making(BaseKey),
    /// It is to be asked for.
    Missing(BaseKey),
    /// Cannot be had for now.
    Failed(String),
}

impl Launch {
    pub(crate) async fn assess(
        &self,
        job: &JobDescription,
        now: Timestamp,
    ) -> Result<Assessment, FunctionError> {
        let spec = match labels::parse(&job.labels, &(&*self.config).into()) {
            Reading::Foreign => return Ok(Assessment::Foreign),
            Reading::Refused(reason) => return Ok(Assessment::Refused(reason)),
            Reading::Ours(spec) => spec,
        };
        let run = ledger::run(&*self.ledger, job.run_id).await?.map(|row| row.value);
        match policy::admit(job, run.as_ref(), &self.config) {
            Admission::Admitted => Ok(Assessment::Served(spec)),
            Admission::Refused(reason) => Ok(Assessment::Refused(reason)),
            Admission::OriginUnknown => self.look_up_origin(job, spec, now).await,
        }
    }

    /// A public repository's run whose `workflow_run` webhook has not come: GitHub is asked once.
    async fn look_up_origin(
        &self,
        job: &JobDescription,
        spec: Spec,
        now: Timestamp,
    ) -> Result<Assessment, FunctionError> {
        let head_repository = match self.github.head_repository(&job.repository, job.run_id).await {
            Ok(head_repository) => head_repository,
            Err(GitHubError::RateLimited { until }) => {
                let reason = "GitHub's limit, while asking where the run's code comes from".to_owned();
                return Ok(Assessment::Waits(Waiting::Throttled { until, reason }));
            }
            Err(error @ (GitHubError::NotFound(_) | GitHubError::Forbidden(_))) => {
                return Ok(Assessment::Refused(format!(
                    "where the run's code comes from cannot be told: {error}"
                )));
            }
            Err(error) => return Err(FunctionError::again(&error)),
        };
        let run = WorkflowRun {
            id: job.run_id,
            repository: job.repository.clone(),
            head_repository,
            heard_at: now,
        };
        let admission = policy::admit(job, Some(&run), &self.config);
        ledger::put(&*self.ledger, Stored::new(run)).await?;
        Ok(match admission {
            Admission::Refused(reason) => Assessment::Refused(reason),
            Admission::Admitted | Admission::OriginUnknown => Assessment::Served(spec),
        })
    }

    /// What a runner is started from.
    pub(crate) async fn image(&self, spec: &Spec, now: Timestamp) -> Result<ImageAnswer, FunctionError> {
        let Some(image) = &spec.image else { return Ok(ImageAnswer::Ready { image: None, is_due: false }) };
        let key = base::key_of(image, spec.arch);
        let Some(row) = ledger::base(&*self.ledger, &key).await? else {
            return Ok(ImageAnswer::Missing(key));
        };
        Ok(match row.value.answer(now) {
            Answer::Ready(image) => {
                ImageAnswer::Ready { image: Some(image), is_due: row.value.is_due(&self.config.images, now) }
            }
            Answer::Wait => ImageAnswer::Making(key),
            Answer::Ask => ImageAnswer::Missing(key),
            Answer::Refused(reason) => {
                ImageAnswer::Failed(format!("the image {image} cannot be used: {reason}"))
            }
        })
    }
}

/// Asks for what a runner of a spec is started from, on behalf of a job of a repository or of a pool.
pub(crate) fn image_requested(spec: &Spec, repository: Option<&Repository>) -> Option<Fact> {
    let image = spec.image.clone()?;
    let (key, repository) = (base::key_of(&image, spec.arch), repository.cloned());
    Some(ImageRequested { key, image, arch: spec.arch, repository }.into())
}
