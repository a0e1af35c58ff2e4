//! The names in the service models, and what an answer that is none means.

use aws_sdk_ecs::error::{ConnectorError, ErrorMetadata};
use aws_sdk_ecs::operation::run_task::RunTaskError;

use super::*;

const NOW: Verdict = Verdict::RetryNow;
const SECOND: Verdict = Verdict::RetryAfter(REFILL);
const MINUTE: Verdict = Verdict::RetryAfter(QUOTA);
const NEVER: Verdict = Verdict::Never;
const DONE: Verdict = Verdict::AlreadyDone;

/// Every error that the models of the operations list, and AWS's common errors.
const NAMES: &[(&str, &[(&str, Verdict)])] = &[
    (
        "ecs RunTask",
        &[
            ("AccessDeniedException", NEVER),
            ("BlockedException", NEVER),
            ("ClientException", NEVER),
            ("ClusterNotFoundException", NEVER),
            ("ConflictException", DONE),
            ("InvalidParameterException", NEVER),
            ("PlatformTaskDefinitionIncompatibilityException", NEVER),
            ("PlatformUnknownException", NEVER),
            ("ServerException", NOW),
            ("UnsupportedFeatureException", NEVER),
        ],
    ),
    (
        "ecs StopTask, ListTasks, DescribeTasks",
        &[
            ("AccessDeniedException", NEVER),
            ("ClientException", NEVER),
            ("ClusterNotFoundException", NEVER),
            ("InvalidParameterException", NEVER),
            ("ServerException", NOW),
            ("ServiceNotFoundException", NEVER),
        ],
    ),
    (
        "ecs RegisterTaskDefinition, DescribeTaskDefinition",
        &[
            ("AccessDeniedException", NEVER),
            ("ClientException", NEVER),
            ("InvalidParameterException", NEVER),
            ("LimitExceededException", MINUTE),
            ("ServerException", NOW),
        ],
    ),
    (
        "ecr DescribeImages, BatchGetImage",
        &[
            ("ImageNotFoundException", NEVER),
            ("InvalidParameterException", NEVER),
            ("LimitExceededException", MINUTE),
            ("RepositoryNotFoundException", NEVER),
            ("ServerException", NOW),
            ("UnableToGetUpstreamImageException", NOW),
        ],
    ),
    (
        "codebuild StartBuild, BatchGetBuilds",
        &[
            ("AccountLimitExceededException", MINUTE),
            ("InvalidInputException", NEVER),
            ("ResourceNotFoundException", NEVER),
        ],
    ),
    (
        "dynamodb",
        &[
            ("IdempotentParameterMismatchException", NEVER),
            ("InternalServerError", NOW),
            ("ProvisionedThroughputExceededException", SECOND),
            ("RequestLimitExceeded", SECOND),
            ("ResourceNotFoundException", NEVER),
            ("ThrottlingException", SECOND),
            ("TransactionInProgressException", NOW),
            ("ValidationException", NEVER),
        ],
    ),
    (
        "ssm GetParameter, secretsmanager GetSecretValue",
        &[
            ("DecryptionFailure", NEVER),
            ("InternalServerError", NOW),
            ("InternalServiceError", NOW),
            ("InvalidKeyId", NEVER),
            ("InvalidParameterException", NEVER),
            ("InvalidRequestException", NEVER),
            ("ParameterNotFound", NEVER),
            ("ParameterVersionNotFound", NEVER),
            ("ResourceNotFoundException", NEVER),
        ],
    ),
    (
        "events PutEvents, sns Publish",
        &[
            ("AuthorizationError", NEVER),
            ("InternalException", NOW),
            ("InternalError", NOW),
            ("InvalidParameter", NEVER),
            ("KMSThrottling", SECOND),
            ("NotFound", NEVER),
        ],
    ),
    (
        "common",
        &[
            ("AccessDenied", NEVER),
            ("ExpiredToken", NOW),
            ("ExpiredTokenException", NOW),
            ("InternalFailure", NOW),
            ("InvalidClientTokenId", NOW),
            ("InvalidSignatureException", NOW),
            ("OptInRequired", NEVER),
            ("RequestExpired", NOW),
            ("RequestTimeout", NOW),
            ("ServiceUnavailable", NOW),
            ("ServiceUnavailableException", NOW),
            ("SlowDown", SECOND),
            ("Throttling", SECOND),
            ("TooManyRequestsException", SECOND),
            ("UnrecognizedClientException", NOW),
            ("ValidationError", NEVER),
        ],
    ),
    ("of tomorrow", &[("BrandNewException", NOW), ("", NOW)]),
];

fn service_error(code: Option<&str>, message: &str) -> SdkError<RunTaskError, ()> {
    let mut metadata = ErrorMetadata::builder().message(message);
    if let Some(code) = code {
        metadata = metadata.code(code);
    }
    SdkError::service_error(RunTaskError::generic(metadata.build()), ())
}

#[test]
fn every_name_of_the_service_models_has_its_meaning() {
    for (operations, names) in NAMES {
        for (name, verdict) in *names {
            let fault = classify(&service_error(Some(name), "why"));
            assert_eq!(fault.verdict, *verdict, "{operations}: {name}");
            assert!(fault.is(name));
            assert_eq!(fault.text, format!("{name}: why"));
        }
    }
}

#[test]
fn no_answer_leaves_open_what_was_done() {
    type Failure = SdkError<RunTaskError, ()>;
    let gone = || ConnectorError::io("the connection was reset".into());
    for (error, verdict, words) in [
        (Failure::timeout_error("after 5 s"), NOW, "after 5 s"),
        (Failure::dispatch_failure(gone()), NOW, "the connection was reset"),
        (Failure::response_error("not JSON", ()), NOW, "not JSON"),
        (Failure::construction_failure("no cluster"), NEVER, "no cluster"),
        (service_error(None, "<html>502"), NOW, "<html>502"),
    ] {
        let fault = classify(&error);
        assert_eq!((fault.verdict, fault.code), (verdict, None), "{error:?}");
        assert!(fault.text.contains(words), "{}", fault.text);
    }
}
