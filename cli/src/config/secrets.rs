//! Whether the secrets that a configuration refers to are there. None is read.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretError;
use aws_sdk_ssm::operation::get_parameter::GetParameterError;
use fleetfoot_model::config::Config;
use fleetfoot_model::secret::SecretReference;

use crate::aws::failure::failure;
use crate::failure::Failure;

/// A warning for each secret that is missing or cannot be looked for.
pub(super) async fn missing(sdk: &SdkConfig, config: &Config) -> Result<Vec<String>, Failure> {
    let ssm = aws_sdk_ssm::Client::new(sdk);
    let manager = aws_sdk_secretsmanager::Client::new(sdk);
    let mut warnings = Vec::new();
    for (key, reference) in &config.secrets {
        let found = match reference {
            SecretReference::Parameter(path) => parameter(&ssm, path).await,
            SecretReference::SecretsManager { name, .. } => secret(&manager, name).await,
            SecretReference::Environment(_) | SecretReference::File(_) => Ok(true),
        };
        match found {
            Ok(true) => {}
            Ok(false) => warnings.push(format!("{key}: {reference} is not there yet; the fleet needs it")),
            // Who may write the configuration may not always look at secrets.
            Err(failure) => warnings.push(format!("{key}: {}: {}", failure.what, failure.causes.join(": "))),
        }
    }
    Ok(warnings)
}

async fn parameter(ssm: &aws_sdk_ssm::Client, name: &str) -> Result<bool, Failure> {
    // A SecureString is answered in its encrypted form.
    match ssm.get_parameter().name(name).with_decryption(false).send().await {
        Ok(_) => Ok(true),
        Err(error) if error.as_service_error().is_some_and(GetParameterError::is_parameter_not_found) => {
            Ok(false)
        }
        Err(error) => Err(failure(format!("ssm:{name} cannot be looked for"), "ssm:GetParameter", &error)),
    }
}

async fn secret(manager: &aws_sdk_secretsmanager::Client, name: &str) -> Result<bool, Failure> {
    match manager.describe_secret().secret_id(name).send().await {
        Ok(found) => Ok(found.deleted_date.is_none()),
        Err(error)
            if error.as_service_error().is_some_and(DescribeSecretError::is_resource_not_found_exception) =>
        {
            Ok(false)
        }
        Err(error) => {
            let what = format!("secretsmanager:{name} cannot be looked for");
            Err(failure(what, "secretsmanager:DescribeSecret", &error))
        }
    }
}
