//! A server that answers as a test says, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::header::AUTHORIZATION;
use axum::http::{Request, Response, StatusCode};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A path, and what was shown.
type Asked = (String, Option<String>);
type Answering = dyn Fn(&str) -> Response<Body> + Send + Sync;

/// A server, until it is dropped.
pub(crate) struct Server {
    /// `127.0.0.1:port`
    pub(crate) host: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers what is asked at a path (with its query).
    pub(crate) async fn start(answer: impl Fn(&str) -> Response<Body> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (remembered, answer): (_, Arc<Answering>) = (Arc::clone(&asked), Arc::new(answer));
        let routes = Router::new().fallback(move |request: Request<Body>| {
            let path = request.uri().to_string();
            let shown = request.headers().get(AUTHORIZATION).map(|it| it.to_str().unwrap().to_owned());
            remembered.lock().unwrap().push((path.clone(), shown));
            std::future::ready(answer(&path))
        });
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { host, asked, task }
    }

    /// The paths that were asked, with what was shown.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

pub(crate) fn ok(body: impl Into<Body>) -> Response<Body> {
    Response::new(body.into())
}

pub(crate) fn status(code: u16) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(code).unwrap();
    response
}

/// A status with one header.
pub(crate) fn with(code: u16, header: &'static str, value: &str) -> Response<Body> {
    let mut response = status(code);
    response.headers_mut().insert(header, value.parse().unwrap());
    response
}
