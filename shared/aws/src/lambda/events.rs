//! Events of a bus or a schedule, one an invocation.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fleetfoot_model::Timestamp;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::events::Fact;
use fleetfoot_model::function::{EventFunction, FunctionError, handle_event};
use fleetfoot_model::ids::JobId;
use fleetfoot_model::ports::Clock;
use fleetfoot_shell::traces::jobs_of;
use fleetfoot_shell::{Emission, within};
use lambda_runtime::Diagnostic;
use serde_json::Value;
use tracing::Instrument;

use super::host::Host;
use super::invocation::{Invocation, decode_event};

pub(super) async fn invoke<F: EventFunction>(
    host: &Host<F>,
    invocation: Invocation,
) -> Result<Value, Diagnostic> {
    host.conclude(handle(host, invocation).await)
}

async fn handle<F: EventFunction>(host: &Host<F>, invocation: Invocation) -> Result<(), FunctionError> {
    let function = host.function().await.map_err(|error| FunctionError::again(&error))?;
    let now = host.clock.now();
    let limit = invocation.time_left(now);
    let id = invocation.id.clone();
    let event = decode_event(invocation.payload).inspect_err(|error| refused(host.name, &id, error))?;
    let facts = answer(host, &*function, &event, now, limit).await?;
    host.publish(&Emission::of(&facts, event.causation_id(), now)).await?;
    host.measure(&facts);
    Ok(())
}

pub(super) fn refused(function: &str, id: &str, error: &FunctionError) {
    tracing::error!(function.name = function, invocation.id = id, %error, "an event cannot be read");
}

/// What a function answers to an event. Whatever is logged meanwhile carries the event's name.
pub(super) async fn answer<F>(
    host: &Host<F>,
    function: &dyn EventFunction,
    event: &Envelope,
    now: Timestamp,
    limit: Duration,
) -> Result<Vec<Fact>, FunctionError> {
    let span =
        tracing::info_span!("event", function.name = host.name, event.id, event.kind = event.detail_type);
    async {
        let began = Instant::now();
        let handled = within(Some(limit), handle_event(function, event, now)).await;
        let answer = handled.unwrap_or_else(|broken| Err(FunctionError::again(&broken)));
        let duration_ms = began.elapsed().as_secs_f64() * 1000.0;
        match &answer {
            Ok(facts) => {
                let jobs = words(&jobs_of(event, facts));
                let facts: Vec<&str> = facts.iter().map(Fact::detail_type).collect();
                tracing::info!(event.duration_ms = duration_ms, event.jobs = jobs, event.facts = ?facts, "handled");
            }
            Err(error) => {
                let jobs = words(&jobs_of(event, &[]));
                tracing::error!(event.duration_ms = duration_ms, event.jobs = jobs, %error, "not handled");
            }
        }
        host.trace_event(event, now, &answer);
        answer
    }
    .instrument(span)
    .await
}

/// Ids in a line: what the log is searched for.
pub(super) fn words(jobs: &BTreeSet<JobId>) -> String {
    jobs.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
