//! The process of a function: what lasts from one invocation to the next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_config::SdkConfig;
use fleetfoot_github::Budget;
use fleetfoot_model::config::Config;
use fleetfoot_model::events::Fact;
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::{ClassName, RoleArn};
use fleetfoot_model::ports::{Clock, SecretError, Secrets};
use fleetfoot_model::secret::SecretReference;
use fleetfoot_model::{SignedDuration, Timestamp};
use fleetfoot_shell::Emission;
use fleetfoot_shell::clock::SystemClock;
use fleetfoot_shell::traces::Exporter;
use lambda_runtime::Diagnostic;
use serde_json::Value;

use super::invocation::diagnostic;
use super::{Build, Ports};
use crate::bus::{Publisher, Unsent};
use crate::configuration::{self, ConfigurationError};
use crate::metrics::{self, Outcome};
use crate::secrets::AwsSecrets;
use crate::settings::{self, Settings, SettingsError};

/// How long a configuration is used before it is looked for anew: a change works within a minute, without a deployment.
const FRESH: SignedDuration = SignedDuration::from_secs(60);

/// Why a function is not ready.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StartError {
    /// The deployment lacks something.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The configuration is missing or wrong.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// A secret is missing.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A class wants a role that the deployment does not allow.
    #[error(
        "classes.{class}.role is {role}, which the deployment does not allow; ClassRoleArns of the stack allows {}",
        if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") }
    )]
    Role {
        /// The class.
        class: ClassName,
        /// Its role.
        role: RoleArn,
        /// What the deployment allows.
        allowed: Vec<String>,
    },
}

impl StartError {
    /// What anybody may know.
    pub(super) fn summary(&self) -> &'static str {
        match self {
            Self::Settings(_) => "the deployment lacks a setting; the log names it",
            Self::Configuration(_) | Self::Role { .. } => {
                "the configuration is missing or wrong; the log says where"
            }
            Self::Secret(_) => "a secret cannot be read; the log names it",
        }
    }
}

/// A function that is ready.
struct Ready<F> {
    function: Arc<F>,
    /// Of the configuration that it was built with.
    version: i64,
    checked_at: Timestamp,
}

/// The process of a function.
pub(crate) struct Host<F> {
    pub(crate) name: &'static str,
    pub(crate) clock: SystemClock,
    settings: Settings,
    pub(super) sdk: SdkConfig,
    ssm: aws_sdk_ssm::Client,
    pub(super) secrets: Arc<dyn Secrets>,
    publisher: Publisher,
    build: Build<F>,
    ready: tokio::sync::Mutex<Option<Ready<F>>>,
    /// Where traces go, if the configuration says so.
    pub(super) traces: Mutex<Option<Arc<Exporter>>>,
    /// What GitHub says is left of its requests, if the function asks it any.
    budget: Mutex<Option<Arc<Budget>>>,
}

impl<F> Host<F> {
    pub(super) fn new(name: &'static str, settings: Settings, sdk: SdkConfig, build: Build<F>) -> Self {
        let ssm = aws_sdk_ssm::Client::new(&sdk);
        let secrets =
            AwsSecrets::new(ssm.clone(), aws_sdk_secretsmanager::Client::new(&sdk), Arc::new(SystemClock));
        Self {
            name,
            clock: SystemClock,
            publisher: publisher(&sdk, &settings),
            settings,
            sdk,
            ssm,
            secrets: Arc::new(secrets),
            build,
            ready: tokio::sync::Mutex::default(),
            traces: Mutex::default(),
            budget: Mutex::default(),
        }
    }

    /// The function, built with the newest configuration that is good.
    ///
    /// # Errors
    /// If there never was a good one. That is not remembered: the next invocation looks again.
    pub(crate) async fn function(&self) -> Result<Arc<F>, StartError> {
        let now = self.clock.now();
        let mut ready = self.ready.lock().await;
        if let Some(it) = ready.as_ref().filter(|it| now < it.checked_at + FRESH) {
            return Ok(Arc::clone(&it.function));
        }
        match (self.load(ready.as_ref(), now).await, ready.as_ref()) {
            (Ok(loaded), _) => Ok(Arc::clone(&ready.insert(loaded).function)),
            (Err(error), None) => {
                tracing::error!(function.name = self.name, %error, "the function is not ready");
                Err(error)
            }
            (Err(error), Some(it)) => {
                tracing::error!(function.name = self.name, %error, "the last good configuration is used on");
                Ok(Arc::clone(&it.function))
            }
        }
    }

    async fn load(&self, before: Option<&Ready<F>>, now: Timestamp) -> Result<Ready<F>, StartError> {
        let parameter = self.settings.required(settings::CONFIG_PARAMETER)?;
        let fleet = self.settings.required(settings::FLEET)?;
        let text = configuration::read(&self.ssm, parameter).await?;
        let (version, checked_at) = (text.version, now);
        if let Some(before) = before.filter(|before| before.version == version) {
            return Ok(Ready { function: Arc::clone(&before.function), version, checked_at });
        }
        let config = configuration::parse(parameter, &text.text, fleet)?;
        let function = Arc::new(self.build_with(config).await?);
        Ok(Ready { function, version, checked_at })
    }

