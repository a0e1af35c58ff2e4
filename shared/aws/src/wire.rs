//! An AWS for tests, at the wire: it remembers what it is asked, and answers as the test says.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ssm::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use serde_json::Value;

/// What is answered: status and body.
pub(crate) type Answer = (u16, String);

/// An error of the JSON protocols.
pub(crate) fn error(status: u16, code: &str) -> Answer {
    (status, serde_json::json!({ "__type": code, "message": "no" }).to_string())
}

type Answering = dyn Fn(&str) -> Option<Answer> + Send + Sync;

/// An AWS; clones are the same.
#[derive(Clone)]
pub(crate) struct Wire {
    asked: Arc<Mutex<Vec<String>>>,
    answering: Arc<Answering>,
}

impl Wire {
    /// Answers the body of a request; with none, it never answers.
    pub(crate) fn new(answering: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static) -> Self {
        Self { asked: Arc::default(), answering: Arc::new(answering) }
    }

    /// The bodies of all requests.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The bodies of all requests, which are JSON.
    pub(crate) fn asked_json(&self) -> Vec<Value> {
        self.asked().iter().map(|body| serde_json::from_str(body).unwrap()).collect()
    }

    /// For the SDK's clients.
    pub(crate) fn config(&self) -> SdkConfig {
        sdk(self.clone())
    }
}

/// What clients are built from whose requests go to `http`, with a region and credentials that are nobody's.
pub(crate) fn sdk(http: impl HttpClient + 'static) -> SdkConfig {
    let credentials = Credentials::new("AKIDEXAMPLE", "example", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http)
        .build()
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let body = body.unwrap_or_default();
        let answer = (self.answering)(&body);
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(body);
        HttpConnectorFuture::new(async move {
            // As on a real network, others get on meanwhile.
            tokio::task::yield_now().await;
            let Some((status, body)) = answer else { return std::future::pending().await };
            let response = http::Response::builder().status(status).body(body.into()).unwrap();
            Ok(response.try_into().unwrap())
        })
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
