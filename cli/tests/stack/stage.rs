//! A stack on an AWS of this machine, and the command.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_cloudformation::types::{Parameter, StackStatus};
use fleetfoot_aws::ledger::DynamoLedger;
use fleetfoot_model::ledger::{Ledger, Stored, change};
use fleetfoot_model::record::Record;
use fleetfoot_tests::tools::Ministack;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

const TEMPLATE: &str = include_str!("template.yaml");
/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:1/webhook";

/// A stack of its own, and a folder to call the command in.
pub(crate) struct Stage {
    aws: Arc<Ministack>,
    pub(crate) sdk: SdkConfig,
    pub(crate) name: String,
    folder: TempDir,
}

/// What a command answered.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) data: String,
    pub(crate) rest: String,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Stage {
    /// A name, and nothing deployed under it.
    pub(crate) fn bare(name: &str) -> Self {
        let aws = Ministack::shared();
        let sdk = aws.sdk_config();
        Self { aws, sdk, name: name.to_owned(), folder: tempfile::tempdir().unwrap() }
    }

    /// A deployed stack whose webhook nobody answers.
    pub(crate) async fn deployed(name: &str) -> Self {
        Self::with_webhook(name, NOWHERE).await
    }

    /// A deployed stack with an archive.
    pub(crate) async fn with_webhook(name: &str, webhook: &str) -> Self {
        let stage = Self::bare(name);
        let parameter = |key, value| Parameter::builder().parameter_key(key).parameter_value(value).build();
        stage.deploy(TEMPLATE, vec![parameter("FleetName", "ff"), parameter("WebhookUrl", webhook)]).await;
        let events = aws_sdk_eventbridge::Client::new(&stage.sdk);
        let bus = stage.output("BusArn").await;
        events.create_archive().archive_name(name).event_source_arn(bus).send().await.unwrap();
        stage
    }

    /// Makes a stack of any template.
    pub(crate) async fn deploy(&self, template: &str, parameters: Vec<Parameter>) {
        let stacks = aws_sdk_cloudformation::Client::new(&self.sdk);
        let request = stacks.create_stack().stack_name(&self.name).template_body(template);
        request.set_parameters(Some(parameters)).send().await.unwrap();
        let status = async {
            loop {
                let answer = stacks.describe_stacks().stack_name(&self.name).send().await.unwrap();
                match answer.stacks()[0].stack_status().unwrap() {
                    StackStatus::CreateInProgress => {}
                    status => return status.clone(),
                }
                pause().await;
            }
        };
        let status = tokio::time::timeout(Duration::from_secs(30), status).await.unwrap();
        assert_eq!(status, StackStatus::CreateComplete);
    }

    pub(crate) async fn output(&self, key: &str) -> String {
        let stacks = aws_sdk_cloudformation::Client::new(&self.sdk);
        let answer = stacks.describe_stacks().stack_name(&self.name).send().await.unwrap();
        let outputs = answer.stacks()[0].outputs();
        let output = outputs.iter().find(|output| output.output_key() == Some(key)).unwrap();
        output.output_value().unwrap().to_owned()
    }

    pub(crate) async fn ledger(&self) -> DynamoLedger {
        let table = self.output("Table").await;
        DynamoLedger::new(aws_sdk_dynamodb::Client::new(&self.sdk), table.as_str())
    }

    pub(crate) async fn put(&self, row: impl Into<Record>) {
        self.ledger().await.commit(vec![change(Stored::new(row.into()))]).await.unwrap();
    }

    /// The next event that the rule has passed on.
    pub(crate) async fn seen(&self) -> Option<Value> {
        let queue = self.output("Seen").await;
        let queues = aws_sdk_sqs::Client::new(&self.sdk);
        let taken = queues.receive_message().queue_url(&queue).wait_time_seconds(5).send().await.unwrap();
        let message = taken.messages.unwrap_or_default().into_iter().next()?;
        let receipt = message.receipt_handle.unwrap();
        queues.delete_message().queue_url(&queue).receipt_handle(receipt).send().await.unwrap();
        Some(serde_json::from_str(&message.body.unwrap()).unwrap())
    }

    /// A file in the command's folder.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Where such a file is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What is in such a file.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The command, with this AWS and nothing else of this machine's environment.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fleetfoot"));
        command.args(line.split_whitespace()).current_dir(self.folder.path()).kill_on_drop(true);
        command.env_clear().env("HOME", self.folder.path()).envs(self.aws.environment());
        command
    }

    /// Runs it with `--stack`.
    pub(crate) async fn run(&self, line: &str) -> Said {
        self.run_with(line, &[]).await
    }

    /// As [`Stage::run`], with other variables in its environment.
    pub(crate) async fn run_with(&self, line: &str, variables: &[(&str, &str)]) -> Said {
        let mut command = self.command(line);
        let output = command.args(["--stack", &self.name]).envs(variables.iter().copied()).output();
        let output = output.await.unwrap();
        Said {
            code: output.status.code().unwrap(),
            data: String::from_utf8(output.stdout).unwrap(),
            rest: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A file under `events/`.
pub(crate) fn event_file(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../events").join(name);
    std::fs::read_to_string(path).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "real processes do the work; all that is left here is to wait")]
async fn pause() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}
