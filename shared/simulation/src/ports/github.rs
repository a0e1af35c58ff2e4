use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::Timestamp;
use fleetfoot_model::check::CheckRun;
use fleetfoot_model::ids::{GithubRunnerId, JobId, Repository, RunId, RunnerName};
use fleetfoot_model::ports::{
    Delivery, GitHub, GitHubError, JitRunner, JobReport, ListedRunner, RerunAnswer,
};
use fleetfoot_model::rerun::RerunRequest;
use fleetfoot_model::runner::Scope;
use fleetfoot_model::runner_release::RunnerRelease;
use fleetfoot_model::spec::Label;
use fleetfoot_stand_in::InProcess;
use fleetfoot_stand_in::github::StandInGitHub;

use super::Surroundings;
use crate::mutation::Mutation;
use crate::watch::Happening;

/// The GitHub of a world.
pub(crate) struct WorldGitHub {
    pub(crate) around: Arc<Surroundings>,
    pub(crate) github: InProcess<StandInGitHub>,
}

impl WorldGitHub {
    async fn pass(&self) {
        self.around.call(&self.around.latency.github, || ()).await;
    }
}

#[async_trait]
impl GitHub for WorldGitHub {
    async fn register(
        &self,
        scope: &Scope,
        name: &RunnerName,
        labels: &[Label],
    ) -> Result<JitRunner, GitHubError> {
        let act = || {
            let answer = self.github.state().register(self.around.now(), scope, name.as_str(), labels);
            self.around.tell(&Happening::Registered(name, answer.as_ref().map(|runner| runner.id)));
            answer
        };
        self.around.call(&self.around.latency.github, act).await
    }

    async fn delete_runner(&self, scope: &Scope, id: GithubRunnerId) -> Result<(), GitHubError> {
        let act = || {
            if self.around.has(Mutation::StopsWithoutDeleting) {
                return Ok(());
            }
            match self.github.state().delete_runner(self.around.now(), scope, id) {
                Err(GitHubError::NotFound(_)) => Ok(()),
                Err(GitHubError::Busy) if self.around.has(Mutation::BusyRunnersAreRemoved) => Ok(()),
                answer => answer,
            }
        };
        self.around.call(&self.around.latency.github, act).await
    }

    async fn find_runner(&self, scope: &Scope, name: &str) -> Result<Option<ListedRunner>, GitHubError> {
        self.pass().await;
        self.github.find_runner(scope, name).await
    }

    async fn list_runners(&self, scope: &Scope) -> Result<Vec<ListedRunner>, GitHubError> {
        self.pass().await;
        self.github.list_runners(scope).await
    }

    async fn job(&self, repository: &Repository, job: JobId) -> Result<JobReport, GitHubError> {
        self.pass().await;
        self.github.job(repository, job).await
    }

    async fn queued_jobs(&self, repository: &Repository) -> Result<Vec<JobReport>, GitHubError> {
        self.pass().await;
        self.github.queued_jobs(repository).await
    }

    async fn head_repository(
        &self,
        repository: &Repository,
        run: RunId,
    ) -> Result<Option<Repository>, GitHubError> {
        self.pass().await;
        self.github.head_repository(repository, run).await
    }

    async fn deliveries(&self, since: Timestamp) -> Result<Vec<Delivery>, GitHubError> {
        self.pass().await;
        self.github.deliveries(since).await
    }

    async fn redeliver(&self, delivery: &Delivery) -> Result<(), GitHubError> {
        self.pass().await;
        self.github.redeliver(delivery).await
    }

    async fn runner_releases(&self) -> Result<Vec<RunnerRelease>, GitHubError> {
        self.pass().await;
        self.github.runner_releases().await
    }

    async fn rerun(&self, request: &RerunRequest) -> Result<RerunAnswer, GitHubError> {
        self.pass().await;
        self.github.rerun(request).await
    }

    async fn show(&self, check: &CheckRun) -> Result<(), GitHubError> {
        self.pass().await;
        self.github.show(check).await
    }
}
