//! Whether secrets are there. None is read.

use aws_sdk_secretsmanager::operation::describe_secret::{DescribeSecretError, DescribeSecretOutput};
use aws_sdk_ssm::operation::get_parameter::GetParameterError;

use super::failure::failure;
use crate::failure::Failure;

/// Whether a parameter is there; a failure of these words where nobody can say.
pub(crate) async fn has_parameter(
    ssm: &aws_sdk_ssm::Client,
    name: &str,
    what: String,
) -> Result<bool, Failure> {
    // A SecureString is answered in its encrypted form.
    match ssm.get_parameter().name(name).with_decryption(false).send().await {
        Ok(_) => Ok(true),
        Err(error) if error.as_service_error().is_some_and(GetParameterError::is_parameter_not_found) => {
            Ok(false)
        }
        Err(error) => Err(failure(what, "ssm:GetParameter", &error)),
    }
}

/// What Secrets Manager tells of a secret, if it knows one; a failure of these words where nobody can say.
pub(crate) async fn described(
    manager: &aws_sdk_secretsmanager::Client,
    name: &str,
    what: String,
) -> Result<Option<DescribeSecretOutput>, Failure> {
    match manager.describe_secret().secret_id(name).send().await {
        Ok(found) => Ok(Some(found)),
        Err(error)
            if error.as_service_error().is_some_and(DescribeSecretError::is_resource_not_found_exception) =>
        {
            Ok(None)
        }
        Err(error) => Err(failure(what, "secretsmanager:DescribeSecret", &error)),
    }
}
