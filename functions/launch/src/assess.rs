//! Whether a job can be served at all, and as what: its labels, the policy, its image.

use fleetfoot_model::Timestamp;
use fleetfoot_model::events::JobDescription;
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::ImageKey;
use fleetfoot_model::image_key::key_of;
use fleetfoot_model::job::Waiting;
use fleetfoot_model::labels::{self, Reading};
use fleetfoot_model::ledger::{self, Stored};
use fleetfoot_model::policy::{self, Admission};
use fleetfoot_model::ports::GitHubError;
use fleetfoot_model::record::{ImageState, WorkflowRun};
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
    /// None is needed, or it can be pulled here.
    Ready(Option<String>),
    /// Being built.
    Building(ImageKey),
    /// Nobody has asked for it.
    Missing(ImageKey),
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

    pub(crate) async fn image(&self, spec: &Spec, now: Timestamp) -> Result<ImageAnswer, FunctionError> {
        let Some(image) = &spec.image else { return Ok(ImageAnswer::Ready(None)) };
        let key = key_of(image, spec.arch);
        let Some(row) = ledger::image(&*self.ledger, &key).await? else {
            return Ok(ImageAnswer::Missing(key));
        };
        Ok(match (row.value.state, row.value.serving) {
            // A build that is made anew, or could not be, is served by the older one.
            (ImageState::Ready { uri, .. }, _) | (_, Some(uri)) => ImageAnswer::Ready(Some(uri)),
            (ImageState::Building { .. }, None) => ImageAnswer::Building(key),
            (ImageState::Failed { reason, until }, _) if now < until => {
                ImageAnswer::Failed(format!("the runner image on {image} cannot be built: {reason}"))
            }
            (ImageState::Failed { .. }, _) => ImageAnswer::Missing(key),
        })
    }
}
