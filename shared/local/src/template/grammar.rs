//! Which resource types and properties are read, and which may be passed over because they wake no function.

use serde::Deserialize;
use serde_json::Value;

/// A resource type that is read.
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// Properties that are read.
    pub(super) read: &'static [&'static str],
    /// Properties that change nothing about what is woken by what.
    pub(super) ignored: &'static [&'static str],
}

pub(super) const API: &str = "AWS::ApiGatewayV2::Api";
pub(super) const BUS: &str = "AWS::Events::EventBus";
pub(super) const FUNCTION: &str = "AWS::Serverless::Function";
pub(super) const INTEGRATION: &str = "AWS::ApiGatewayV2::Integration";
pub(super) const MAPPING: &str = "AWS::Lambda::EventSourceMapping";
pub(super) const PERMISSION: &str = "AWS::Lambda::Permission";
pub(super) const QUEUE: &str = "AWS::SQS::Queue";
pub(super) const ROUTE: &str = "AWS::ApiGatewayV2::Route";
pub(super) const RULE: &str = "AWS::Events::Rule";
pub(super) const STAGE: &str = "AWS::ApiGatewayV2::Stage";
pub(super) const SUBSCRIPTION: &str = "AWS::SNS::Subscription";
pub(super) const TOPIC: &str = "AWS::SNS::Topic";

/// Everything that wires.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: API,
        read: &["ProtocolType"],
        ignored: &["CorsConfiguration", "Description", "DisableExecuteApiEndpoint", "Name", "Tags"],
    },
    Kind { name: BUS, read: &[], ignored: &["Description", "KmsKeyIdentifier", "LogConfig", "Name", "Tags"] },
    Kind {
        name: FUNCTION,
        read: &["CodeUri", "EventInvokeConfig", "Timeout"],
        ignored: &[
            "Architectures",
            "Description",
            "Environment",
            "EphemeralStorage",
            "FunctionName",
            "Handler",
            "KmsKeyArn",
            "LoggingConfig",
            "MemorySize",
            "PermissionsBoundary",
            "Policies",
            "ReservedConcurrentExecutions",
            "Role",
            "Runtime",
            "Tags",
            "Tracing",
            "VpcConfig",
        ],
    },
    Kind {
        name: INTEGRATION,
        read: &["ApiId", "IntegrationType", "IntegrationUri", "PayloadFormatVersion"],
        ignored: &["Description", "TimeoutInMillis"],
    },
    Kind {
        name: MAPPING,
        read: &["BatchSize", "EventSourceArn", "FunctionName", "FunctionResponseTypes", "ScalingConfig"],
        ignored: &["KmsKeyArn", "MetricsConfig", "Tags"],
    },
    Kind {
        name: PERMISSION,
        read: &["Action", "FunctionName", "Principal", "SourceArn"],
        ignored: &["SourceAccount"],
    },
    Kind {
        name: QUEUE,
        read: &["DelaySeconds", "RedrivePolicy", "VisibilityTimeout"],
        ignored: &[
            "KmsDataKeyReusePeriodSeconds",
            "KmsMasterKeyId",
            "MessageRetentionPeriod",
            "QueueName",
            "RedriveAllowPolicy",
            "SqsManagedSseEnabled",
            "Tags",
        ],
    },
    Kind { name: ROUTE, read: &["ApiId", "RouteKey", "Target"], ignored: &["OperationName"] },
    Kind {
        name: RULE,
        read: &["EventBusName", "EventPattern", "ScheduleExpression", "Targets"],
        ignored: &["Description", "Name", "Tags"],
    },
    Kind {
        name: STAGE,
        read: &["ApiId", "AutoDeploy", "StageName"],
        ignored: &["AccessLogSettings", "DefaultRouteSettings", "Description", "RouteSettings", "Tags"],
    },
    Kind {
        name: SUBSCRIPTION,
        read: &["Endpoint", "Protocol", "RedrivePolicy", "TopicArn"],
        ignored: &["Region"],
    },
    Kind { name: TOPIC, read: &[], ignored: &["DisplayName", "KmsMasterKeyId", "Tags", "TopicName"] },
];

