//! What an error of AWS means to the ports: retry now, retry at, never, already done.
//!
//! The names are those of the service models and of AWS's "Common Errors"; the text of a message is looked at only by
//! the adapter whose operation needs it. An unknown error is one to retry: nothing is given up for a name that AWS adds.

use std::error::Error;
use std::fmt::Write as _;

use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use fleetfoot_model::SignedDuration;

/// Request rates of AWS are token buckets that are refilled each second (ECS API reference, "Request throttling").
const REFILL: SignedDuration = SignedDuration::from_secs(1);
/// A quota on things instead of requests, such as builds at a time, is freed by the end of one of them, which nobody
/// announces: it is looked at again after a minute.
const QUOTA: SignedDuration = SignedDuration::from_mins(1);

/// When a request that failed may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Now; it is unknown whether anything was done.
    RetryNow,
    /// When the limit has been refilled. Nothing was done.
    RetryAfter(SignedDuration),
    /// Not as it is. Nothing was done.
    Never,
    /// There is no need to: what it asks for was done before.
    AlreadyDone,
}

/// An error of AWS, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What to do.
    pub(crate) verdict: Verdict,
    /// The error's name in the service model; none if there was no answer or none that could be read.
    pub(crate) code: Option<String>,
    /// For people: name and message, or what went wrong on the way.
    pub(crate) text: String,
}

impl Fault {
    /// Whether it has this name in the service model.
    pub(crate) fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
}

/// Reads an error of any operation of any service.
pub(crate) fn classify<E, R>(error: &SdkError<E, R>) -> Fault
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug,
{
    match error {
        SdkError::ServiceError(answer) => {
            let code = answer.err().code();
            let text = match (code, answer.err().message()) {
                (Some(code), Some(message)) => format!("{code}: {message}"),
                (Some(code), None) => code.to_owned(),
                (None, Some(message)) => message.to_owned(),
                (None, None) => "an error without a name".to_owned(),
            };
            let verdict = code.map_or(Verdict::RetryNow, verdict_of);
            Fault { verdict, code: code.map(str::to_owned), text }
        }
        // The request lacks something; it never left.
        SdkError::ConstructionFailure(_) => unnamed(Verdict::Never, error),
        // No answer, none in time, or one that is not understood: whether anything was done is unknown.
        _ => unnamed(Verdict::RetryNow, error),
    }
}

fn unnamed(verdict: Verdict, error: &dyn Error) -> Fault {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    Fault { verdict, code: None, text }
}

/// What the name of an error means.
pub(crate) fn verdict_of(code: &str) -> Verdict {
    match code {
        "BandwidthLimitExceeded"
        | "EC2ThrottledException"
        | "KMSThrottling"
        | "KMSThrottlingException"
        | "PriorRequestNotComplete"
        | "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "SlowDown"
        | "ThrottledException"
        | "Throttling"
        | "ThrottlingException"
        | "TooManyRequestsException"
        | "TooManyUpdates" => Verdict::RetryAfter(REFILL),

        "AccountLimitExceededException" | "LimitExceededException" | "ServiceQuotaExceededException" => {
            Verdict::RetryAfter(QUOTA)
        }

        // The task exists (ECS RunTask with a `clientToken` that was used with other parameters).
        "ConflictException"
        | "ImageAlreadyExistsException"
        | "ResourceAlreadyExistsException"
        | "ResourceExistsException" => Verdict::AlreadyDone,

        // Permissions: mended by a deployment, and a person should hear of it at once.
        "AccessDenied"
        | "AccessDeniedException"
        | "AuthorizationError"
        | "AuthorizationErrorException"
        | "BlockedException"
        | "NotAuthorized"
        | "OptInRequired"
        | "UnauthorizedOperation"
        // What is named is not there.
        | "ClusterNotFoundException"
        | "ImageNotFoundException"
        | "NotFound"
        | "NotFoundException"
        | "ParameterNotFound"
        | "ParameterVersionNotFound"
        | "RepositoryNotFoundException"
        | "ResourceNotFoundException"
        | "ServiceNotFoundException"
        // What is asked for is not legal.
        | "ClientException"
        | "DecryptionFailure"
        | "IdempotentParameterMismatchException"
        | "InvalidAction"
        | "InvalidInputException"
        | "InvalidKeyId"
        | "InvalidParameter"
        | "InvalidParameterCombination"
        | "InvalidParameterException"
        | "InvalidParameterValue"
        | "InvalidQueryParameter"
        | "InvalidRequestException"
        | "MalformedQueryString"
        | "MissingAction"
        | "MissingParameter"
        | "PlatformTaskDefinitionIncompatibilityException"
        | "PlatformUnknownException"
        | "SerializationException"
        | "UnknownOperationException"
        | "UnsupportedFeatureException"
        | "ValidationError"
        | "ValidationException" => Verdict::Never,

        // Errors on the other side (`ServerException`, `InternalServerError`, `ServiceUnavailable`), credentials that
        // have just been replaced (`ExpiredToken`, `UnrecognizedClientException`), and what nobody has heard of.
        _ => Verdict::RetryNow,
    }
}

#[cfg(test)]
mod tests;
