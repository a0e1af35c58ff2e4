//! What `template.yaml` tells a function through its environment: names of resources, and nothing secret.

use std::collections::BTreeMap;

/// The stack's name. Every function has it.
pub const STACK: &str = "FLEETFOOT_STACK";
/// The fleet's name, which the template's rules and `[fleet] name` of the configuration must agree on. Every function.
pub const FLEET: &str = "FLEETFOOT_FLEET";
/// The name of the parameter that holds `fleet.toml`, such as `/fleetfoot/ff/config`. Every function.
pub const CONFIG_PARAMETER: &str = "FLEETFOOT_CONFIG_PARAMETER";
/// The name of the fleet's event bus. Every function that tells facts: all but `alarm`.
pub const BUS: &str = "FLEETFOOT_BUS";
/// The ARN of the topic for notices. Functions whose facts people should hear of.
pub const NOTICES: &str = "FLEETFOOT_NOTICES";
/// The name of the ledger's table. Every function but `ingest` and `alarm`.
pub const TABLE: &str = "FLEETFOOT_TABLE";
/// The ARN of the cluster. Functions that launch, stop or list tasks.
pub const CLUSTER: &str = "FLEETFOOT_CLUSTER";
/// Ids of subnets, separated by commas. `launch`.
pub const SUBNETS: &str = "FLEETFOOT_SUBNETS";
/// Ids of security groups, separated by commas. `launch`.
pub const SECURITY_GROUPS: &str = "FLEETFOOT_SECURITY_GROUPS";
/// `ENABLED` or `DISABLED`: whether tasks get public addresses. `launch`.
pub const PUBLIC_ADDRESS: &str = "FLEETFOOT_PUBLIC_ADDRESS";
/// The ARN of the role with which ECS pulls images and writes logs. `launch`.
pub const EXECUTION_ROLE: &str = "FLEETFOOT_EXECUTION_ROLE";
/// The ARN of the role of jobs whose class names none; it may do nothing. `launch`.
pub const TASK_ROLE: &str = "FLEETFOOT_TASK_ROLE";
/// ARNs of the roles that classes may name, separated by commas; may be empty. `launch`.
pub const CLASS_ROLES: &str = "FLEETFOOT_CLASS_ROLES";
/// `yes` or `no`: whether commands may be run in runners. `launch`.
pub const RUNNER_EXEC: &str = "FLEETFOOT_RUNNER_EXEC";
/// The log group of runners. `launch`.
pub const RUNNER_LOGS: &str = "FLEETFOOT_RUNNER_LOGS";
/// What task definitions of the fleet are called, before `-` and a digest. `launch`.
pub const TASK_FAMILY: &str = "FLEETFOOT_TASK_FAMILY";
/// The address of the HTTP API without a slash at its end, such as `https://abc.execute-api.eu-west-1.amazonaws.com`.
/// `launch`.
pub const API_URL: &str = "FLEETFOOT_API_URL";
/// The address of the queue of events that could not be launched. `launch`.
pub const UNLAUNCHED: &str = "FLEETFOOT_UNLAUNCHED";
/// The name of the ECR repository of runner images. `image-build`.
pub const REPOSITORY: &str = "FLEETFOOT_REPOSITORY";
/// The name of the CodeBuild project, for x64. `image-build`.
pub const BUILD_PROJECT: &str = "FLEETFOOT_BUILD_PROJECT";

/// A setting that is missing or of no use. A fault of the deployment, not of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// It is needed.
    #[error("the environment variable {0} is not set; `template.yaml` sets it")]
    Missing(&'static str),
    /// It cannot be used.
    #[error("the environment variable {name} is {found:?}; allowed is {allowed}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        allowed: &'static str,
    },
}

/// The environment of a function.
#[derive(Debug, Clone, Default)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// From variables; those that are not UTF-8 are left out.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(variables.into_iter().collect())
    }

    /// This process's own.
    pub fn from_environment() -> Self {
        let text = |text: std::ffi::OsString| text.into_string().ok();
        Self::new(std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?))))
    }

    /// A value that is there and not empty.
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A value that must be there.
    pub fn required(&self, name: &'static str) -> Result<&str, SettingsError> {
        self.optional(name).ok_or(SettingsError::Missing(name))
    }

    /// A list separated by commas; empty if there is none.
    pub fn list(&self, name: &str) -> Vec<String> {
        let parts = self.optional(name).unwrap_or_default().split(',').map(str::trim);
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// A list separated by commas, with one item at least.
    pub fn required_list(&self, name: &'static str) -> Result<Vec<String>, SettingsError> {
        let list = self.list(name);
        if list.is_empty() { Err(SettingsError::Missing(name)) } else { Ok(list) }
    }
}
