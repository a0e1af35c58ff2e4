//! The port, carried out by the modules beside this one.

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::Timestamp;
use fleetfoot_model::check::CheckRun;
use fleetfoot_model::config::{GitHubConfig, Target};
use fleetfoot_model::ids::{GithubRunnerId, JobId, Repository, RunId, RunnerName};
use fleetfoot_model::ports::{
    Clock, Delivery, GitHub, GitHubError, JitRunner, JobReport, ListedRunner, RerunAnswer, Secrets,
};
use fleetfoot_model::rerun::RerunRequest;
use fleetfoot_model::runner::Scope;
use fleetfoot_model::runner_release::RunnerRelease;
use fleetfoot_model::spec::Label;

use crate::budget::Budget;
use crate::session::Session;
use crate::{checks, deliveries, jobs, releases, rerun, runners};

/// GitHub's REST API. Make one and keep it: it holds the connections and the tokens.
pub struct GitHubClient {
    pub(crate) session: Session,
    pub(crate) target: Target,
    pub(crate) runner_group_id: u64,
}

impl GitHubClient {
    /// A client that connects and reads its secrets when it is first used, within a tokio runtime.
    pub fn new(config: &GitHubConfig, secrets: Arc<dyn Secrets>, clock: Arc<dyn Clock>) -> Self {
        Self {
            session: Session::new(&config.url, config.credentials.clone(), secrets, clock),
            target: config.target.clone(),
            runner_group_id: config.runner_group_id,
        }
    }

    /// What is left of its requests.
    pub fn budget(&self) -> Arc<Budget> {
        self.session.budget()
    }
}

#[async_trait]
impl GitHub for GitHubClient {
    async fn register(
        &self,
        scope: &Scope,
        name: &RunnerName,
        labels: &[Label],
    ) -> Result<JitRunner, GitHubError> {
        runners::register(&self.session, self.runner_group_id, scope, name, labels).await
    }

    async fn delete_runner(&self, scope: &Scope, id: GithubRunnerId) -> Result<(), GitHubError> {
        runners::delete(&self.session, scope, id).await
    }

    async fn find_runner(&self, scope: &Scope, name: &str) -> Result<Option<ListedRunner>, GitHubError> {
        runners::find(&self.session, scope, name).await
    }

    async fn list_runners(&self, scope: &Scope) -> Result<Vec<ListedRunner>, GitHubError> {
        runners::list(&self.session, scope).await
    }

    async fn job(&self, repository: &Repository, job: JobId) -> Result<JobReport, GitHubError> {
        jobs::job(&self.session, repository, job).await
    }

    async fn queued_jobs(&self, repository: &Repository) -> Result<Vec<JobReport>, GitHubError> {
        jobs::queued(&self.session, repository).await
    }

    async fn head_repository(
        &self,
        repository: &Repository,
        run: RunId,
    ) -> Result<Option<Repository>, GitHubError> {
        jobs::head_repository(&self.session, repository, run).await
    }

    async fn deliveries(&self, since: Timestamp) -> Result<Vec<Delivery>, GitHubError> {
        deliveries::since(&self.session, &self.target, since).await
    }

    async fn redeliver(&self, delivery: &Delivery) -> Result<(), GitHubError> {
        deliveries::redeliver(&self.session, delivery).await
    }

    async fn runner_releases(&self) -> Result<Vec<RunnerRelease>, GitHubError> {
        let answer = self.session.ask_publicly(&releases::call()).await?;
        releases::read(&answer)
    }

    async fn rerun(&self, request: &RerunRequest) -> Result<RerunAnswer, GitHubError> {
        rerun::rerun(&self.session, request).await
    }

    async fn show(&self, check: &CheckRun) -> Result<(), GitHubError> {
        checks::show(&self.session, check).await
    }
}
