//! What AWS refuses, in words, with what helps.

use std::error::Error;
use std::fmt::Debug;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::failure::Failure;

const NO_CREDENTIALS: &str = "`aws configure`, `aws login` or `aws sso login` sets credentials up; --profile or AWS_PROFILE names a profile";
const SIGN_IN: &str = "sign in again, such as with `aws login` or `aws sso login`, or name another --profile";

const UNREACHED: &str =
    "look at the network from here, and at the region; AWS_ENDPOINT_URL may name another address";
/// The codes of errors that have a remedy.
const CODES: [&str; 12] = [
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "TokenRefreshRequired",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
];

/// The remedy of a refusal of which only the words are known.
pub(crate) fn remedy_in(text: &str, action: &str) -> Option<String> {
    CODES.into_iter().find(|code| text.contains(code)).and_then(|code| hint(code, action))
}

/// Why a call was not answered. `action` is what a policy has to allow, such as `ssm:PutParameter`.
pub(crate) fn failure<E, R>(what: impl Into<String>, action: &str, error: &SdkError<E, R>) -> Failure
where
    E: Error + ProvideErrorMetadata + 'static,
    R: Debug,
    SdkError<E, R>: Error + 'static,
{
    let mut failure = Failure::new(what);
    match (error.as_service_error(), credentials(error)) {
        (Some(service), _) => {
            let code = service.code().unwrap_or("an unknown error");
            failure = refused(failure.what, action, code, service.message());
        }
        (None, Some(credentials)) => {
            failure = failure.because(credentials);
            let are_none = matches!(credentials, CredentialsError::CredentialsNotLoaded(_));
            failure.hint = Some(if are_none { NO_CREDENTIALS } else { SIGN_IN }.to_owned());
        }
        (None, None) => {
            failure = failure.because(error);
            failure.hint.get_or_insert_with(|| UNREACHED.to_owned());
        }
    }
    failure
}

/// What a service refuses, by the code of its error.
pub(super) fn refused(what: String, action: &str, code: &str, message: Option<&str>) -> Failure {
    let cause = match message {
        Some(message) => format!("{action}: {code}: {message}"),
        None => format!("{action}: {code}"),
    };
    Failure { what, causes: vec![cause], hint: hint(code, action) }
}

fn credentials<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a CredentialsError> {
    let mut next: Option<&'a (dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The names that services give to the same things (Common Errors in their API references).
fn hint(code: &str, action: &str) -> Option<String> {
    match code {
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => Some(format!(
            "these credentials may not {action}: have it allowed, or name others with --profile or AWS_PROFILE"
        )),
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" | "TokenRefreshRequired" => {
            Some(SIGN_IN.to_owned())
        }
        "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "AuthFailure" => Some(format!("AWS does not accept these credentials: {SIGN_IN}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ssm::operation::get_parameter::GetParameterError;
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    type Refusal = SdkError<GetParameterError, HttpResponse>;

    fn refused(code: &str) -> Failure {
        let metadata = ErrorMetadata::builder().code(code).message("as AWS says it").build();
        let response = HttpResponse::new(400.try_into().unwrap(), "".into());
        let error = Refusal::service_error(GetParameterError::generic(metadata), response);
        failure("it cannot be read", "ssm:GetParameter", &error)
    }

    fn unsent(error: CredentialsError) -> Failure {
        let error = Refusal::dispatch_failure(ConnectorError::other(error.into(), None));
        failure("it cannot be read", "ssm:GetParameter", &error)
    }

    #[test]
    fn a_refusal_names_the_action_and_what_helps() {
        for (code, hint) in [
            ("AccessDeniedException", "these credentials may not ssm:GetParameter"),
            ("ExpiredTokenException", "sign in again"),
            ("UnrecognizedClientException", "AWS does not accept these credentials"),
        ] {
            let failure = refused(code);
            assert_eq!(failure.causes, [format!("ssm:GetParameter: {code}: as AWS says it")]);
            assert!(failure.hint.unwrap().starts_with(hint), "{code}");
        }
        assert_eq!(refused("InternalServerError").hint, None);
        assert!(CODES.into_iter().all(|code| hint(code, "ssm:GetParameter").is_some()));
        let told = remedy_in("DynamoDB GetItem: ExpiredTokenException: no", "dynamodb:GetItem");
        assert_eq!(told.unwrap(), SIGN_IN);
        assert_eq!(remedy_in("a timeout", "dynamodb:GetItem"), None);
    }

    #[test]
    fn credentials_that_are_missing_are_told_from_those_that_are_of_no_use() {
        let missing = unsent(CredentialsError::not_loaded("none in the chain"));
        assert_eq!(missing.hint.unwrap(), NO_CREDENTIALS);
        let stale = unsent(CredentialsError::provider_error("the session has ended"));
        assert_eq!(stale.hint.unwrap(), SIGN_IN);
        assert!(
            stale.causes.iter().any(|cause| cause.contains("the session has ended")),
            "{:?}",
            stale.causes
        );
    }
}
