//! Messages of the topic, and the schedule that wakes whoever takes them.

use aws_lambda_events::sns::SnsEvent;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::function::{FunctionError, NotificationFunction};
use fleetfoot_model::ports::Clock;
use fleetfoot_shell::within;
use lambda_runtime::Diagnostic;
use serde_json::Value;
use tracing::Instrument;

use super::host::Host;
use super::invocation::{Invocation, decode};

pub(super) async fn invoke<F: NotificationFunction>(
    host: &Host<F>,
    invocation: Invocation,
) -> Result<Value, Diagnostic> {
    host.conclude(handle(host, invocation).await)
}

async fn handle<F: NotificationFunction>(
    host: &Host<F>,
    mut invocation: Invocation,
) -> Result<(), FunctionError> {
    let function = host.function().await.map_err(|error| FunctionError::again(&error))?;
    if invocation.payload.get("Records").is_none() {
        return catch_up(host, &*function, &invocation).await;
    }
    let event: SnsEvent = decode(std::mem::take(&mut invocation.payload))?;
    // A topic hands over one message at a time (Amazon SNS developer guide, "Fanout to Lambda functions").
    for record in event.records {
        let now = host.clock.now();
        let span =
            tracing::info_span!("message", function.name = host.name, event.id = record.sns.message_id);
        let handle = function.handle(&record.sns.message, now);
        let handled = within(Some(invocation.time_left(now)), handle).instrument(span.clone()).await;
        let answer = handled.unwrap_or_else(|broken| Err(FunctionError::again(&broken)));
        span.in_scope(|| match &answer {
            Ok(()) => tracing::info!("handled"),
            Err(error) => tracing::error!(%error, "not handled"),
        });
        answer?;
    }
    Ok(())
}

/// A schedule says nothing but that it is time.
async fn catch_up<F: NotificationFunction>(
    host: &Host<F>,
    function: &F,
    invocation: &Invocation,
) -> Result<(), FunctionError> {
    let event: Envelope = decode(invocation.payload.clone())?;
    let now = host.clock.now();
    let span = tracing::info_span!("schedule", function.name = host.name, event.id = event.id);
    let caught_up =
        within(Some(invocation.time_left(now)), function.catch_up(now)).instrument(span.clone()).await;
    let answer = caught_up.unwrap_or_else(|broken| Err(FunctionError::again(&broken)));
    span.in_scope(|| match &answer {
        Ok(()) => tracing::debug!("caught up"),
        Err(error) => tracing::error!(%error, "not caught up"),
    });
    answer
}
