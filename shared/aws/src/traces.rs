//! Sends spans with the HTTP client that all of the SDK's clients share: a client of its own would bring its connections
//! and trusted certificates into each function.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::body::SdkBody;
use fleetfoot_shell::traces::{Header, PATH, Sender};
use serde_json::Value;

/// What is posted. It masks itself where the SDK logs it.
#[derive(Debug)]
struct Post {
    header: Option<Header>,
    body: String,
}

/// Never happens: each status is an answer.
#[derive(Debug, thiserror::Error)]
#[error("no answer")]
struct Refused;

/// The sender of a function.
pub(crate) struct SdkSender(Operation<Post, u16, Refused>);

impl SdkSender {
    /// To a collector's base address.
    pub(crate) fn new(sdk: &SdkConfig, endpoint: &str) -> Self {
        let mut operation = Operation::builder()
            .service_name("traces")
            .operation_name("ExportTraceService")
            .endpoint_url(endpoint)
            .no_auth()
            .no_retry();
        if let Some(client) = sdk.http_client() {
            operation = operation.http_client(client);
        }
        if let Some(sleep) = sdk.sleep_impl() {
            operation = operation.sleep_impl(sleep);
        }
        let operation = operation.serializer(|post: Post| {
            let mut request = HttpRequest::new(SdkBody::from(post.body));
            request.set_method("POST")?;
            request.set_uri(PATH)?;
            request.headers_mut().insert("content-type", "application/json");
            if let Some(Header { name, value }) = post.header {
                request.headers_mut().try_insert(name, value.expose().to_owned())?;
            }
            Ok(request)
        });
        Self(operation.deserializer::<u16, Refused>(|answer| Ok(answer.status().as_u16())).build())
    }
}

#[async_trait]
impl Sender for SdkSender {
    async fn send(&self, header: Option<&Header>, document: &Value) -> Result<u16, String> {
        let post = Post { header: header.cloned(), body: document.to_string() };
        self.0.invoke(post).await.map_err(|error| match error {
            SdkError::DispatchFailure(failure) => {
                failure.as_connector_error().map_or("it cannot be reached".to_owned(), ToString::to_string)
            }
            other => other.to_string(),
        })
    }
}
