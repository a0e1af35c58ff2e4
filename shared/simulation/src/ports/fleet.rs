use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::ids::TaskId;
use fleetfoot_model::ports::{Fleet, FleetError, LaunchRequest, Task};
use fleetfoot_model::runner::Scope;
use fleetfoot_stand_in::InProcess;
use fleetfoot_stand_in::fargate::StandInFargate;
use fleetfoot_stand_in::github::StandInGitHub;

use super::Surroundings;
use crate::mutation::Mutation;
use crate::watch::Happening;

/// The fleet of a world.
pub(crate) struct WorldFleet {
    pub(crate) around: Arc<Surroundings>,
    pub(crate) fargate: InProcess<StandInFargate>,
    pub(crate) github: InProcess<StandInGitHub>,
    pub(crate) scopes: Vec<Scope>,
}

#[async_trait]
impl Fleet for WorldFleet {
    async fn launch(&self, request: &LaunchRequest) -> Result<TaskId, FleetError> {
        let act = || {
            let (now, mut fargate) = (self.around.now(), self.fargate.state());
            let answer = if self.around.has(Mutation::LaunchesWithoutToken) {
                fargate.launch_without_token(now, request)
            } else {
                fargate.launch(now, request)
            };
            drop(fargate);
            self.around.tell(&Happening::Launched(&request.runner, &answer));
            answer
        };
        self.around.call(&self.around.latency.fleet, act).await
    }

    async fn stop(&self, task: &TaskId, reason: &str) -> Result<(), FleetError> {
        let act = || {
            let runner = self.fargate.state().runner_of(task).cloned();
            if let Some(runner) = runner {
                let github = self.github.state();
                let job = self.scopes.iter().find_map(|scope| github.job_of(scope, runner.as_str()));
                drop(github);
                self.around.tell(&Happening::Stopped(&runner, job));
            }
            self.fargate.state().stop(self.around.now(), task, reason)
        };
        self.around.call(&self.around.latency.fleet, act).await
    }

    async fn list(&self) -> Result<Vec<Task>, FleetError> {
        let act = || self.fargate.state().list(self.around.now());
        self.around.call(&self.around.latency.fleet, act).await
    }
}
