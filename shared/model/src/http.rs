//! An HTTP request and its answer, as far as a function behind an API sees them.

use std::collections::BTreeMap;

/// A request. Header names are in lower case, as API Gateway sends them.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `GET`, `POST`, ...
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// One value per name.
    pub headers: BTreeMap<String, String>,
    /// The raw body.
    pub body: Vec<u8>,
}

impl Request {
    /// A header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// An answer: a status and a JSON object.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// `retry-after`, in seconds, where the caller should come again.
    pub retry_after_seconds: Option<u64>,
    /// The body.
    pub body: serde_json::Value,
}

impl Response {
    /// An answer with a body.
    pub fn json(status: u16, body: serde_json::Value) -> Self {
        Self { status, retry_after_seconds: None, body }
    }

    /// An answer that says one thing.
    pub fn message(status: u16, message: &str) -> Self {
        Self::json(status, serde_json::json!({ "message": message }))
    }
}
