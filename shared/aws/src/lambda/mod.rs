//! The Lambda shell: from an invocation to a function and back.
//!
//! A function whose settings, configuration or secrets are missing or wrong does not die of it: it refuses every
//! invocation with the reason — an HTTP request with 503, an event with an error that brings it back — and looks again at
//! the next one. So nothing is answered as done that was not, and a repaired configuration works at once.

mod events;
mod host;
mod http;
mod invocation;
mod log;
mod notifications;
mod ports;
mod queue;
#[cfg(test)]
mod tests;
mod traces;

use std::process::ExitCode;
use std::sync::Arc;

use fleetfoot_model::function::{EventFunction, HttpFunction, NotificationFunction};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;

use crate::clients;
use crate::settings::Settings;
use host::Host;
use invocation::Invocation;

pub use host::StartError;
pub use ports::Ports;

/// Serves a function that is woken by events of a bus or a schedule.
pub fn events<F: EventFunction + 'static>(name: &'static str, build: Build<F>) -> ExitCode {
    serve(name, build, async |host, invocation| events::invoke(&host, invocation).await)
}

/// Serves a function that is woken by batches of a queue.
pub fn queue<F: EventFunction + 'static>(name: &'static str, build: Build<F>) -> ExitCode {
    serve(name, build, async |host, invocation| queue::invoke(&host, invocation).await)
}

/// Serves a function behind the HTTP API.
pub fn http<F: HttpFunction + 'static>(name: &'static str, build: Build<F>) -> ExitCode {
    serve(name, build, async |host, invocation| http::invoke(&host, invocation).await)
}

/// Serves a function that is subscribed to the topic.
pub fn notifications<F: NotificationFunction + 'static>(name: &'static str, build: Build<F>) -> ExitCode {
    serve(name, build, async |host, invocation| notifications::invoke(&host, invocation).await)
}

/// Builds a function from its ports. Called at the start, and again when the configuration has changed.
pub type Build<F> = fn(&Ports) -> Result<F, StartError>;

fn serve<F: 'static>(
    name: &'static str,
    build: Build<F>,
    invoke: impl AsyncFn(Arc<Host<F>>, Invocation) -> Result<Value, Diagnostic>,
) -> ExitCode {
    log::to_stdout();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "there is no runtime");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(async {
        let host = Arc::new(Host::new(name, Settings::from_environment(), clients::load().await, build));
        // What is wrong is told now, and again to whoever invokes.
        let _ = host.function().await;
        let service = service_fn(|event: LambdaEvent<Value>| {
            let invocation = Invocation::from(event);
            let deadline = invocation.deadline;
            let (answer, host) = (invoke(Arc::clone(&host), invocation), Arc::clone(&host));
            async move {
                let answer = answer.await;
                host.measure_budget();
                host.send_traces(deadline).await;
                answer
            }
        });
        match lambda_runtime::run(service).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tracing::error!(error, "the runtime API cannot be reached");
                ExitCode::FAILURE
            }
        }
    })
}
