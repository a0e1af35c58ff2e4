//! A deployed stack: what `template.yaml` tells of itself in its outputs.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use aws_sdk_cloudformation::types::Stack as Description;

use super::failure::failure;
use crate::failure::Failure;

/// The outputs that are read. A test holds them to `template.yaml`.
pub(crate) mod output {
    /// The fleet's name: the parameter `FleetName`.
    pub(crate) const FLEET: &str = "FleetName";
    /// The webhook's address, with its path.
    pub(crate) const WEBHOOK: &str = "WebhookUrl";
    /// The name of the ledger's table.
    pub(crate) const TABLE: &str = "Table";
    /// The name of the fleet's bus.
    pub(crate) const BUS: &str = "Bus";
    /// Its ARN.
    pub(crate) const BUS_ARN: &str = "BusArn";
    /// The ARN of its archive, which a stack may do without.
    pub(crate) const ARCHIVE: &str = "Archive";
    /// The ARN of the cluster.
    pub(crate) const CLUSTER: &str = "Cluster";
    /// The log group of runners.
    pub(crate) const RUNNER_LOGS: &str = "RunnerLogGroup";
    /// What the log groups of functions begin with.
    pub(crate) const LOG_GROUPS: &str = "LogGroups";
    /// Whether commands may be run in runners: `yes` or `no`.
    pub(crate) const RUNNER_EXEC: &str = "RunnerExec";
    /// The name of the parameter with the configuration.
    pub(crate) const CONFIGURATION: &str = "ConfigParameter";
    /// The subnets of runners, separated by commas.
    pub(crate) const SUBNETS: &str = "Subnets";
    /// Their security groups, likewise.
    pub(crate) const SECURITY_GROUPS: &str = "SecurityGroups";
    /// The name of the repository of images.
    pub(crate) const REPOSITORY: &str = "Repository";
    /// The project that builds them.
    pub(crate) const BUILD_PROJECT: &str = "BuildProject";
    /// The address of the queue before `launch`.
    pub(crate) const LAUNCH_QUEUE: &str = "LaunchQueueUrl";
    /// The name of the function `launch`.
    pub(crate) const LAUNCH_FUNCTION: &str = "LaunchFunctionName";
    /// The name of the function `alarm`.
    pub(crate) const ALARM_FUNCTION: &str = "AlarmFunctionName";
}

/// The outputs that name functions.
pub(crate) const FUNCTIONS: [&str; 9] = [
    "IngestFunctionName",
    output::LAUNCH_FUNCTION,
    "RegisterFunctionName",
    "JobStateFunctionName",
    "TaskStateFunctionName",
    "ImageBuildFunctionName",
    "CleanupFunctionName",
    "PoolFunctionName",
    output::ALARM_FUNCTION,
];

/// The outputs with the addresses of dead-letter queues, and what the template calls each.
pub(crate) const DEAD_LETTERS: [(&str, &str); 3] = [
    ("UnlaunchedEventsUrl", "UnlaunchedEvents"),
    ("FailedEventsUrl", "FailedEvents"),
    ("UndeliveredEventsUrl", "UndeliveredEvents"),
];

/// What the description of Fleetfoot's template begins with.
const DESCRIPTION: &str = "Fleetfoot ";

/// A stack that is there.
#[derive(Debug, Clone)]
pub(crate) struct Stack {
    name: String,
    region: String,
    status: String,
    reason: Option<String>,
    description: Option<String>,
    outputs: BTreeMap<String, String>,
    parameters: BTreeMap<String, String>,
}

