//! What stands between processes: one way to the deployed HTTP API, one way to AWS on which calls are counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use reqwest::Client;
use tokio::net::TcpListener;

/// A client that knows only this machine.
pub(crate) fn client() -> Client {
    Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .expect("a client without certificates can be made")
}

/// Calls of AWS by operation, such as `DynamoDB.GetItem`.
pub(crate) type Calls = BTreeMap<String, u64>;

/// A server that hands every request on.
#[derive(Clone)]
pub(crate) struct Gateway {
    client: Client,
    /// Where requests go: `http://host:port` and what comes before their own path.
    target: Arc<OnceLock<String>>,
    calls: Arc<Mutex<Calls>>,
    /// Where it listens: `http://127.0.0.1:port`.
    pub(crate) address: String,
}

impl Gateway {
    /// Starts one that does not know yet where to.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
        let gateway = Self { client: client(), target: Arc::default(), calls: Arc::default(), address };
        let routes = Router::new().fallback(pass).with_state(gateway.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        gateway
    }

    /// From now on requests go there.
    pub(crate) fn lead_to(&self, address: String) {
        assert!(self.target.set(address).is_ok(), "a gateway leads to one place");
    }

    /// What was asked so far.
    pub(crate) fn calls(&self) -> Calls {
        self.calls.lock().expect("nothing panics while it counts").clone()
    }

    fn count(&self, headers: &HeaderMap, body: &[u8]) {
        *self
            .calls
            .lock()
            .expect("nothing panics while it counts")
            .entry(operation(headers, body))
            .or_default() += 1;
    }
}

async fn pass(State(gateway): State<Gateway>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let Some(target) = gateway.target.get() else {
        return (StatusCode::BAD_GATEWAY, "the way leads nowhere yet").into_response();
    };
    gateway.count(&parts.headers, &body);
    let mut headers = parts.headers;
    headers.remove(header::HOST);
    let url = format!("{target}{}", parts.uri);
    let sent = gateway.client.request(parts.method, url).headers(headers).body(body).send().await;
    match sent {
        Ok(response) => answer(response).await,
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

async fn answer(response: reqwest::Response) -> Response {
    let (status, mut headers) = (response.status(), response.headers().clone());
    // The body is sent on in one piece.
    headers.remove(header::TRANSFER_ENCODING);
    let body = response.bytes().await.unwrap_or_else(|_| Bytes::new());
    (status, headers, Body::from(body)).into_response()
}

/// The JSON protocols name the operation in a header (`DynamoDB_20120810.GetItem`), the query protocol in its form.
fn operation(headers: &HeaderMap, body: &[u8]) -> String {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    if let Some((service, action)) = target.and_then(|target| target.rsplit_once('.')) {
        let service = service.split('_').next().unwrap_or_default();
        return format!("{service}.{action}");
    }
    let form = String::from_utf8_lossy(body);
    let action = form.split('&').find_map(|pair| pair.strip_prefix("Action="));
    action.map_or_else(|| "other".to_owned(), |action| format!("query.{action}"))
}
