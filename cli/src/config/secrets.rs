//! Whether the secrets that a configuration refers to are there, where functions may read them. None is read.

use aws_config::SdkConfig;
use fleetfoot_model::config::Config;
use fleetfoot_model::secret::SecretReference;

use crate::aws::secrets::{described, has_parameter};
use crate::failure::Failure;

/// A warning for each secret that is missing or cannot be looked for.
pub(super) async fn missing(sdk: &SdkConfig, config: &Config) -> Result<Vec<String>, Failure> {
    let ssm = aws_sdk_ssm::Client::new(sdk);
    let manager = aws_sdk_secretsmanager::Client::new(sdk);
    let mut warnings = Vec::new();
    for (key, reference) in &config.secrets {
        let found = match reference {
            SecretReference::Parameter(path) => {
                has_parameter(&ssm, path, format!("ssm:{path} cannot be looked for")).await
            }
            SecretReference::SecretsManager { name, .. } => {
                let what = format!("secretsmanager:{name} cannot be looked for");
                let found = described(&manager, name, what).await;
                found.map(|found| found.is_some_and(|it| it.deleted_date.is_none()))
            }
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

/// What no function may read: each role allows only names of one folder (docs/deploy.md).
pub(crate) fn misplaced(stack: &str, config: &Config) -> Vec<String> {
    config.secrets.iter().filter_map(|(key, reference)| misplaced_one(stack, key, reference)).collect()
}

fn misplaced_one(stack: &str, key: &str, reference: &SecretReference) -> Option<String> {
    let folder = folder(key);
    let (name, begin) = match reference {
        SecretReference::Parameter(name) => (name.as_str(), format!("/fleetfoot/{stack}/{folder}/")),
        SecretReference::SecretsManager { name, .. } => {
            // It may be an ARN.
            let name = name.split_once(":secret:").map_or(name.as_str(), |(_, name)| name);
            (name, format!("fleetfoot/{stack}/{folder}"))
        }
        SecretReference::Environment(_) | SecretReference::File(_) => return None,
    };
    (!name.starts_with(&begin)).then(|| {
        format!(
            "{key}: {reference} can be read by no function: their roles allow names that begin with {begin}"
        )
    })
}

/// Where secrets of a key are.
fn folder(key: &str) -> &'static str {
    match key {
        "github.webhook_secrets" => "webhook",
        key if key.starts_with("notify.") => "slack",
        key if key.starts_with("traces.") => "traces",
        _ => "github",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 5] =
        ["github.app.key", "github.webhook_secrets", "notify.slack", "notify.slack_token", "traces.header"];

    #[test]
    fn what_lies_where_no_function_may_read_it_is_told() {
        let told = |key: &str, reference: &str| misplaced_one("ff", key, &reference.parse().unwrap());
        for (key, reference) in [
            ("github.app.key", "ssm:/fleetfoot/ff/github/app.pem"),
            ("github.token", "secretsmanager:fleetfoot/ff/github#token"),
            ("github.webhook_secrets", "secretsmanager:fleetfoot/ff/webhook/secret"),
            (
                "github.token",
                "secretsmanager:arn:aws:secretsmanager:x:1:secret:fleetfoot/ff/github/token-AbCdEf",
            ),
            ("github.token", "env:TOKEN"),
        ] {
            assert_eq!(told(key, reference), None);
        }
        for reference in ["ssm:/fleetfoot/ff/webhook/app.pem", "ssm:/fleetfoot/lab/github/app.pem"] {
            assert_eq!(
                told("github.app.key", reference).unwrap(),
                format!(
                    "github.app.key: {reference} can be read by no function: their roles allow names that begin with \
                     /fleetfoot/ff/github/"
                )
            );
        }
        assert!(told("notify.slack", "secretsmanager:fleetfoot/ff/github").is_some());
    }

    #[test]
    fn the_folders_are_those_of_the_template() {
        for folder in KEYS.map(folder) {
            for resource in [
                format!("parameter/fleetfoot/${{AWS::StackName}}/{folder}/*"),
                format!("secret:fleetfoot/${{AWS::StackName}}/{folder}*"),
            ] {
                assert!(crate::wiring::TEMPLATE.contains(&resource), "{resource}");
            }
        }
    }
}