impl Stack {
    /// Looks for a stack; `None` if there is none of this name.
    pub(crate) async fn find(sdk: &SdkConfig, name: &str) -> Result<Option<Self>, Failure> {
        let client = aws_sdk_cloudformation::Client::new(sdk);
        let answer = match client.describe_stacks().stack_name(name).send().await {
            Ok(answer) => answer,
            // There is no error code of its own for it.
            Err(error) if error.message().is_some_and(|message| message.contains("does not exist")) => {
                return Ok(None);
            }
            Err(error) => {
                let what = format!("the stack {name} cannot be looked at");
                return Err(failure(what, "cloudformation:DescribeStacks", &error));
            }
        };
        Ok(answer
            .stacks
            .unwrap_or_default()
            .into_iter()
            .next()
            .map(|found| Self::new(name, region(sdk), found)))
    }

    /// A Fleetfoot stack that is deployed, perhaps being updated just now.
    pub(crate) async fn deployed(sdk: &SdkConfig, name: &str) -> Result<Self, Failure> {
        let Some(stack) = Self::find(sdk, name).await? else {
            return Err(Failure::new(format!("there is no stack {name} in {}", region(sdk))).hint(
                "--region or --profile names another place; `sam deploy` makes one, as docs/deploy.md tells",
            ));
        };
        stack.usable()
    }

    fn new(name: &str, region: String, found: Description) -> Self {
        let outputs = found.outputs.unwrap_or_default().into_iter();
        let parameters = found.parameters.unwrap_or_default().into_iter();
        Self {
            name: name.to_owned(),
            region,
            status: found.stack_status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
            reason: found.stack_status_reason,
            description: found.description,
            outputs: outputs.filter_map(|it| Some((it.output_key?, it.output_value?))).collect(),
            parameters: parameters.filter_map(|it| Some((it.parameter_key?, it.parameter_value?))).collect(),
        }
    }

    /// Whether it has resources to work with: after its creation, until its deletion.
    pub(crate) fn usable(self) -> Result<Self, Failure> {
        let Self { name, status, .. } = &self;
        let is_update = status.starts_with("UPDATE_") || status.starts_with("IMPORT_");
        if !(is_update || status == "CREATE_COMPLETE") {
            let hint = match status.as_str() {
                "CREATE_IN_PROGRESS" | "REVIEW_IN_PROGRESS" => "wait until `sam deploy` is done",
                "DELETE_IN_PROGRESS" | "DELETE_COMPLETE" => "it is being deleted; `sam deploy` makes another",
                _ => "its events at CloudFormation tell why; `sam delete`, then `sam deploy` once more",
            };
            let failure = Failure::new(format!("the stack {name} is not deployed: {status}")).hint(hint);
            return Err(Failure { causes: self.reason.into_iter().collect(), ..failure });
        }
        if ![output::FLEET, output::TABLE, output::BUS].iter().any(|key| self.outputs.contains_key(*key)) {
            return Err(Failure::new(format!("the stack {name} in {} is none of Fleetfoot's", self.region))
                .hint("--stack names the stack that `sam deploy` made of Fleetfoot's template"));
        }
        Ok(self)
    }

    /// Whether nothing but remains are there, of a creation or a deletion that failed. All that can be done with them is to
    /// delete them.
    pub(crate) fn is_remains(&self) -> bool {
        matches!(
            self.status.as_str(),
            "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "CREATE_FAILED" | "DELETE_FAILED"
        )
    }

