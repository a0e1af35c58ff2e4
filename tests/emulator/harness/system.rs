//! Everything that runs while stories are told.

use std::path::PathBuf;
use std::time::Instant;

use aws_sdk_secretsmanager::Client as SecretsManager;
use fleetfoot_model::secret::Secret;
use fleetfoot_tests::tools::Ministack;
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

use super::aws::Aws;
use super::cloud::Cloud;
use super::configuration::{self, WEBHOOK_SECRET};
use super::deploy::{STACK, Stack};
use super::gateway::{Gateway, client};
use super::say::say;
use super::{GitHub, Registry, Slack, adaptations, bridge, build, command};

/// Everything that runs while stories are told.
pub(crate) struct System {
    pub(crate) aws: Aws,
    pub(crate) stack: Stack,
    pub(crate) github: GitHub,
    pub(crate) registry: Registry,
    pub(crate) slack: Slack,
    /// ECS, CodeBuild and ECR.
    pub(crate) cloud: Cloud,
    /// The way to the deployed HTTP API.
    pub(crate) api: Gateway,
    /// The functions' way to AWS.
    pub(crate) calls: Gateway,
    /// The program `fleetfoot`.
    pub(crate) command: PathBuf,
    /// A client without any AWS or GitHub about it.
    pub(crate) http: reqwest::Client,
    /// Whether the fleet has its configuration.
    pub(crate) configured: OnceCell<()>,
    pub(crate) ministack: Ministack,
    /// Of the tasks, and for what stories write.
    pub(crate) folder: TempDir,
}

impl System {
    /// Builds, deploys, and puts the stand-ins around it. There is no configuration yet.
    pub(crate) async fn start() -> Self {
        say(&adaptations::list());
        let built = timed("build", spawn_blocking(build::build)).await.expect("the functions can be built");
        let command =
            timed("command", spawn_blocking(command::build)).await.expect("the command can be built");
        let (api, calls) = (Gateway::start().await, Gateway::start().await);
        let folder = tempfile::tempdir().expect("a folder for tasks can be made");
        let (cloud, told) = Cloud::start(folder.path().to_owned(), api.address.clone()).await;
        let variables = variables(&calls, &cloud);
        let starting = spawn_blocking(move || {
            Ministack::start_with(variables.iter().map(|(name, value)| (*name, value.as_str())))
        });
        let ministack = timed("emulator", starting).await.expect("the emulator starts");
        calls.lead_to(ministack.endpoint());
        let aws = Aws::new(&ministack.sdk_config());

        let slack = Slack::start().await;
        let webhook_url = format!("{}/webhook", api.address);
        let github = timed("GitHub", GitHub::start(&Secret::new(WEBHOOK_SECRET), webhook_url)).await;
        let deployed = timed("deployment", Stack::deploy(&built, &ministack, &aws)).await;
        // By its host name the emulator would answer `/health` itself.
        api.lead_to(format!(
            "{}/_aws/execute-api/{}/$default",
            ministack.endpoint(),
            deployed.resource("Api")
        ));
        bridge::carry_facts(&aws, deployed.resource("FleetBus")).await;
        tokio::spawn(bridge::carry_service_events(aws.clone(), told));
        keep_secrets(&aws, &SecretsManager::new(&ministack.sdk_config()), &slack).await;
        let system = Self {
            aws,
            stack: deployed,
            github,
            registry: Registry::start().await,
            slack,
            cloud,
            api,
            calls,
            command,
            http: client(),
            configured: OnceCell::new(),
            ministack,
            folder,
        };
        system.keep_archive().await;
        system
    }
}

/// What the emulator and the functions that it runs find in their environment.
pub(super) fn variables(calls: &Gateway, cloud: &Cloud) -> Vec<(&'static str, String)> {
    let stood_in = ["AWS_ENDPOINT_URL_ECS", "AWS_ENDPOINT_URL_CODEBUILD", "AWS_ENDPOINT_URL_ECR"];
    let mut variables: Vec<_> = stood_in.into_iter().map(|name| (name, cloud.address.clone())).collect();
    variables.push(("AWS_ENDPOINT_URL", calls.address.clone()));
    // The emulator's own limit follows from the memory of the machine; AWS's is 1,000.
    variables.push(("LAMBDA_ACCOUNT_CONCURRENCY", "1000".to_owned()));
    // On AWS a minute passes before a failed event is tried again.
    variables.push(("LAMBDA_ASYNC_RETRY_BASE_SECONDS", "0.2".to_owned()));
    variables
}

/// The secrets that the configuration refers to.
async fn keep_secrets(aws: &Aws, secrets: &SecretsManager, slack: &Slack) {
    for (name, value) in configuration::parameters(slack) {
        aws.put_parameter(&name, &value, true).await;
    }
    let create = secrets.create_secret().name(format!("fleetfoot/{STACK}/webhook"));
    create.secret_string(WEBHOOK_SECRET).send().await.expect("a secret can be made");
}

/// Says how long a step took.
pub(super) async fn timed<T>(what: &str, step: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let done = step.await;
    say(&format!("{what}: {:.1} s\n", began.elapsed().as_secs_f64()));
    done
}
