//! The deployment: `sam deploy` of the project's template, against the emulator.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use fleetfoot_tests::tools::{Ministack, run};

use super::adaptations;
use super::aws::Aws;
use super::build::sam;

/// The stack's name.
pub(crate) const STACK: &str = "fleetfoot";

/// What was deployed.
pub(crate) struct Stack {
    /// What the resources are called, by their names in the template.
    resources: BTreeMap<String, String>,
    outputs: BTreeMap<String, String>,
}

impl Stack {
    /// Deploys what was built.
    pub(crate) async fn deploy(built: &Path, ministack: &Ministack, aws: &Aws) -> Self {
        let template = built.join("emulated.yaml");
        let text = fs::read_to_string(built.join("template.yaml")).expect("`sam build` writes a template");
        fs::write(&template, adaptations::adapt(&text)).expect("the template can be written");
        let mut deploy = sam("deploy");
        deploy
            .envs(ministack.environment())
            .env("SAM_CLI_POLL_DELAY", "0.2")
            .arg("--template-file")
            .arg(template);
        deploy.args(["--stack-name", STACK, "--resolve-s3", "--no-confirm-changeset"]);
        deploy.args(["--capabilities", "CAPABILITY_IAM", "--parameter-overrides", "Architecture=x86_64"]);
        tokio::task::spawn_blocking(move || run(&mut deploy)).await.expect("the template can be deployed");
        Self { resources: aws.resources(STACK).await, outputs: aws.outputs(STACK).await }
    }

    /// What a resource is called.
    pub(crate) fn resource(&self, name: &str) -> &str {
        self.resources.get(name).unwrap_or_else(|| panic!("the template has no resource {name}"))
    }

    /// An output.
    pub(crate) fn output(&self, name: &str) -> &str {
        self.outputs.get(name).unwrap_or_else(|| panic!("the template has no output {name}"))
    }

    /// The names of the functions.
    pub(crate) fn functions(&self) -> impl Iterator<Item = (&str, &str)> {
        let functions = self.resources.iter().filter(|(name, _)| name.ends_with("Function"));
        functions.map(|(name, physical)| (name.as_str(), physical.as_str()))
    }
}
