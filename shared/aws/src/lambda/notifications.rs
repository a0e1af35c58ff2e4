//! Messages of the topic.

use aws_lambda_events::sns::SnsEvent;
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
