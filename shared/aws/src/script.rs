//! AWS as a story tells it: the answers are laid out in order, each for the operation that is to ask for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_types::body::SdkBody;
use fleetfoot_model::Timestamp;
use fleetfoot_shell::clock::VirtualClock;
use serde_json::Value;

use crate::wire;

/// Noon.
pub(crate) fn noon() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// A clock that shows noon.
pub(crate) fn clock() -> Arc<VirtualClock> {
    Arc::new(VirtualClock::at(noon()))
}

/// What AWS is asked, and what it is to answer. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Script(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    answers: VecDeque<(&'static str, u16, String)>,
    requests: Vec<(String, Value)>,
}

impl Script {
    /// Lays out an answer.
    pub(crate) fn answer(&self, operation: &'static str, status: u16, body: &Value) -> &Self {
        self.raw(operation, status, &body.to_string())
    }

    /// Lays out an answer that may be no JSON.
    pub(crate) fn raw(&self, operation: &'static str, status: u16, body: &str) -> &Self {
        self.0.lock().unwrap().answers.push_back((operation, status, body.to_owned()));
        self
    }

    /// Takes the requests that left since the last time. Every answer must have been asked for.
    pub(crate) fn requests(&self) -> Vec<(String, Value)> {
        let mut state = self.0.lock().unwrap();
        assert!(state.answers.is_empty(), "nobody asked for {:?}", state.answers);
        std::mem::take(&mut state.requests)
    }

    /// What clients are built from. Nothing is sent twice.
    pub(crate) fn sdk(&self) -> SdkConfig {
        let state = Arc::clone(&self.0);
        let client = infallible_client_fn(move |request| {
            let target = request.headers()["x-amz-target"].to_str().unwrap();
            let operation = target.rsplit('.').next().unwrap().to_owned();
            let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
            let mut state = state.lock().unwrap();
            let (expected, status, answer) = state.answers.pop_front().expect("an answer was laid out");
            assert_eq!(operation, expected);
            state.requests.push((operation, body));
            http::Response::builder().status(status).body(SdkBody::from(answer)).unwrap()
        });
        wire::sdk(client).into_builder().retry_config(RetryConfig::disabled()).build()
    }
}
