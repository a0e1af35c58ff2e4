//! The fleet's configuration, kept in a parameter of the Systems Manager as the text of `fleet.toml`.

use aws_sdk_ssm::error::{DisplayErrorContext, SdkError};
use aws_sdk_ssm::operation::get_parameter::GetParameterError;
use fleetfoot_model::config::{self, Config, ConfigError};

/// The largest text that a parameter holds, in bytes (AWS Systems Manager user guide, "advanced parameters").
pub const LARGEST: usize = 8192;

/// The parameter of a stack's configuration.
pub fn parameter_of(stack: &str) -> String {
    format!("/fleetfoot/{stack}/config")
}

/// Why there is no configuration.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConfigurationError {
    /// Nobody has put one there.
    #[error("there is no parameter {0}; `fleetfoot config put` writes it")]
    Missing(String),
    /// It could not be asked for.
    #[error("the parameter {parameter} cannot be read: {reason}")]
    Unavailable {
        /// Its name.
        parameter: String,
        /// Why.
        reason: String,
    },
    /// It has mistakes.
    #[error(transparent)]
    Invalid(#[from] ConfigError),
    /// It is another fleet's.
    #[error(
        "the parameter {parameter}: fleet.name is {found}, and the stack was deployed with FleetName {expected}; they have to be the same"
    )]
    OtherFleet {
        /// Its name.
        parameter: String,
        /// What it says.
        found: String,
        /// What the template was given.
        expected: String,
    },
}

/// A configuration as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Grows by one each time it is written.
    pub version: i64,
    /// The text of `fleet.toml`.
    pub text: String,
}

/// Reads the text.
pub async fn read(ssm: &aws_sdk_ssm::Client, parameter: &str) -> Result<Text, ConfigurationError> {
    let answer = ssm.get_parameter().name(parameter).with_decryption(true).send().await;
    let answer = answer.map_err(|error| unreadable(parameter, &error))?;
    let found =
        answer.parameter().and_then(|it| Some(Text { version: it.version(), text: it.value()?.into() }));
    found.ok_or_else(|| ConfigurationError::Missing(parameter.to_owned()))
}

fn unreadable(parameter: &str, error: &SdkError<GetParameterError>) -> ConfigurationError {
    let parameter = parameter.to_owned();
    if error.as_service_error().is_some_and(GetParameterError::is_parameter_not_found) {
        return ConfigurationError::Missing(parameter);
    }
    ConfigurationError::Unavailable { parameter, reason: DisplayErrorContext(error).to_string() }
}

/// Reads the text as a configuration of the fleet that was deployed.
pub fn parse(parameter: &str, text: &str, fleet: &str) -> Result<Config, ConfigurationError> {
    let config = config::load_for_containers(parameter, text)?;
    if config.fleet.as_str() == fleet {
        return Ok(config);
    }
    Err(ConfigurationError::OtherFleet {
        parameter: parameter.to_owned(),
        found: config.fleet.to_string(),
        expected: fleet.to_owned(),
    })
}
