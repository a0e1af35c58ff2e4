//! The emulated AWS, as an operator sees it.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use serde_json::{Value, json};

use super::gateway::client;

/// The emulator takes an access key of twelve digits for the account's number.
const ACCOUNT: &str = "123456789012";

/// Clients of the emulator.
#[derive(Clone)]
pub(crate) struct Aws {
    endpoint: String,
    pub(crate) region: String,
    http: reqwest::Client,
    pub(crate) stacks: aws_sdk_cloudformation::Client,
    pub(crate) events: aws_sdk_eventbridge::Client,
    pub(crate) functions: aws_sdk_lambda::Client,
    pub(crate) queues: aws_sdk_sqs::Client,
    pub(crate) parameters: aws_sdk_ssm::Client,
    pub(crate) table: aws_sdk_dynamodb::Client,
}

/// A resource of a stack.
pub(crate) struct Resource {
    /// Its name or address.
    pub(crate) id: String,
    /// Such as `AWS::SQS::Queue`.
    pub(crate) kind: String,
}

/// What a function answered.
pub(crate) struct Invoked {
    /// Its answer, or its error.
    pub(crate) payload: Value,
    /// Whether it is an error.
    pub(crate) failed: bool,
}

impl Aws {
    /// Clients of an emulator.
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self {
            endpoint: config.endpoint_url().expect("the emulator has an address").to_owned(),
            region: config.region().expect("the emulator is somewhere").to_string(),
            http: client(),
            stacks: aws_sdk_cloudformation::Client::new(config),
            events: aws_sdk_eventbridge::Client::new(config),
            functions: aws_sdk_lambda::Client::new(config),
            queues: aws_sdk_sqs::Client::new(config),
            parameters: aws_sdk_ssm::Client::new(config),
            table: aws_sdk_dynamodb::Client::new(config),
        }
    }

    /// Calls a function and waits for its answer.
    pub(crate) async fn invoke(&self, function: &str, event: &Value) -> Invoked {
        let invoked = self.functions.invoke().function_name(function).payload(Blob::new(event.to_string()));
        let invoked = invoked.send().await.unwrap_or_else(|error| panic!("{function}: {error:?}"));
        let payload = invoked.payload().map(Blob::as_ref).unwrap_or_default();
        Invoked {
            payload: serde_json::from_slice(payload).unwrap_or_default(),
            failed: invoked.function_error().is_some(),
        }
    }

    /// Hands a function an event, as a rule does: tried again if it fails, then sent to its failure destination.
    pub(crate) async fn wake(&self, function: &str, event: &Value) {
        let invoke = self.functions.invoke().function_name(function).payload(Blob::new(event.to_string()));
        let invoked = invoke.invocation_type(InvocationType::Event).send().await;
        invoked.unwrap_or_else(|error| panic!("{function}: {error:?}"));
    }

    /// Takes every message out of a queue.
    pub(crate) async fn take(&self, queue: &str) -> Vec<String> {
        let mut bodies = Vec::new();
        loop {
            let received = self.receive(queue, 0).await;
            if received.is_empty() {
                return bodies;
            }
            bodies.extend(received);
        }
    }

    /// Waits a little for messages and takes some.
    pub(crate) async fn await_messages(&self, queue: &str) -> Vec<String> {
        self.receive(queue, 5).await
    }

    async fn receive(&self, queue: &str, wait_seconds: i32) -> Vec<String> {
        let receive = self.queues.receive_message().queue_url(queue).max_number_of_messages(10);
        let received = receive.wait_time_seconds(wait_seconds).send().await;
        // The emulator ends before those who wait for it.
        let Ok(received) = received else { return Vec::new() };
        let mut bodies = Vec::new();
        for message in received.messages.unwrap_or_default() {
            let delete = self.queues.delete_message().queue_url(queue);
            let delete = delete.set_receipt_handle(message.receipt_handle).send().await;
            delete.expect("a received message can be deleted");
            bodies.extend(message.body);
        }
        bodies
    }

    /// The ARN of a queue.
    pub(crate) async fn arn_of_queue(&self, queue: &str) -> String {
        use aws_sdk_sqs::types::QueueAttributeName::QueueArn;
        let asked =
            self.queues.get_queue_attributes().queue_url(queue).attribute_names(QueueArn).send().await;
        let mut attributes = asked.expect("the queue is there").attributes.unwrap_or_default();
        attributes.remove(&QueueArn).expect("a queue has an ARN")
    }

    /// How many messages a queue has, in flight or not.
    pub(crate) async fn depth(&self, queue: &str) -> u64 {
        use aws_sdk_sqs::types::QueueAttributeName as Name;
        let names = [Name::ApproximateNumberOfMessages, Name::ApproximateNumberOfMessagesNotVisible];
        let asked = self.queues.get_queue_attributes().queue_url(queue);
        let asked = asked.set_attribute_names(Some(names.to_vec())).send().await.expect("the queue is there");
        let counts = asked.attributes.unwrap_or_default();
        names.iter().filter_map(|name| counts.get(name)?.parse::<u64>().ok()).sum()
    }

    /// Writes a parameter.
    pub(crate) async fn put_parameter(&self, name: &str, value: &str, secret: bool) {
        use aws_sdk_ssm::types::ParameterType;
        let kind = if secret { ParameterType::SecureString } else { ParameterType::String };
        let put = self.parameters.put_parameter().name(name).value(value).r#type(kind).overwrite(true);
        put.send().await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }

    /// Whether there is a stack of this name.
    pub(crate) async fn has_stack(&self, name: &str) -> bool {
        let described = self.stacks.describe_stacks().stack_name(name).send().await;
        let stacks = described.ok().and_then(|it| it.stacks).unwrap_or_default();
        stacks.iter().any(|it| it.stack_status().is_some_and(|status| status.as_str() != "DELETE_COMPLETE"))
    }

    /// The names of the parameters below a path.
    pub(crate) async fn parameters_below(&self, path: &str) -> Vec<String> {
        let listed = self.parameters.get_parameters_by_path().path(path).recursive(true).send().await;
        let listed = listed.expect("parameters can be listed").parameters.unwrap_or_default();
        listed.into_iter().filter_map(|it| it.name).collect()
    }

    /// A stack's resources, by their names in the template.
    pub(crate) async fn resources(&self, stack: &str) -> BTreeMap<String, Resource> {
        let described = self.stacks.describe_stack_resources().stack_name(stack).send().await;
        let resources = described.expect("the stack is there").stack_resources.unwrap_or_default();
        let named = |it: aws_sdk_cloudformation::types::StackResource| {
            let kind = it.resource_type.unwrap_or_default();
            Some((it.logical_resource_id?, Resource { id: it.physical_resource_id?, kind }))
        };
        resources.into_iter().filter_map(named).collect()
    }

    /// Puts an alarm into a state, as `CloudWatch` does when its metric crosses the line.
    pub(crate) async fn set_alarm(&self, alarm: &str, state: &str, reason: &str) {
        // Two operations of two services do not justify two more SDK packages.
        let form = format!(
            "Action=SetAlarmState&Version=2010-08-01&AlarmName={alarm}&StateValue={state}&StateReason={reason}"
        );
        let request = self.http.post(&self.endpoint).body(form.replace(' ', "+"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.raw(request, "monitoring").await;
    }

    /// Every line that a log group has.
    pub(crate) async fn logs(&self, group: &str) -> Vec<String> {
        let mut lines = Vec::new();
        let mut token = None;
        loop {
            let mut body = json!({ "logGroupName": group });
            if let Some(token) = token {
                body["nextToken"] = token;
            }
            let request = self.http.post(&self.endpoint).body(body.to_string());
            let request = request.header("x-amz-target", "Logs_20140328.FilterLogEvents");
            let request = request.header("content-type", "application/x-amz-json-1.1");
            let mut answer: Value =
                serde_json::from_str(&self.raw(request, "logs").await).unwrap_or_default();
            let events = answer["events"].as_array().cloned().unwrap_or_default();
            lines.extend(events.iter().filter_map(|it| Some(it["message"].as_str()?.to_owned())));
            token = Some(answer["nextToken"].take()).filter(Value::is_string);
            if token.is_none() {
                return lines;
            }
        }
    }

    async fn raw(&self, request: reqwest::RequestBuilder, service: &str) -> String {
        // The emulator tells services apart by the scope of the signature, and does not check the signature.
        let scope = format!("{ACCOUNT}/20261121/{}/{service}/aws4_request", self.region);
        let signature = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        let response = request.header("authorization", signature).send().await.expect("the emulator answers");
        let status = response.status();
        let text = response.text().await.expect("the emulator's answer is text");
        assert!(status.is_success(), "{service}: {status}: {text}");
        text
    }
}
