//! Traces: one for each job, over all functions.
//!
//! No function hands a context to the next: ids are made of names (UUID version 5), so whoever knows a job's id knows its
//! trace, and what is told twice is one span. A span holds what facts hold, which is no secret, and no line of a log.
//!
//! The document is written by hand, in OTLP's JSON: it is four nested structures, and an SDK with its exporter would be
//! more code in each of nine functions than some of them have of their own.

mod export;
mod ids;
mod invocation;
mod otlp;
mod phases;
mod reqwest;
mod span;

pub use self::export::{Exporter, Header, PATH, Sender};
pub use self::ids::{SpanId, TraceId};
pub use self::invocation::{Invocation, Trigger, job_of, jobs_of};
pub use self::otlp::{Resource, document};
pub use self::reqwest::ReqwestSender;
pub use self::span::{Kind, Span, Value};
