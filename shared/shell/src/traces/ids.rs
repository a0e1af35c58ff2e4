//! Names of traces and spans.

use std::fmt;

use fleetfoot_model::ids::JobId;
use uuid::Uuid;

/// What a trace is called: 16 bytes, in lower-case hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TraceId(u128);

impl TraceId {
    /// A job's trace: `uuidgen --sha1 --namespace @oid --name "fleetfoot job 289782451"`, without hyphens.
    pub fn of_job(job: JobId) -> Self {
        Self::of(&format!("fleetfoot job {job}"))
    }

    /// The trace of something that is about no job.
    pub(super) fn of(name: &str) -> Self {
        Self(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).as_u128())
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// What a span is called: 8 bytes, in lower-case hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpanId(u64);

impl SpanId {
    /// A span by its name within a trace.
    pub(super) fn of(trace: TraceId, name: &str) -> Self {
        let name = format!("{trace}/{name}");
        Self(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).as_u64_pair().0)
    }

    /// The span of a whole job, which all others of its trace are below.
    pub(super) fn root(trace: TraceId) -> Self {
        Self::of(trace, "job")
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
