//! Traces of a function's invocations.

use std::sync::Arc;
use std::time::Duration;

use fleetfoot_model::Timestamp;
use fleetfoot_model::config::TracesConfig;
use fleetfoot_model::envelope::Envelope;
use fleetfoot_model::events::Fact;
use fleetfoot_model::function::FunctionError;
use fleetfoot_model::http::{Request, Response};
use fleetfoot_model::ports::Clock;
use fleetfoot_shell::traces::{Exporter, Invocation, Resource, Trigger};

use super::host::{Host, lock};
use crate::traces::SdkSender;

/// The most that traces may take of an invocation.
const LONGEST_EXPORT: Duration = Duration::from_millis(300);

impl<F> Host<F> {
    pub(super) fn exporter(&self, config: &TracesConfig) -> Option<Arc<Exporter>> {
        let sender = Arc::new(SdkSender::new(&self.sdk, config.endpoint.as_ref()?));
        let region = self.sdk.region().map(ToString::to_string).unwrap_or_default();
        let resource = Resource { namespace: self.stack().to_owned(), region };
        Some(Arc::new(Exporter::new(config.header.clone(), resource, Arc::clone(&self.secrets), sender)))
    }

    fn traces(&self) -> Option<Arc<Exporter>> {
        lock(&self.traces).clone()
    }

    /// Keeps the spans of an event that was handled, if anybody wants them.
    pub(super) fn trace_event(
        &self,
        event: &Envelope,
        began: Timestamp,
        answer: &Result<Vec<Fact>, FunctionError>,
    ) {
        let Some(traces) = self.traces() else { return };
        traces.note(&Invocation {
            function: self.name,
            trigger: Trigger::of(event),
            id: &event.id,
            kind: &event.detail_type,
            event: event.fact().ok().as_ref(),
            facts: answer.as_deref().unwrap_or_default(),
            began,
            ended: self.clock.now(),
            error: answer.as_ref().err().map(FunctionError::kind),
        });
    }

    /// The same for a request that was answered.
    pub(super) fn trace_request(
        &self,
        request: &Request,
        id: &str,
        began: Timestamp,
        response: &Response,
        facts: &[Fact],
    ) {
        let Some(traces) = self.traces() else { return };
        traces.note(&Invocation {
            function: self.name,
            trigger: Trigger::Http,
            id,
            kind: request.path.rsplit('/').next().unwrap_or_default(),
            event: None,
            facts,
            began,
            ended: self.clock.now(),
            error: (response.status >= 500).then_some("unavailable"),
        });
    }

    /// Sends the spans that are kept; at the end of an invocation, as the process stands still until the next one.
    pub(super) async fn send_traces(&self, deadline: Timestamp) {
        let Some(traces) = self.traces() else { return };
        let now = self.clock.now();
        let left = Duration::try_from(deadline.duration_since(now)).unwrap_or_default();
        traces.export(left.min(LONGEST_EXPORT), now).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use aws_smithy_http_client::test_util::infallible_client_fn;
    use aws_smithy_types::body::SdkBody;
    use fleetfoot_model::events::RunnerReleased;
    use fleetfoot_model::function::EventFunction;
    use serde_json::{Value, json};

    use super::*;
    use crate::settings::{self, Settings};
    use crate::wire;

    const CONFIG: &str = r#"
        [github]
        organization = "acme"
        token = "ssm:/fleetfoot/ff/github/token"
        webhook_secrets = ["ssm:/fleetfoot/ff/webhook/secret"]
        [traces]
        endpoint = "https://otlp.example/base"
        header = "ssm:/fleetfoot/ff/traces/header"
    "#;

    struct Releases;

    #[async_trait]
    impl EventFunction for Releases {
        async fn handle(&self, event: &Envelope, _: Timestamp) -> Result<Vec<Fact>, FunctionError> {
            if event.detail_type == "Again" {
                return Err(FunctionError::Again("a text with a secret".to_owned()));
            }
            let runner = "ff-7-1".parse().unwrap();
            Ok(vec![RunnerReleased { runner, reason: "told".to_owned() }.into()])
        }
    }

    /// What a collector was sent: address, header, document.
    type Sent = Arc<Mutex<Vec<(String, String, Value)>>>;

    fn host(status: u16) -> (Host<Releases>, Sent) {
        let sent = Sent::default();
        let seen = Arc::clone(&sent);
        let client = infallible_client_fn(move |request| {
            let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
            let header = |name| request.headers().get(name).map(|it| it.to_str().unwrap().to_owned());
            let (status, answer) = match header("x-amz-target").as_deref() {
                None => {
                    let credential = header("x-api-key").unwrap();
                    seen.lock().unwrap().push((request.uri().to_string(), credential, body));
                    (status, json!({}))
                }
                Some("AWSEvents.PutEvents") => (200, json!({ "FailedEntryCount": 0, "Entries": [{}] })),
                Some(_) if body["Name"] == "/fleetfoot/ff/config" => {
                    (200, json!({ "Parameter": { "Version": 1, "Value": CONFIG } }))
                }
                Some(_) => (200, json!({ "Parameter": { "Version": 1, "Value": "X-Api-Key: k-1\n" } })),
            };
            let response = aws_lambda_events::http::Response::builder().status(status);
            response.body(SdkBody::from(answer.to_string())).unwrap()
        });
        let settings = [
            (settings::STACK, "ff"),
            (settings::FLEET, "ff"),
            (settings::CONFIG_PARAMETER, "/fleetfoot/ff/config"),
            (settings::BUS, "ff-fleet"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        (Host::new("test", Settings::new(settings), wire::sdk(client), |_| Ok(Releases)), sent)
    }

    async fn invoke(host: &Host<Releases>, detail_type: &str) {
        let payload = json!({
            "version": "0", "id": "e-1", "detail-type": detail_type, "source": "test", "account": "123456789012",
            "time": "2026-11-21T00:00:00Z", "region": "eu-west-1", "resources": [], "detail": { "job": 7 },
        });
        let event = lambda_runtime::LambdaEvent::new(payload, lambda_runtime::Context::default());
        let mut invocation = super::super::Invocation::from(event);
        invocation.deadline = Timestamp::MAX;
        let deadline = invocation.deadline;
        let _ = super::super::events::invoke(host, invocation).await;
        host.send_traces(deadline).await;
    }

    #[tokio::test]
    async fn spans_are_sent_at_the_end_of_an_invocation() {
        let (host, sent) = host(200);
        invoke(&host, "Anything").await;
        let (address, credential, document) = sent.lock().unwrap()[0].clone();
        assert_eq!((address.as_str(), credential.as_str()), ("https://otlp.example/base/v1/traces", "k-1"));
        let resource = &document["resourceSpans"][0];
        let service = &resource["resource"]["attributes"][0]["value"]["stringValue"];
        let span = &resource["scopeSpans"][0]["spans"][0];
        assert_eq!((service, &span["name"]), (&json!("fleetfoot-test"), &json!("test Anything")));
        let trace = fleetfoot_shell::traces::TraceId::of_job(fleetfoot_model::ids::JobId(7));
        assert_eq!(span["traceId"], trace.to_string());
    }

    #[tokio::test]
    async fn a_failure_is_told_without_its_text_and_a_collector_that_refuses_is_left_alone_for_a_while() {
        let (host, sent) = host(503);
        invoke(&host, "Again").await;
        invoke(&host, "Anything").await;
        let sent = sent.lock().unwrap();
        assert_eq!(sent.len(), 1);
        let span = &sent[0].2["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        assert_eq!(span["status"]["code"], 2);
        assert!(!sent[0].2.to_string().contains("secret"));
    }
}
