//! What errors of DynamoDB mean, and which of them are tried again.

use std::error::Error;
use std::time::Duration;

use aws_sdk_dynamodb::config::interceptors::InterceptorContext;
use aws_sdk_dynamodb::config::retry::{ClassifyRetry, RetryAction, RetryConfig};
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;
use fleetfoot_model::ledger::LedgerError;

use super::item::malformed;
use crate::classify::classify;

/// A transaction asks for a row or counter that another one holds at this moment.
pub(super) const BUSY: &str = "TransactionConflict";
/// A condition did not hold.
pub(super) const REFUSED: &str = "ConditionalCheckFailed";
/// An item that has no part in the failure.
const NONE: &str = "None";
/// Reasons that are gone a moment later.
const PASSING: [&str; 3] = [BUSY, "ProvisionedThroughputExceeded", "ThrottlingError"];
/// Errors of a row that no other try makes good, such as one above DynamoDB's 400 KB.
const LASTING: [&str; 4] = [
    "ItemCollectionSizeLimitExceeded",
    "ItemCollectionSizeLimitExceededException",
    "ValidationError",
    "ValidationException",
];

/// Calls are tried this often. Every launch moves the counter of all runners, so that transactions collide in a burst;
/// each takes some 10 ms. Eight tries and 25 ms to begin with are what the SDK for Java has always had for DynamoDB.
pub(super) fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(8)
        .with_initial_backoff(Duration::from_millis(25))
        .with_max_backoff(Duration::from_secs(1))
}

/// A call is answered within milliseconds or its connection is dead. The SDK itself would wait for ever.
pub(super) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(3)).build()
}

/// Has a transaction tried again that was cancelled only because others were being made at the same moment: the SDK
/// takes any cancellation for final. Nothing was written, so the same token may be used again.
#[derive(Debug)]
pub(super) struct RetryBusy;

impl ClassifyRetry for RetryBusy {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else { return RetryAction::NoActionIndicated };
        let error = error.as_operation_error().and_then(|error| error.downcast_ref());
        match error {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled))
                if is_passing(cancelled.cancellation_reasons()) =>
            {
                RetryAction::throttling_error()
            }
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "busy transaction"
    }
}

fn is_passing(reasons: &[CancellationReason]) -> bool {
    let mut causes = reasons.iter().map(code).filter(|code| *code != NONE).peekable();
    causes.peek().is_some() && causes.all(|code| PASSING.contains(&code))
}

/// A reason's code.
pub(super) fn code(reason: &CancellationReason) -> &str {
    reason.code().unwrap_or(NONE)
}

/// Whether no other try can succeed.
pub(super) fn is_lasting(code: &str) -> bool {
    LASTING.contains(&code)
}

/// What an error of a call that concerns one key means, if it means nothing in particular. Neither what was sent nor
/// what was answered is in its text.
pub(super) fn of_call<E>(call: &str, key: &str, error: &SdkError<E>) -> LedgerError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let fault = classify(error);
    let message = format!("DynamoDB {call}: {}", fault.text);
    if fault.code.as_deref().is_some_and(is_lasting) {
        return malformed(key, &message);
    }
    // A table or a permission that is missing is not the event's fault: it is handled when that is mended.
    LedgerError::Unavailable(message)
}

/// What a cancelled transaction means, if it means nothing in particular.
pub(super) fn of_reasons(reasons: &[CancellationReason]) -> LedgerError {
    let causes: Vec<&str> = reasons.iter().map(code).filter(|code| *code != NONE).collect();
    LedgerError::Unavailable(format!("DynamoDB TransactWriteItems: cancelled: {}", causes.join(", ")))
}