    /// Whether it was made of Fleetfoot's template, as its description tells even where there is nothing else.
    pub(crate) fn is_of_fleetfoot(&self) -> bool {
        self.description.as_deref().is_some_and(|it| it.starts_with(DESCRIPTION))
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What a parameter was deployed with.
    pub(crate) fn parameter(&self, key: &str) -> Option<&str> {
        self.parameters.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// How its last deployment stands, such as `UPDATE_COMPLETE`.
    pub(crate) fn status(&self) -> &str {
        &self.status
    }

    /// Why it stands so, if that is told.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// An output that every version has had.
    pub(crate) fn output(&self, key: &str) -> Result<&str, Failure> {
        self.optional(key).ok_or_else(|| {
            Failure::new(format!("the stack {} has no output {key}", self.name))
                .hint("it was deployed by another version of Fleetfoot: deploy it again with this one")
        })
    }

    /// An output that some stacks do not have.
    pub(crate) fn optional(&self, key: &str) -> Option<&str> {
        self.outputs.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }
}

fn region(sdk: &SdkConfig) -> String {
    sdk.region().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(status: &str, outputs: &[&str]) -> Stack {
        Stack {
            name: "fleet".to_owned(),
            region: "eu-west-1".to_owned(),
            status: status.to_owned(),
            reason: Some("why".to_owned()),
            description: Some("Fleetfoot runs GitHub Actions jobs".to_owned()),
            outputs: outputs.iter().map(|key| ((*key).to_owned(), "value".to_owned())).collect(),
            parameters: BTreeMap::new(),
        }
    }

    #[test]
    fn a_stack_is_used_from_its_creation_to_its_deletion() {
        let outputs = [output::FLEET, output::TABLE];
        for status in ["CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"]
        {
            assert!(stack(status, &outputs).usable().is_ok(), "{status}");
        }
        for (status, hint) in [
            ("CREATE_IN_PROGRESS", "wait"),
            ("REVIEW_IN_PROGRESS", "wait"),
            ("ROLLBACK_COMPLETE", "its events"),
            ("CREATE_FAILED", "its events"),
            ("DELETE_FAILED", "its events"),
            ("DELETE_IN_PROGRESS", "it is being deleted"),
        ] {
            let failure = stack(status, &outputs).usable().unwrap_err();
            assert_eq!(failure.what, format!("the stack fleet is not deployed: {status}"));
            assert_eq!(failure.causes, ["why"]);
            assert!(failure.hint.unwrap().starts_with(hint), "{status}");
        }
    }

    #[test]
    fn remains_are_known_by_their_status_and_whose_they_are_by_the_description() {
        for status in ["ROLLBACK_COMPLETE", "CREATE_FAILED", "DELETE_FAILED"] {
            let stack = stack(status, &[]);
            assert!(stack.is_remains() && stack.is_of_fleetfoot(), "{status}");
        }
        for status in ["CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "DELETE_IN_PROGRESS"] {
            assert!(!stack(status, &[]).is_remains(), "{status}");
        }
        let other = Stack { description: Some("a shop".to_owned()), ..stack("ROLLBACK_COMPLETE", &[]) };
        assert!(!other.is_of_fleetfoot());
        let description = format!("\nDescription: {DESCRIPTION}");
        assert!(crate::wiring::TEMPLATE.contains(&description));
    }

    #[test]
    fn every_output_that_is_read_is_in_the_template() {
        let template = crate::wiring::TEMPLATE;
        let outputs = template.split_once("\nOutputs:\n").unwrap().1;
        for key in [
            output::FLEET,
            output::WEBHOOK,
            output::TABLE,
            output::BUS,
            output::BUS_ARN,
            output::ARCHIVE,
            output::CLUSTER,
            output::RUNNER_LOGS,
            output::LOG_GROUPS,
            output::RUNNER_EXEC,
            output::CONFIGURATION,
            output::SUBNETS,
            output::SECURITY_GROUPS,
            output::REPOSITORY,
            output::BUILD_PROJECT,
            output::LAUNCH_QUEUE,
            output::LOG_GROUPS,
        ]
        .into_iter()
        .chain(FUNCTIONS)
        .chain(DEAD_LETTERS.map(|(key, _)| key))
        {
            assert!(outputs.lines().any(|line| line == format!("  {key}:")), "{key}");
        }
    }

    #[test]
    fn anothers_stack_is_told_from_an_old_one() {
        let other = stack("CREATE_COMPLETE", &["BucketName"]).usable().unwrap_err();
        assert_eq!(other.what, "the stack fleet in eu-west-1 is none of Fleetfoot's");
        let old = stack("CREATE_COMPLETE", &[output::TABLE]).usable().unwrap();
        assert_eq!(old.output(output::CLUSTER).unwrap_err().what, "the stack fleet has no output Cluster");
    }
}
