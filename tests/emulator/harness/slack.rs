//! A stand-in Slack that keeps what it is sent.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;
use tokio::net::TcpListener;

use super::wait::eventually;

/// An incoming webhook.
#[derive(Clone)]
pub(crate) struct Slack {
    messages: Arc<Mutex<Vec<Value>>>,
    /// Its address, which is a secret.
    pub(crate) address: String,
}

impl Slack {
    /// Starts it.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let host = listener.local_addr().expect("a bound listener has an address");
        let path = "/services/T00000000/B00000000/test-only-slack-secret";
        let slack = Self { messages: Arc::default(), address: format!("http://{host}{path}") };
        let routes = Router::new().route(path, post(take)).with_state(slack.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        slack
    }

    /// Waits for a message that has these words in it.
    pub(crate) async fn told(&self, words: &[&str]) -> Value {
        eventually(&format!("Slack is told {words:?}"), async || {
            let messages = self.messages.lock().expect("nothing panics while it reads").clone();
            messages.into_iter().find(|message| {
                let text = message.to_string();
                words.iter().all(|word| text.contains(word))
            })
        })
        .await
    }
}

async fn take(State(slack): State<Slack>, Json(message): Json<Value>) -> &'static str {
    slack.messages.lock().expect("nothing panics while it writes").push(message);
    "ok"
}