    async fn build_with(&self, config: Config) -> Result<F, StartError> {
        let ports = Ports {
            settings: self.settings.clone(),
            sdk: self.sdk.clone(),
            config: Arc::new(config),
            secrets: Arc::clone(&self.secrets),
            needed: Mutex::default(),
            budget: Mutex::default(),
        };
        let function = (self.build)(&ports)?;
        *lock(&self.traces) = self.exporter(&ports.config.traces);
        *lock(&self.budget) = lock(&ports.budget).take();
        let needed = ports.needed.into_inner().unwrap_or_else(PoisonError::into_inner);
        for any_of in needed {
            self.require(&any_of).await?;
        }
        Ok(function)
    }

    async fn require(&self, any_of: &[SecretReference]) -> Result<(), StartError> {
        let mut failure = None;
        for reference in any_of {
            match self.secrets.read(reference).await {
                Ok(_) => return Ok(()),
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Publishes facts and notices.
    pub(crate) async fn publish(&self, emission: &Emission) -> Result<(), FunctionError> {
        self.try_publish(emission).await.map_err(|unsent| FunctionError::again(&unsent))
    }

    /// Publishes facts and notices, and says which facts could not be published.
    pub(crate) async fn try_publish(&self, emission: &Emission) -> Result<(), Unsent> {
        if emission.facts.is_empty() && emission.notices.is_empty() {
            return Ok(());
        }
        let published = self.publisher.publish(emission).await;
        let unsent_notices = self.publisher.take_unsent_notices();
        let unsent_facts = published.as_ref().map_or_else(|unsent| unsent.facts.len() as u64, |()| 0);
        self.note(&Outcome { unsent_facts, unsent_notices, ..Outcome::default() });
        published.inspect_err(
            |unsent| tracing::error!(function.name = self.name, %unsent, "facts could not be published"),
        )
    }

    /// Puts a message into the queue of what could not be handled.
    pub(crate) async fn bury(&self, message: String) -> Result<(), String> {
        let queue = self.settings.required(settings::UNLAUNCHED).map_err(|error| error.to_string())?;
        let sqs = aws_sdk_sqs::Client::new(&self.sdk);
        let sent = sqs.send_message().queue_url(queue).message_body(message).send().await;
        sent.map(|_| ()).map_err(|error| aws_sdk_sqs::error::DisplayErrorContext(error).to_string())
    }

    /// Writes what facts tell of how the fleet is doing where CloudWatch finds it.
    pub(crate) fn measure(&self, facts: &[Fact]) {
        print(&metrics::of(self.stack(), facts, self.clock.now()));
    }

    /// The same for what GitHub said is left of its requests.
    pub(super) fn measure_budget(&self) {
        let left = lock(&self.budget).as_ref().and_then(|budget| budget.take());
        print(&metrics::of_budget(self.stack(), left, self.clock.now()));
    }

    /// The same for how an invocation went, if not well.
    pub(crate) fn note(&self, outcome: &Outcome) {
        print(&metrics::of_outcome(self.stack(), self.name, outcome, self.clock.now()));
    }

    /// The same for an event that was not handled.
    pub(crate) fn note_failure(&self, error: &FunctionError) {
        self.note(&match error {
            FunctionError::Malformed(_) => Outcome { malformed: 1, ..Outcome::default() },
            FunctionError::Again(_) | FunctionError::Conflict(_) => {
                Outcome { failed: 1, ..Outcome::default() }
            }
        });
    }

    /// What the runtime is told of an invocation that answers nothing but how it went.
    pub(super) fn conclude(&self, handled: Result<(), FunctionError>) -> Result<Value, Diagnostic> {
        handled.map(|()| Value::Null).map_err(|error| {
            self.note_failure(&error);
            diagnostic(&error)
        })
    }

    pub(super) fn stack(&self) -> &str {
        self.settings.optional(settings::STACK).unwrap_or_default()
    }
}

/// What is kept here is whole after a panic, too.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::print_stdout, reason = "CloudWatch reads metrics from what a function prints")]
fn print(documents: &[Value]) {
    for document in documents {
        println!("{document}");
    }
}

fn publisher(sdk: &SdkConfig, settings: &Settings) -> Publisher {
    let bus = settings.optional(settings::BUS).unwrap_or_default();
    let topic = settings.optional(settings::NOTICES);
    let notices = topic.map(|topic| (aws_sdk_sns::Client::new(sdk), topic.to_owned()));
    Publisher::new(aws_sdk_eventbridge::Client::new(sdk), bus.to_owned(), notices)
}
