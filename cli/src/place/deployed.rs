//! A fleet that is deployed as a stack.

use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use fleetfoot_aws::bus::Publisher;
use fleetfoot_aws::configuration::{self, ConfigurationError};
use fleetfoot_aws::fleet::EcsFleet;
use fleetfoot_aws::ledger::DynamoLedger;
use fleetfoot_aws::secrets::AwsSecrets;
use fleetfoot_model::Timestamp;
use fleetfoot_model::config::Config;
use fleetfoot_model::envelope::{Envelope, SOURCE};
use fleetfoot_model::ids::{FleetName, InvalidId};
use fleetfoot_model::ledger::Ledger;
use fleetfoot_model::ports::{Clock, Fleet, Secrets};
use fleetfoot_shell::Emission;
use fleetfoot_shell::clock::SystemClock;

use super::logs::Logs;
use super::logs_deployed::LogsDeployed;
use super::{EventBus, History, Place, Remote, Webhook};
use crate::aws;
use crate::aws::stack::{Stack, output};
use crate::dead_letters::{DeadLetters, Queues};
use crate::doctor::{self, Check, Nearby};
use crate::exec::{Exec, ExecDeployed};
use crate::failure::{Failure, OrFail};

/// A fleet on AWS.
pub(crate) struct Deployed {
    pub(crate) sdk: SdkConfig,
    pub(crate) stack: Stack,
}

impl Deployed {
    /// Finds a stack by its name.
    pub(crate) async fn find(name: &str, remote: &Remote) -> Result<Self, Failure> {
        let sdk = aws::session(remote).await?;
        let stack = Stack::deployed(&sdk, name).await?;
        Ok(Self { sdk, stack })
    }
}

/// What AWS reads secrets with.
pub(crate) fn secrets(sdk: &SdkConfig) -> AwsSecrets {
    AwsSecrets::new(
        aws_sdk_ssm::Client::new(sdk),
        aws_sdk_secretsmanager::Client::new(sdk),
        Arc::new(SystemClock),
    )
}

#[async_trait]
impl Place for Deployed {
    async fn config(&self) -> Result<Config, Failure> {
        let parameter = self.stack.output(output::CONFIGURATION)?;
        let ssm = aws_sdk_ssm::Client::new(&self.sdk);
        let what = format!("the configuration of the stack {} cannot be used", self.stack.name());
        let hint = format!("`fleetfoot config put --stack {}` writes another", self.stack.name());
        let read = async {
            let found = configuration::read(&ssm, parameter).await?;
            configuration::parse(
                parameter,
                &found.text,
                self.stack.optional(output::FLEET).unwrap_or_default(),
            )
        };
        read.await.map_err(|error: ConfigurationError| Failure::new(what).because(&error).hint(hint))
    }

    fn secrets(&self) -> Arc<dyn Secrets> {
        Arc::new(secrets(&self.sdk))
    }

    fn ledger(&self) -> Result<Arc<dyn Ledger>, Failure> {
        let table = self.stack.output(output::TABLE)?;
        Ok(Arc::new(DynamoLedger::new(aws_sdk_dynamodb::Client::new(&self.sdk), table)))
    }

    fn tasks(&self) -> Result<Arc<dyn Fleet>, Failure> {
        let cluster = self.stack.output(output::CLUSTER)?.to_owned();
        let ecs = aws_sdk_ecs::Client::new(&self.sdk);
        Ok(Arc::new(EcsFleet::new(ecs, cluster, None, Arc::new(SystemClock))))
    }

    fn logs(&self) -> Result<Arc<dyn Logs>, Failure> {
        Ok(Arc::new(LogsDeployed {
            client: aws_sdk_cloudwatchlogs::Client::new(&self.sdk),
            runners: self.stack.output(output::RUNNER_LOGS)?.to_owned(),
            groups: self.stack.output(output::LOG_GROUPS)?.to_owned(),
        }))
    }

    fn exec(&self) -> Result<Arc<dyn Exec>, Failure> {
        Ok(Arc::new(ExecDeployed {
            client: aws_sdk_ecs::Client::new(&self.sdk),
            cluster: self.stack.output(output::CLUSTER)?.to_owned(),
            region: self.sdk.region().map(ToString::to_string).unwrap_or_default(),
            is_enabled: self.stack.optional(output::RUNNER_EXEC) == Some("yes"),
        }))
    }

    fn bus(&self, _fleet: &FleetName) -> Result<Arc<dyn EventBus>, Failure> {
        let bus = self.stack.output(output::BUS)?.to_owned();
        let client = aws_sdk_eventbridge::Client::new(&self.sdk);
        Ok(Arc::new(DeployedBus(Publisher::new(client, bus, None))))
    }

    async fn dead_letters(&self) -> Result<Arc<dyn DeadLetters>, Failure> {
        let fleet: FleetName = self.stack.output(output::FLEET)?.parse().map_err(|error: InvalidId| {
            Failure::new("the stack's FleetName is no name")
                .because(&error)
                .hint("deploy the stack again with another FleetName")
        })?;
        Ok(Arc::new(Queues::new(self, self.bus(&fleet)?)?))
    }

    fn checks(
        &self,
        config: Option<&Arc<Config>>,
        _: &Nearby,
        clock: &Arc<dyn Clock>,
    ) -> Vec<Box<dyn Check>> {
        doctor::deployed::checks(self, config, clock)
    }

    fn webhook(&self) -> Result<Option<Webhook>, Failure> {
        let address = self.stack.output(output::WEBHOOK)?.to_owned();
        Ok(Some(Webhook { address, if_silent: "the stack's output WebhookUrl is not reached from here" }))
    }
}

/// The fleet's bus. It keeps no history that could be read back.
struct DeployedBus(Publisher);

#[async_trait]
impl EventBus for DeployedBus {
    async fn emit(&self, _now: Timestamp, emission: Emission) -> Result<(), Failure> {
        self.0.publish(&emission).await.or_fail("the event cannot be put on the bus")
    }

    async fn put(&self, now: Timestamp, event: Envelope) -> Result<(), Failure> {
        if event.source == SOURCE {
            return self.emit(now, Emission { facts: vec![event], notices: Vec::new() }).await;
        }
        // PutEvents, "Source": no source that begins with `aws.`; nothing of the fleet listens to any other.
        let failure =
            Failure::new(format!("an event of {} cannot be put on the bus of a stack", event.source));
        Err(if event.source.starts_with("aws.") {
            let causes = vec!["only AWS itself may tell events whose source begins with aws.".to_owned()];
            Failure { causes, ..failure }.hint(
                "`cleanup` asks AWS every minute how tasks and builds stand, so a lost event mends itself; to try a \
                 function with this one: `aws lambda invoke --payload file://FILE`",
            )
        } else {
            failure.hint(format!("only events of the source {SOURCE} are anything to a fleet"))
        })
    }

    fn history(&self) -> Option<&dyn History> {
        None
    }
}
