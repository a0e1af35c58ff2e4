//! The deployment: `sam deploy` of the project's template, against the emulator.

use std::collections::BTreeMap;
use std::path::Path;

use fleetfoot_tests::tools::{Ministack, root, run};

use super::adaptations::PARAMETERS;
use super::aws::{Aws, Resource};
use super::build::sam;

/// The stack's name, as in `samconfig.toml`.
pub(crate) const STACK: &str = "fleetfoot";

/// What was deployed.
pub(crate) struct Stack {
    /// By their names in the template.
    resources: BTreeMap<String, Resource>,
}

impl Stack {
    /// Deploys what was built.
    pub(crate) async fn deploy(built: &Path, ministack: &Ministack, aws: &Aws) -> Self {
        let mut deploy = sam("deploy");
        deploy.envs(ministack.environment()).env("SAM_CLI_POLL_DELAY", "0.2");
        deploy.arg("--template-file").arg(built.join("template.yaml"));
        deploy.arg("--config-file").arg(root().join("samconfig.toml"));
        deploy.args(["--no-confirm-changeset", "--parameter-overrides"]).args(PARAMETERS);
        tokio::task::spawn_blocking(move || run(&mut deploy)).await.expect("the template can be deployed");
        Self::of(aws).await
    }

    /// What somebody else has deployed.
    pub(crate) async fn of(aws: &Aws) -> Self {
        Self { resources: aws.resources(STACK).await }
    }

    /// What a resource is called.
    pub(crate) fn resource(&self, name: &str) -> &str {
        let found = self.resources.get(name);
        &found.unwrap_or_else(|| panic!("the template has no resource {name}")).id
    }

    /// What the resources of a type are called.
    pub(crate) fn all_of(&self, kind: &str) -> impl Iterator<Item = &str> {
        self.resources.values().filter(move |it| it.kind == kind).map(|it| it.id.as_str())
    }
}
