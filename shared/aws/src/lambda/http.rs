//! Requests of the HTTP API, payload format 2.0.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use aws_lambda_events::http::HeaderValue;
use aws_lambda_events::http::header::{CONTENT_TYPE, RETRY_AFTER};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fleetfoot_model::events::Fact;
use fleetfoot_model::function::{FunctionError, HttpFunction};
use fleetfoot_model::http::{Request, Response};
use fleetfoot_model::ports::Clock;
use fleetfoot_shell::traces::job_of;
use fleetfoot_shell::{Emission, causation_id, within};
use lambda_runtime::Diagnostic;
use serde_json::{Value, json};
use tracing::Instrument;

use super::events::words;
use super::host::{Host, StartError};
use super::invocation::{Invocation, decode, diagnostic};

pub(super) async fn invoke<F: HttpFunction>(
    host: &Host<F>,
    mut invocation: Invocation,
) -> Result<Value, Diagnostic> {
    let payload = std::mem::take(&mut invocation.payload);
    let request = decode(payload).and_then(request).map_err(|error| diagnostic(&error))?;
    let response = match host.function().await {
        Ok(function) => answer(host, &*function, &request, &invocation).await,
        Err(error) => unready(&error),
    };
    Ok(json!(answered(&response)))
}

/// The fleet's word for a request.
fn request(request: ApiGatewayV2httpRequest) -> Result<Request, FunctionError> {
    let body = request.body.unwrap_or_default();
    let body = if request.is_base64_encoded {
        let decoded = BASE64_STANDARD.decode(body);
        decoded.map_err(|error| FunctionError::Malformed(format!("body: {error}")))?
    } else {
        body.into_bytes()
    };
    let header = |(name, value): (&aws_lambda_events::http::HeaderName, &HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    Ok(Request {
        method: request.request_context.http.method.to_string(),
        path: request.raw_path.unwrap_or_default(),
        headers: request.headers.iter().filter_map(header).collect(),
        body,
    })
}

/// The answer to a request. Its facts are published before it is given; if they cannot be, it is 503.
async fn answer<F: HttpFunction>(
    host: &Host<F>,
    function: &F,
    request: &Request,
    invocation: &Invocation,
) -> Response {
    let now = host.clock.now();
    let cause = causation_id(request, now);
    let span =
        tracing::info_span!("request", function.name = host.name, http.path = request.path, event.id = cause);
    async {
        let handled = within(Some(invocation.time_left(now)), function.handle(request, now)).await;
        let (response, facts) = handled.unwrap_or_else(|broken| {
            tracing::error!(failure.reason = %broken, "a request was not handled");
            (Response::message(500, "this request could not be handled"), Vec::new())
        });
        let kinds: Vec<&str> = facts.iter().map(Fact::detail_type).collect();
        let jobs = words(&facts.iter().filter_map(job_of).collect());
        tracing::info!(http.status = response.status, event.jobs = jobs, event.facts = ?kinds, "answered");
        host.trace_request(request, &cause, now, &response, &facts);
        if host.publish(&Emission::of(&facts, &cause, now)).await.is_err() {
            return Response::message(503, "the facts could not be published; try again");
        }
        host.measure(&facts);
        response
    }
    .instrument(span)
    .await
}

/// What is answered as long as the function is not ready. The details are in the log: whoever asks may be anybody.
fn unready(error: &StartError) -> Response {
    let version = env!("CARGO_PKG_VERSION");
    Response::json(503, json!({ "status": "failing", "version": version, "message": error.summary() }))
}

fn answered(response: &Response) -> ApiGatewayV2httpResponse {
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = response.status.into();
    answer.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let after = response.retry_after_seconds.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds)));
    answer.headers.extend(after);
    answer.body = Some(Body::Text(response.body.to_string()));
    answer
}
