//! Parameter Store of the Systems Manager.

use aws_config::SdkConfig;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::operation::delete_parameter::DeleteParameterError;
use aws_sdk_ssm::types::ParameterType;
use fleetfoot_model::secret::Secret;

use crate::aws::failure::failure;
use crate::aws::secrets::has_parameter;
use crate::failure::Failure;

/// Whether a parameter is there. It is not decrypted.
pub(super) async fn holds(sdk: &SdkConfig, name: &str) -> Result<bool, Failure> {
    has_parameter(&Client::new(sdk), name, format!("{name} cannot be looked for")).await
}

/// Writes a parameter, encrypted. Without `replace` AWS refuses one that is there.
pub(super) async fn put(
    sdk: &SdkConfig,
    name: &str,
    description: String,
    key: Option<String>,
    secret: &Secret,
    replace: bool,
) -> Result<(), Failure> {
    let put = Client::new(sdk)
        .put_parameter()
        .name(name)
        .description(description)
        .value(secret.expose())
        .r#type(ParameterType::SecureString)
        .set_key_id(key)
        .overwrite(replace);
    let what = format!("the secret {name} cannot be written");
    put.send().await.map_err(|error| failure(what, "ssm:PutParameter", &error))?;
    Ok(())
}

/// Removes a parameter, if it is there. Answers whether it was.
pub(in crate::setup) async fn remove(sdk: &SdkConfig, name: &str) -> Result<bool, Failure> {
    match Client::new(sdk).delete_parameter().name(name).send().await {
        Ok(_) => Ok(true),
        Err(error) if error.as_service_error().is_some_and(DeleteParameterError::is_parameter_not_found) => {
            Ok(false)
        }
        Err(error) => Err(failure(format!("{name} cannot be removed"), "ssm:DeleteParameter", &error)),
    }
}