/// Types that wake no function. Those that end in `::` stand for all that begin so.
pub(super) const IGNORED_KINDS: &[&str] = &[
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::ApplicationInsights::",
    "AWS::CloudWatch::",
    "AWS::CodeBuild::Project",
    "AWS::DynamoDB::Table",
    "AWS::EC2::",
    "AWS::ECR::Repository",
    "AWS::ECS::",
    "AWS::Events::Archive",
    "AWS::IAM::",
    "AWS::KMS::",
    "AWS::Logs::",
    "AWS::S3::",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::SSM::Parameter",
    "AWS::SecretsManager::",
    "AWS::Serverless::LayerVersion",
];

/// A reference to another resource.
#[derive(Debug, Clone, Deserialize)]
pub(super) enum Reference {
    Ref(String),
    #[serde(rename = "Fn::GetAtt")]
    Attribute(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FunctionProperties {
    pub(super) code_uri: String,
    pub(super) timeout: Option<u32>,
    #[serde(default)]
    pub(super) event_invoke_config: EventInvokeConfig,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(super) struct EventInvokeConfig {
    pub(super) maximum_retry_attempts: Option<u32>,
    /// Read so that it may be there: one machine keeps events as long as it takes.
    pub(super) maximum_event_age_in_seconds: Option<u32>,
    pub(super) destination_config: Option<DestinationConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DestinationConfig {
    pub(super) on_failure: OnFailure,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OnFailure {
    #[serde(rename = "Type")]
    pub(super) kind: String,
    pub(super) destination: Reference,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ApiProperties {
    pub(super) protocol_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StageProperties {
    pub(super) api_id: Reference,
    pub(super) auto_deploy: bool,
    pub(super) stage_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct IntegrationProperties {
    pub(super) api_id: Reference,
    pub(super) integration_type: String,
    pub(super) integration_uri: Reference,
    pub(super) payload_format_version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RouteProperties {
    pub(super) api_id: Reference,
    pub(super) route_key: String,
    /// `!Sub integrations/${Integration}`
    pub(super) target: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RuleProperties {
    pub(super) event_bus_name: Option<Reference>,
    pub(super) event_pattern: Option<Value>,
    pub(super) schedule_expression: Option<String>,
    pub(super) targets: Vec<TargetProperties>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TargetProperties {
    #[expect(dead_code, reason = "every target has one, and it wires nothing")]
    pub(super) id: String,
    pub(super) arn: Reference,
    pub(super) dead_letter_config: DeadLetterConfig,
    /// Handing over to a function or a queue of the same process does not fail.
    #[expect(dead_code, reason = "see above")]
    pub(super) retry_policy: RetryPolicy,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DeadLetterConfig {
    pub(super) arn: Reference,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[expect(dead_code, reason = "see where it is used")]
pub(super) struct RetryPolicy {
    pub(super) maximum_event_age_in_seconds: u32,
    pub(super) maximum_retry_attempts: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct QueueProperties {
    pub(super) delay_seconds: Option<u32>,
    pub(super) visibility_timeout: Option<u32>,
    pub(super) redrive_policy: Option<RedrivePolicy>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RedrivePolicy {
    pub(super) dead_letter_target_arn: Reference,
    pub(super) max_receive_count: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MappingProperties {
    pub(super) batch_size: usize,
    pub(super) event_source_arn: Reference,
    pub(super) function_name: Reference,
    #[serde(default)]
    pub(super) function_response_types: Vec<String>,
    pub(super) scaling_config: ScalingConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ScalingConfig {
    pub(super) maximum_concurrency: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SubscriptionProperties {
    pub(super) endpoint: Value,
    pub(super) protocol: String,
    pub(super) redrive_policy: Option<SubscriptionRedrive>,
    pub(super) topic_arn: Reference,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SubscriptionRedrive {
    pub(super) dead_letter_target_arn: Reference,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PermissionProperties {
    pub(super) action: String,
    pub(super) function_name: Reference,
    pub(super) principal: String,
    pub(super) source_arn: Value,
}
