//! What a function is built from.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::SdkConfig;
use fleetfoot_github::{Budget, GitHubClient};
use fleetfoot_model::SignedDuration;
use fleetfoot_model::config::{Config, Credentials};
use fleetfoot_model::ledger::Ledger;
use fleetfoot_model::ports::{Fleet, GitHub, Images, Registry, Secrets, Slack, Tickets};
use fleetfoot_model::secret::SecretReference;
use fleetfoot_registry::{HttpRegistry, Patience};
use fleetfoot_shell::clock::{SystemClock, SystemTickets};
use fleetfoot_shell::slack::SlackFromSecret;

use super::host::StartError;
use crate::fleet::{EcsFleet, Launching};
use crate::images::CodeBuildImages;
use crate::ledger::{DynamoLedger, RememberedBases};
use crate::registry::EcrCredentials;
use crate::settings::{self, Settings};

/// `cleanup` lets idle runners go after `[timeouts] idle_seconds`, once GitHub has confirmed it. After this time at least
/// an agent ends by itself a runner that nobody lets go, such as one whose registration is gone.
const GHOST: SignedDuration = SignedDuration::from_hours(1);

/// The ports of a function on AWS. What is asked for here is what its role has to allow; a test compares both.
pub struct Ports {
    pub(super) settings: Settings,
    pub(super) sdk: SdkConfig,
    pub(super) config: Arc<Config>,
    pub(super) secrets: Arc<dyn Secrets>,
    /// Secrets that must be readable before the function is ready: of each group one at least.
    pub(super) needed: Mutex<Vec<Vec<SecretReference>>>,
    /// What GitHub says is left of its requests, if the function asks it any.
    pub(super) budget: Mutex<Option<Arc<Budget>>>,
}

impl Ports {
    /// The fleet's configuration.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config)
    }

    /// Rows.
    pub fn ledger(&self) -> Result<Arc<dyn Ledger>, StartError> {
        let table = self.settings.required(settings::TABLE)?;
        Ok(Arc::new(DynamoLedger::new(aws_sdk_dynamodb::Client::new(&self.sdk), table)))
    }

    /// Rows, for a function that reads bases and writes none.
    pub fn ledger_with_remembered_bases(&self) -> Result<Arc<dyn Ledger>, StartError> {
        Ok(Arc::new(RememberedBases::new(self.ledger()?, Arc::new(SystemClock))))
    }

    /// Where tasks run, for stopping and listing them.
    pub fn fleet(&self) -> Result<Arc<dyn Fleet>, StartError> {
        self.fleet_that(None)
    }

    /// Where tasks run, for launching them.
    pub fn launching_fleet(&self) -> Result<Arc<dyn Fleet>, StartError> {
        let launching = self.launching()?;
        self.fleet_that(Some(launching))
    }

    /// Where tasks run, for forgetting what is kept there for images.
    pub fn forgetting_fleet(&self) -> Result<Arc<dyn Fleet>, StartError> {
        let families = self.settings.required(settings::TASK_FAMILY)?;
        Ok(Arc::new(self.ecs(None)?.that_forgets(families)))
    }

    fn fleet_that(&self, launching: Option<Launching>) -> Result<Arc<dyn Fleet>, StartError> {
        Ok(Arc::new(self.ecs(launching)?))
    }

    fn ecs(&self, launching: Option<Launching>) -> Result<EcsFleet, StartError> {
        let cluster = self.settings.required(settings::CLUSTER)?.to_owned();
        let ecs = aws_sdk_ecs::Client::new(&self.sdk);
        Ok(EcsFleet::new(ecs, cluster, launching, Arc::new(SystemClock)))
    }

    /// The registries of base images.
    pub fn registry(&self) -> Arc<dyn Registry> {
        let (credentials, clock) =
            (Arc::new(EcrCredentials::new(&self.sdk, Arc::new(SystemClock))), Arc::new(SystemClock));
        Arc::new(HttpRegistry::new(&self.config.images, credentials, clock, Patience::default()))
    }

    /// Runner images.
    pub fn images(&self) -> Result<Arc<dyn Images>, StartError> {
        let repository = self.settings.required(settings::REPOSITORY)?.to_owned();
        let project = self.settings.required(settings::BUILD_PROJECT)?.to_owned();
        let codebuild = aws_sdk_codebuild::Client::new(&self.sdk);
        let ecr = aws_sdk_ecr::Client::new(&self.sdk);
        Ok(Arc::new(CodeBuildImages::new(codebuild, ecr, repository, project, Arc::new(SystemClock))))
    }

    /// GitHub. Its credentials are needed.
    pub fn github(&self) -> Arc<dyn GitHub> {
        let github = &self.config.github;
        self.need(match &github.credentials {
            Credentials::App { key, .. } => vec![key.clone()],
            Credentials::Token(token) => vec![token.clone()],
        });
        let client = GitHubClient::new(github, Arc::clone(&self.secrets), Arc::new(SystemClock));
        *self.budget.lock().unwrap_or_else(PoisonError::into_inner) = Some(client.budget());
        Arc::new(client)
    }

    /// GitHub, for what it tells anybody. No credentials are needed.
    pub fn public_github(&self) -> Arc<dyn GitHub> {
        let secrets = Arc::clone(&self.secrets);
        Arc::new(GitHubClient::new(&self.config.github, secrets, Arc::new(SystemClock)))
    }

    /// Where the webhook's secrets are. One of them is needed.
    pub fn webhook_secrets(&self) -> Arc<dyn Secrets> {
        self.need(self.config.github.webhook_secrets.clone());
        Arc::clone(&self.secrets)
    }

    /// Where people are told, if anywhere.
    pub fn slack(&self) -> Option<Arc<dyn Slack>> {
        let reference = self.config.notify.slack.clone()?;
        self.need(vec![reference.clone()]);
        Some(Arc::new(SlackFromSecret::new(Arc::clone(&self.secrets), reference)))
    }

    /// Where tickets come from.
    pub fn tickets(&self) -> Arc<dyn Tickets> {
        Arc::new(SystemTickets)
    }

    fn need(&self, any_of: Vec<SecretReference>) {
        self.needed.lock().unwrap_or_else(PoisonError::into_inner).push(any_of);
    }

    fn launching(&self) -> Result<Launching, StartError> {
        let text = |name| self.settings.required(name).map(str::to_owned);
        let allowed = self.settings.list(settings::CLASS_ROLES);
        let mut class_roles = BTreeMap::new();
        for (name, class) in &self.config.classes {
            let Some(role) = &class.role else { continue };
            if !allowed.iter().any(|allowed| allowed == role.as_str()) {
                return Err(StartError::Role { class: name.clone(), role: role.clone(), allowed });
            }
            class_roles.insert(name.clone(), role.to_string());
        }
        let timeouts = &self.config.timeouts;
        Ok(Launching {
            subnets: self.settings.required_list(settings::SUBNETS)?,
            security_groups: self.settings.required_list(settings::SECURITY_GROUPS)?,
            public_address: self.settings.required(settings::PUBLIC_ADDRESS)? == "ENABLED",
            execution_role: text(settings::EXECUTION_ROLE)?,
            task_role: text(settings::TASK_ROLE)?,
            class_roles,
            exec: self.settings.required(settings::RUNNER_EXEC)? == "yes",
            log_group: text(settings::RUNNER_LOGS)?,
            task_family: text(settings::TASK_FAMILY)?,
            api_url: text(settings::API_URL)?,
            register: timeouts.register,
            idle: timeouts.idle.max(GHOST),
        })
    }
}
